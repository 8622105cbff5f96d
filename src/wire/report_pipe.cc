#include "wire/report_pipe.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

#include "wire/codec.h"

namespace ingle {
namespace {

constexpr size_t kReadBytes = 64 << 10;

}  // namespace

ReportPipe::ReportPipe(UniqueFd fd) : fd_(std::move(fd)) {
  if (fd_.valid()) fcntl(fd_.get(), F_SETFL, fcntl(fd_.get(), F_GETFL) & ~O_NONBLOCK);
}

bool ReportPipe::Send(std::string* frame) const {
  const size_t size = frame->size() - kHeadBytes;
  if (size > static_cast<size_t>(kMaxToGatewayBytes)) return false;
  for (size_t i = 0; i < kHeadBytes; ++i) (*frame)[i] = static_cast<char>(size >> (8 * i));
  std::string_view left = *frame;
  while (!left.empty()) {
    const ssize_t sent = send(fd_.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    left.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool ReportPipe::Fill(size_t bytes) {
  while (buffer_.size() - begin_ < bytes) {
    buffer_.erase(0, std::exchange(begin_, 0));
    const size_t held = buffer_.size();
    ssize_t got = 0;
    buffer_.resize_and_overwrite(held + kReadBytes, [&](char* data, size_t) {
      got = recv(fd_.get(), data + held, kReadBytes, 0);
      return held + (got > 0 ? static_cast<size_t>(got) : 0);
    });
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
  }
  return true;
}

bool ReportPipe::Receive(std::string_view* message) {
  if (!Fill(kHeadBytes)) return false;
  size_t size = 0;
  for (size_t i = 0; i < kHeadBytes; ++i)
    size |= size_t{static_cast<uint8_t>(buffer_[begin_ + i])} << (8 * i);
  if (size > static_cast<size_t>(kMaxToGatewayBytes) || !Fill(kHeadBytes + size)) return false;
  *message = std::string_view(buffer_).substr(begin_ + kHeadBytes, size);
  begin_ += kHeadBytes + size;
  return true;
}

void ReportPipe::Stop() const {
  if (fd_.valid()) shutdown(fd_.get(), SHUT_RDWR);
}

}  // namespace ingle
