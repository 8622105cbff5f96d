#pragma once
// The Exchange of a Connection: turns calls from any thread into work on the connection's strand.
// For http/*.cc only.

#include <boost/asio/post.hpp>
#include <cstdio>

#include "http/connection.h"

namespace ingle {

// The frame before `bytes` of a chunked body; "\r\n" follows them.
inline std::string ChunkHead(size_t bytes) {
  char text[32];
  snprintf(text, sizeof(text), "%zx\r\n", bytes);
  return text;
}

// What a handler holds. It may outlive the connection's interest in it.
class ConnectionExchange final : public Exchange {
 public:
  ConnectionExchange(std::shared_ptr<Connection> connection, uint64_t number)
      : connection_(std::move(connection)), number_(number) {}

  void Send(HttpResponse response) override {
    Post([response = std::move(response)](Connection& c) mutable {
      if (c.reply_.begun) return;
      c.reply_.begun = c.reply_.ended = true;
      c.reply_.out.push_back(c.HeadText(response.status, response.headers, response.body.size()));
      if (!c.reply_.head_only && !response.body.empty())
        c.reply_.out.push_back(std::move(response.body));
    });
  }

  void Begin(int status, HttpHeaders headers, std::string filler, int filler_ms) override {
    Post([=, headers = std::move(headers), filler = std::move(filler)](Connection& c) {
      if (c.reply_.begun) return;
      c.reply_.begun = true;
      if (!c.reply_.chunked)
        c.keep_alive_ = false;  // HTTP/1.0: the end of the stream ends the body.
      c.reply_.filler = filler;
      c.reply_.filler_ms = filler_ms;
      c.reply_.last_write = Connection::Clock::now();
      c.reply_.out.push_back(c.HeadText(status, headers, std::nullopt));
    });
  }

  void Write(std::string bytes) override {
    if (bytes.empty()) return;
    connection_->queued_bytes_ += bytes.size();
    Post([bytes = std::move(bytes)](Connection& c) mutable {
      if (c.reply_.ended || c.reply_.head_only) {
        c.queued_bytes_ -= bytes.size();
        return;
      }
      if (c.reply_.chunked)
        c.reply_.out.push_back(ChunkHead(bytes.size()) + bytes + "\r\n");
      else
        c.reply_.out.push_back(std::move(bytes));
    });
  }

  void End(bool keep_connection) override {
    Post([keep_connection](Connection& c) {
      if (c.reply_.ended) return;
      if (!keep_connection) c.keep_alive_ = false;
      c.reply_.ended = true;
      if (c.reply_.chunked && !c.reply_.head_only) c.reply_.out.push_back("0\r\n\r\n");
    });
  }

  void Abort() override {
    Post([](Connection& c) { c.reply_.aborted = c.reply_.ended = true; });
  }

  size_t queued_bytes() const override { return connection_->queued_bytes_; }

  void SetOnClosed(std::function<void()> on_closed) override {
    Post([on_closed = std::move(on_closed)](Connection& c) mutable {
      c.reply_.on_closed = std::move(on_closed);
      if (c.eof_) c.PeerLeft();
    });
  }

  void SetOnWritten(std::function<void(size_t)> on_written) override {
    Post([on_written = std::move(on_written)](Connection& c) mutable {
      c.reply_.on_written = std::move(on_written);
    });
  }

  void SetOnStalled(std::function<void()> on_stalled) override {
    Post([on_stalled = std::move(on_stalled)](Connection& c) mutable {
      c.reply_.on_stalled = std::move(on_stalled);
    });
  }

 private:
  template <class Action>
  void Post(Action action) {
    asio::post(connection_->strand_,
               [connection = connection_, number = number_, action = std::move(action)]() mutable {
                 if (connection->exchange_number_ != number) return;
                 action(*connection);
                 connection->output_event_.cancel();
               });
  }

  std::shared_ptr<Connection> connection_;
  const uint64_t number_;
};

}  // namespace ingle
