#include "http/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <tuple>

#include "http/connection_exchange.h"

namespace ingle {
namespace {

namespace http = boost::beast::http;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr size_t kLingerBytes =
    64 << 20;  // Discarded after a refusal, so that the client can read it.
constexpr auto kLingerTime = std::chrono::seconds(5);
constexpr size_t kGatherBuffers = 64;
// What the kernel holds of a reply beyond what is on its way. Without a limit it takes megabytes of
// an answer that nobody reads, and the one who makes it hears late that it should wait.
constexpr int kUnsentBytes = 128 << 10;

int StatusOf(const Error& error) { return error.id.size() == 3 ? std::stoi(error.id) : 400; }

}  // namespace

Connection::Connection(Socket socket, std::shared_ptr<ServerState> server)
    : strand_(socket.get_executor()),
      socket_(std::move(socket)),
      server_(std::move(server)),
      input_event_(strand_),
      space_event_(strand_),
      output_event_(strand_),
      body_charge_(&server_->bodies, server_->options.free_body_bytes) {
  ++server_->connections;
}

Connection::~Connection() { --server_->connections; }

void Connection::Start() {
  boost::system::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentBytes,
             sizeof(kUnsentBytes));
  asio::co_spawn(strand_, [self = shared_from_this()] { return self->Fill(); }, asio::detached);
  asio::co_spawn(strand_, [self = shared_from_this()] { return self->Serve(); }, asio::detached);
}

void Connection::Close() {
  broken_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  input_event_.cancel();
  space_event_.cancel();
  output_event_.cancel();
}

void Connection::PeerLeft() {
  // Moved out first: the callback may end the exchange.
  const auto on_closed = std::exchange(reply_.on_closed, nullptr);
  if (!on_closed) return;
  on_closed();
  // Nobody produces this reply any more, so nothing else would end it. Posted, not done here: an
  // answer given before the handler heard of the leaving is in the strand's queue, and goes out.
  asio::post(strand_, [self = shared_from_this(), number = exchange_number_] {
    if (self->exchange_number_ != number || self->reply_.ended) return;
    self->reply_.aborted = self->reply_.ended = true;
    self->output_event_.cancel();
  });
}

asio::awaitable<void> Connection::Serve() {
  while (!broken_) {
    const Next next = co_await ServeOne();
    if (next == Next::kClose) break;
  }
  Close();
}

asio::awaitable<Connection::Next> Connection::ServeOne() {
  reply_ = Reply();
  keep_alive_ = false;
  char id[40];
  snprintf(id, sizeof(id), "req_%016llx%08llx", static_cast<unsigned long long>(server_->id_base),
           static_cast<unsigned long long>(++server_->requests));
  request_id_ = id;
  const Result<size_t> head = co_await FindHead();
  if (head && *head == 0) co_return Next::kClose;
  Parser parser;
  parser.body_limit(server_->options.max_body_bytes);
  parser.header_limit(static_cast<uint32_t>(server_->options.head.bytes));
  Status status = head ? Put(parser, *head) : Status(std::unexpected(head.error()));
  Result<HttpRequest> request =
      status ? Interpret(parser) : Result<HttpRequest>(std::unexpected(status.error()));
  if (!request) {
    co_await Refuse(
        server_->handler->OnBadRequest(StatusOf(request.error()), request.error().message), false);
    co_return Next::kClose;
  }
  const bool head_only = request->method == "HEAD";
  if (auto refusal = server_->handler->OnHead(*request)) {
    if (!parser.is_done() || !request->keep_alive) {
      co_await Refuse(*std::move(refusal), head_only);
      co_return Next::kClose;
    }
    keep_alive_ = true;
    reply_.head_only = head_only;
    ConnectionExchange(shared_from_this(), ++exchange_number_).Send(*std::move(refusal));
    co_return co_await RunReply(nullptr) ? Next::kRequest : Next::kClose;
  }
  if (!parser.is_done() && in_.empty() &&
      boost::beast::iequals(std::string(request->Header("expect")), "100-continue"))
    co_await asio::async_write(
        socket_, asio::buffer(std::string_view("HTTP/1.1 100 Continue\r\n\r\n")), kToken);
  if (status = co_await ReadBody(parser); !status) {
    parser.get().body() = std::string();  // Not held while the refusal goes out.
    body_charge_.Release();
    co_await Refuse(
        server_->handler->OnBadRequest(StatusOf(status.error()), status.error().message),
        head_only);
    co_return Next::kClose;
  }
  served_ = true;
  request->body = std::move(parser.get().body());
  keep_alive_ = request->keep_alive;
  reply_.head_only = head_only;
  reply_.chunked = request->chunked_replies;
  auto exchange = std::make_shared<ConnectionExchange>(shared_from_this(), ++exchange_number_);
  server_->handler->OnRequest(*std::move(request), exchange);
  co_return co_await RunReply(std::move(exchange)) ? Next::kRequest : Next::kClose;
}

