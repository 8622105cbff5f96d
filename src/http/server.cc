#include "http/server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>
#include <thread>

#include "http/connection.h"

namespace ingle {
namespace {

constexpr auto kAcceptPause = std::chrono::milliseconds(100);  // When descriptors have run out.

class AsioServer final : public HttpServer {
 public:
  AsioServer(const HttpServerOptions& options, HttpHandler* handler)
      : context_(static_cast<int>(options.threads)),
        acceptor_(context_),
        state_(std::make_shared<ServerState>(options)) {
    state_->handler = handler;
    std::random_device random;
    state_->id_base = (uint64_t{random()} << 32) | random();
  }

  Status Listen() {
    const HttpServerOptions& options = state_->options;
    boost::system::error_code error;
    const auto address = asio::ip::make_address(options.address, error);
    if (error)
      return Fail(ErrorCode::kInvalidRequest,
                  "'" + options.address +
                      "' is not an IP address; give one such as 127.0.0.1, or localhost",
                  "host");
    const asio::ip::tcp::endpoint endpoint(address, options.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) port_ = acceptor_.local_endpoint(error).port();
    if (error)
      return Fail(ErrorCode::kUnavailable,
                  "cannot listen on " + options.address + " port " + std::to_string(options.port) +
                      ": " + error.message() +
                      (error == asio::error::address_in_use
                           ? "; another program listens there, perhaps another ingle: stop it, or "
                           : "; ") +
                      "choose another port with --port",
                  "port");
    asio::co_spawn(context_, Accept(), asio::detached);
    for (uint32_t i = 0; i < options.threads; ++i) threads_.emplace_back([this] { Run(); });
    return {};
  }

  ~AsioServer() override {
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
  }

  uint16_t port() const override { return port_; }
  size_t connections() const override { return state_->connections; }
  size_t body_bytes() const override {
    return state_->options.body_budget_bytes - state_->bodies.left();
  }
  size_t replies() const override { return state_->replies; }

  void StopAccepting() override {
    state_->draining = true;
    asio::post(context_, [this] {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
    });
  }

 private:
  void Run() {
    // A library's exception (out of memory, for instance) ends one handler, not the server.
    while (true) {
      try {
        context_.run();
        return;
      } catch (const std::exception& error) {
        state_->options.log(error.what());
      }
    }
  }

  asio::awaitable<void> Accept() {
    constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
    while (acceptor_.is_open()) {
      Connection::Socket socket(asio::make_strand(context_));
      const auto [error] = co_await acceptor_.async_accept(socket, kToken);
      if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor)
        co_return;
      if (error) {
        asio::steady_timer pause(context_, kAcceptPause);
        co_await pause.async_wait(kToken);
        continue;
      }
      if (state_->connections >= state_->options.max_connections) continue;  // Closes it.
      std::make_shared<Connection>(std::move(socket), state_)->Start();
    }
  }

  asio::io_context context_;
  asio::ip::tcp::acceptor acceptor_;
  std::shared_ptr<ServerState> state_;
  uint16_t port_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                      HttpHandler* handler) {
  auto server = std::make_unique<AsioServer>(options, handler);
  INGLE_RETURN_IF_ERROR(server->Listen());
  return server;
}

}  // namespace ingle
