// The half of a connection that reads: bytes into the input buffer, requests out of it.
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/error.hpp>

#include "http/connection.h"

namespace ingle {
namespace {

namespace http = boost::beast::http;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr size_t kReadBytes = 64 << 10;  // Read ahead of what is being served, at most.

Status BodyEnded(bool client_closed, bool whole_time_is_over, const HttpServerOptions& options) {
  const std::string limit =
      whole_time_is_over
          ? "the body took longer than " + std::to_string(options.body_timeout_ms / 1000) + " s"
          : "no byte of the body came for " + std::to_string(options.body_idle_timeout_ms / 1000) +
                " s";
  return Fail(ErrorCode::kDeadline,
              client_closed ? "the body ended before all of it was there; send as many bytes as "
                              "Content-Length says, or the last chunk"
                            : limit + "; send it at once, and no longer than Content-Length says",
              "", "408");
}

}  // namespace

// One buffer per thread: thousands of silent connections hold none.
boost::system::error_code Connection::ReadSome() {
  static thread_local std::array<char, kReadBytes> chunk;
  boost::system::error_code error;
  const size_t bytes = socket_.read_some(asio::buffer(chunk), error);
  if (error == asio::error::would_block || error == asio::error::interrupted) return {};
  if (!error) in_.append(chunk.data(), bytes);
  return error;
}

asio::awaitable<void> Connection::Fill() {
  while (!broken_) {
    if (in_.size() >= kReadBytes) {
      space_event_.expires_at(Clock::time_point::max());
      co_await space_event_.async_wait(kToken);
      continue;
    }
    const auto [error] = co_await socket_.async_wait(Socket::wait_read, kToken);
    if (error || ReadSome()) break;
    input_event_.cancel();
  }
  eof_ = true;
  input_event_.cancel();
  PeerLeft();
}

asio::awaitable<bool> Connection::WaitForInput(Clock::time_point deadline) {
  const size_t before = in_.size();
  while (in_.size() == before) {
    if (eof_ || broken_ || Clock::now() >= deadline) co_return false;
    input_event_.expires_at(deadline);
    co_await input_event_.async_wait(kToken);
  }
  co_return true;
}

// Bytes of the next request's head, blank line included; 0: the client is done.
asio::awaitable<Result<size_t>> Connection::FindHead() {
  const HttpServerOptions& options = server_->options;
  const int idle_ms = served_ ? options.idle_timeout_ms : options.first_byte_timeout_ms;
  const auto idle_until = Clock::now() + std::chrono::milliseconds(idle_ms);
  if (in_.empty()) in_.shrink_to_fit();
  while (in_.empty())
    if (!co_await WaitForInput(idle_until)) co_return size_t{0};
  const auto head_until = Clock::now() + std::chrono::milliseconds(options.head_timeout_ms);
  size_t searched = 0;
  while (true) {
    // Empty lines before a request are allowed (RFC 9112 section 2.2).
    while (in_.starts_with("\r\n")) in_.erase(0, 2);
    const size_t end = in_.find("\r\n\r\n", searched);
    if (end != std::string::npos) {
      auto checked = CheckHead(std::string_view(in_).substr(0, end + 4), options.head);
      if (!checked) co_return std::unexpected(checked.error());
      co_return end + 4;
    }
    // A bare line feed never becomes right; do not wait for more.
    if (const size_t feed = in_.find('\n');
        feed != std::string::npos && (feed == 0 || in_[feed - 1] != '\r'))
      co_return Fail(ErrorCode::kInvalidRequest,
                     "a bare LF in the request's headers; end lines with CR LF", "", "400");
    if (in_.size() > options.head.bytes)
      co_return Fail(ErrorCode::kInvalidRequest,
                     "the request's headers have more than " + std::to_string(options.head.bytes) +
                         " bytes; send fewer or shorter ones",
                     "", "431");
    searched = in_.size() < 3 ? 0 : in_.size() - 3;
    if (!co_await WaitForInput(head_until)) {
      if (!eof_)
        co_return Fail(ErrorCode::kDeadline,
                       "the request's headers took longer than " +
                           std::to_string(options.head_timeout_ms / 1000) + " s; send them at once",
                       "", "408");
      co_return size_t{0};
    }
  }
}

Status Connection::Put(Parser& parser, size_t bytes) {
  boost::system::error_code error;
  const size_t used = parser.put(asio::buffer(in_.data(), bytes), error);
  in_.erase(0, used);
  space_event_.cancel();
  if (!error || error == http::error::need_more) return {};
  if (error == http::error::body_limit)
    return Fail(ErrorCode::kTooLarge,
                "the body has more than " + std::to_string(server_->options.max_body_bytes) +
                    " bytes; shorten the request",
                "", "413");
  return Fail(ErrorCode::kInvalidRequest,
              "not a valid HTTP request (" + error.message() +
                  "); check its first line, its headers and how the body's length is given",
              "", "400");
}

Result<HttpRequest> Connection::Interpret(const Parser& parser) const {
  const auto& message = parser.get();
  HttpRequest request;
  request.id = request_id_;
  request.method = message.method_string();
  request.keep_alive = message.keep_alive() && !server_->draining;
  request.chunked_replies = message.version() >= 11;
  INGLE_RETURN_IF_ERROR(SetTarget({message.target().data(), message.target().size()}, request));
  for (const auto& field : message)
    request.headers.emplace_back(field.name_string(), field.value());
  if (message.version() >= 11 && request.Header("host").empty())
    return Fail(ErrorCode::kInvalidRequest, "the request has no Host header; send one", "", "400");
  if (message.method() == http::verb::unknown)
    return Fail(ErrorCode::kInvalidRequest,
                "the method " + request.method.substr(0, 64) + " is not known; use GET or POST", "",
                "501");
  return request;
}

asio::awaitable<Status> Connection::ReadBody(Parser& parser) {
  parser.eager(true);
  const HttpServerOptions& options = server_->options;
  const auto deadline = Clock::now() + std::chrono::milliseconds(options.body_timeout_ms);
  while (true) {
    const size_t before = in_.size();
    if (before > 0 && !parser.is_done())
      if (auto put = Put(parser, before); !put) co_return put;
    if (!body_charge_.Grow(parser.get().body().size()))
      co_return Fail(ErrorCode::kUnavailable,
                     "the bodies of other requests take all the room there is for bodies (" +
                         std::to_string(options.body_budget_bytes) +
                         " bytes); send the request again in a moment",
                     "", "503");
    if (parser.is_done()) co_return Status();
    // Fill reads no further, so waiting would not help.
    if (in_.size() == before && before >= kReadBytes)
      co_return Fail(ErrorCode::kInvalidRequest,
                     "a chunk's header or the trailers have more than " +
                         std::to_string(kReadBytes) +
                         " bytes; send the body with Content-Length or in plain chunks",
                     "", "400");
    const auto idle_until = Clock::now() + std::chrono::milliseconds(options.body_idle_timeout_ms);
    if (!co_await WaitForInput(std::min(deadline, idle_until)))
      co_return BodyEnded(eof_, Clock::now() >= deadline, options);
  }
}

}  // namespace ingle