// Writes what the exchange produces until it ends; false when the connection cannot go on.
asio::awaitable<bool> Connection::RunReply(std::shared_ptr<Exchange> exchange) {
  exchange.reset();  // Only the handler decides how long it lives.
  ++server_->replies;
  while (!broken_) {
    if (reply_.aborted) break;
    if (!reply_.out.empty()) {
      if (!co_await WriteSome()) break;
      continue;
    }
    if (reply_.ended) break;
    auto deadline = Clock::time_point::max();
    if (reply_.begun && reply_.filler_ms > 0) {
      deadline = reply_.last_write + std::chrono::milliseconds(reply_.filler_ms);
      if (Clock::now() >= deadline) {
        reply_.out.push_back(reply_.chunked
                                 ? ChunkHead(reply_.filler.size()) + reply_.filler + "\r\n"
                                 : reply_.filler);
        continue;
      }
    }
    output_event_.expires_at(deadline);
    co_await output_event_.async_wait(kToken);
  }
  const bool fine = reply_.ended && !reply_.aborted && reply_.out.empty() && !broken_;
  ++exchange_number_;  // Late calls go nowhere.
  queued_bytes_ = 0;
  body_charge_.Release();
  if (!fine) PeerLeft();
  reply_ = Reply();
  --server_->replies;
  co_return fine&& keep_alive_;
}

// Closing the socket is the only way to end a write that the peer does not take. `stuck` lives as
// long as the write.
void Connection::WatchWrite(asio::steady_timer& stuck) {
  stuck.expires_after(std::chrono::milliseconds(server_->options.write_timeout_ms));
  stuck.async_wait(
      [this, self = shared_from_this(), &stuck, number = writes_](boost::system::error_code error) {
        if (error || number != writes_) return;  // The write ended in the same moment.
        const auto on_stalled = std::exchange(reply_.on_stalled, nullptr);
        if (!on_stalled) return Close();
        on_stalled();
        WatchWrite(stuck);
      });
}

asio::awaitable<bool> Connection::WriteSome() {
  std::vector<asio::const_buffer> buffers;
  for (const std::string& piece : reply_.out) {
    buffers.push_back(asio::buffer(piece));
    if (buffers.size() == kGatherBuffers) break;
  }
  // Usually the kernel takes all at once; then there is nothing to wait for, nor to watch.
  boost::system::error_code error;
  size_t bytes = socket_.write_some(buffers, error);
  if (error == asio::error::would_block) {
    asio::steady_timer stuck(strand_);
    WatchWrite(stuck);
    std::tie(error, bytes) = co_await socket_.async_write_some(buffers, kToken);
    stuck.cancel();
    ++writes_;
  }
  if (error || broken_) co_return false;
  size_t left = bytes;
  while (left > 0) {
    std::string& first = reply_.out.front();
    if (left < first.size()) {
      first.erase(0, left);
      break;
    }
    left -= first.size();
    reply_.out.pop_front();
  }
  reply_.last_write = Clock::now();
  const size_t queued = queued_bytes_;
  queued_bytes_ -= std::min(queued, bytes);
  if (reply_.out.empty())
    queued_bytes_ = 0;  // Heads and chunk frames were counted too, or not at all.
  if (reply_.on_written) reply_.on_written(bytes);
  co_return true;
}

std::string Connection::HeadText(int status, const HttpHeaders& headers,
                                 std::optional<size_t> length) const {
  std::string text =
      "HTTP/1.1 " + std::to_string(status) + " " + std::string(ReasonPhrase(status)) + "\r\n";
  for (const auto& [name, value] : headers) {
    text += name + ": ";
    for (const char c : value)
      if (c != '\r' && c != '\n' && c != '\0') text += c;
    text += "\r\n";
  }
  text += "x-request-id: " + request_id_ + "\r\nDate: " + HttpDate() + "\r\n";
  if (length && status != 204)
    text += "Content-Length: " + std::to_string(*length) + "\r\n";
  else if (!length && reply_.chunked)
    text += "Transfer-Encoding: chunked\r\n";
  text += keep_alive_ ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return text;
}

asio::awaitable<void> Connection::Refuse(HttpResponse response, bool head_only) {
  keep_alive_ = false;
  reply_ = Reply();
  reply_.head_only = head_only;
  ConnectionExchange(shared_from_this(), ++exchange_number_).Send(std::move(response));
  co_await RunReply(nullptr);
  co_await Linger();
}

// Closing with unread input would reset the connection and may destroy the reply on its way.
asio::awaitable<void> Connection::Linger() {
  boost::system::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  const auto deadline = Clock::now() + kLingerTime;
  size_t discarded = 0;
  do {
    discarded += in_.size();
    in_.clear();
    space_event_.cancel();
  } while (discarded < kLingerBytes && co_await WaitForInput(deadline));
}

}  // namespace ingle
