#pragma once
// One TCP connection: a coroutine that reads requests and writes replies in order, and one that
// fills its input buffer (so that a client's leaving is seen at once). For http/*.cc only: Asio is
// slow to compile.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <deque>

#include "http/body_budget.h"
#include "http/server.h"

namespace ingle {

namespace asio = boost::asio;

// Shared by all connections of a server.
struct ServerState {
  explicit ServerState(const HttpServerOptions& with)
      : options(with), bodies(with.body_budget_bytes) {}
  const HttpServerOptions options;
  BodyBudget bodies;
  HttpHandler* handler = nullptr;
  std::atomic<size_t> connections{0}, replies{0};
  std::atomic<bool> draining{false};
  std::atomic<uint64_t> requests{0};
  uint64_t id_base = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Strand = asio::strand<asio::io_context::executor_type>;
  using Socket = asio::basic_stream_socket<asio::ip::tcp, Strand>;

  Connection(Socket socket, std::shared_ptr<ServerState> server);
  ~Connection();
  void Start();

 private:
  friend class ConnectionExchange;
  using Clock = std::chrono::steady_clock;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  enum class Next : uint8_t { kRequest, kClose };

  // What a reply consists of while it goes out. Touched on the strand only.
  struct Reply {
    std::deque<std::string> out;
    bool begun = false, ended = false, aborted = false, chunked = false, head_only = false;
    std::string filler;
    int filler_ms = 0;
    Clock::time_point last_write;
    std::function<void()> on_closed;
    std::function<void(size_t)> on_written;
    std::function<void()> on_stalled;
  };

  asio::awaitable<void> Fill();
  boost::system::error_code ReadSome();
  asio::awaitable<void> Serve();
  asio::awaitable<Next> ServeOne();
  asio::awaitable<bool> WaitForInput(Clock::time_point deadline);
  asio::awaitable<Result<size_t>> FindHead();
  asio::awaitable<Status> ReadBody(Parser& parser);
  asio::awaitable<bool> RunReply(std::shared_ptr<Exchange> exchange);
  asio::awaitable<bool> WriteSome();
  void WatchWrite(asio::steady_timer& stuck);
  asio::awaitable<void> Refuse(HttpResponse response, bool head_only);
  asio::awaitable<void> Linger();
  Result<HttpRequest> Interpret(const Parser& parser) const;
  Status Put(Parser& parser, size_t bytes);
  std::string HeadText(int status, const HttpHeaders& headers, std::optional<size_t> length) const;
  void PeerLeft();
  void Close();

  Strand strand_;
  Socket socket_;
  std::shared_ptr<ServerState> server_;
  asio::steady_timer input_event_, space_event_, output_event_;
  std::string in_;
  bool eof_ = false, broken_ = false, keep_alive_ = true;
  bool served_ = false;  // Some request has been read.
  std::string request_id_;
  BodyCharge body_charge_;  // Of the request that is read or answered.
  Reply reply_;
  uint64_t exchange_number_ = 0;  // Late calls of an earlier exchange are ignored.
  uint64_t writes_ = 0;           // That have ended.
  std::atomic<size_t> queued_bytes_{0};
};

}  // namespace ingle
