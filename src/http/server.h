#pragma once
// HTTP/1.1 over TCP: a few threads, one coroutine per connection, limits on everything. Asio and
// Beast stay in .cc files.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace ingle {

// The reply to one request. Every method may be called from any thread and returns at once; what is
// called is done in that order. Either Send, or Begin, Write..., End.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void Send(HttpResponse response) = 0;

  // `filler` is sent whenever nothing else was for filler_ms (an SSE comment); empty: none.
  virtual void Begin(int status, HttpHeaders headers, std::string filler, int filler_ms) = 0;
  virtual void Write(std::string bytes) = 0;
  virtual void End(bool keep_connection = true) = 0;
  // Closes the connection in the middle, so that the client cannot take the reply for complete.
  virtual void Abort() = 0;

  // Bytes of Write that the socket has not taken yet.
  virtual size_t queued_bytes() const = 0;

  // Set these inside OnRequest, before anything is sent. They run on the connection's strand, at
  // most once at a time; the callbacks are dropped when the exchange is over.
  virtual void SetOnClosed(
      std::function<void()> on_closed) = 0;  // The client has gone (or closed its side). A reply
                                             // that has not ended by then is aborted after it.
  virtual void SetOnWritten(
      std::function<void(size_t bytes)> on_written) = 0;  // The socket took some bytes.
  // The socket has taken no byte for write_timeout_ms. Where this is set, the connection is closed
  // after as long again only, so that a client that wakes up can be told.
  virtual void SetOnStalled(std::function<void()> on_stalled) = 0;
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // Before the body is read: a reply refuses the request (and the connection is closed after it).
  virtual std::optional<HttpResponse> OnHead(const HttpRequest& head) = 0;
  // Must not block; may answer later, from any thread.
  virtual void OnRequest(HttpRequest request, std::shared_ptr<Exchange> exchange) = 0;
  // The reply to something that is not a request we can read; `status` is 400, 408, 413, 414, 431,
  // 501 or 503 (no room for the body now).
  virtual HttpResponse OnBadRequest(int status, const std::string& message) = 0;
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;  // 0: any free one.
  uint32_t threads = 2;
  size_t max_connections = 4096;
  size_t max_body_bytes = 32 << 20;
  HeadLimits head;
  int first_byte_timeout_ms = 20'000;  // Of a connection that has asked for nothing yet.
  int idle_timeout_ms = 75'000;        // Between requests.
  int head_timeout_ms = 10'000;        // From a request's first byte to its blank line.
  int body_timeout_ms = 120'000;       // For the whole body.
  int body_idle_timeout_ms = 20'000;   // Without a byte of the body.
  // Of all requests together, from their first byte until they are answered. The first
  // free_body_bytes of each are not counted, so that small requests always have room.
  size_t body_budget_bytes = 512 << 20;
  size_t free_body_bytes = 64 << 10;
  int write_timeout_ms = 60'000;  // Without the socket taking a byte; see SetOnStalled.
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

class HttpServer {
 public:
  // The handler outlives the server.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                   HttpHandler* handler);
  virtual ~HttpServer() = default;  // Closes every connection and joins the threads.
  virtual uint16_t port() const = 0;
  // No new connections; kept ones are closed after their next reply.
  virtual void StopAccepting() = 0;
  virtual size_t connections() const = 0;
  // Of requests' bodies that count against body_budget_bytes.
  virtual size_t body_bytes() const = 0;
  // Replies that are being made or have not been taken yet.
  virtual size_t replies() const = 0;
};

}  // namespace ingle
