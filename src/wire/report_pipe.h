#pragma once
// Reports from a worker to its gateway on a socket of their own: four bytes of length, little
// endian, then a StepReport. gRPC takes a tenth of a millisecond at each end for what is one write
// and one read here, and that at every step, on the cores that compute (docs/PERFORMANCE.md, "The
// rest of a token").

#include <string>
#include <string_view>

#include "os/unique_fd.h"

namespace ingle {

// Where the worker that listens at `path` waits for the gateway's connection for reports.
inline std::string ReportsPath(const std::string& path) { return path + ".reports"; }

class ReportPipe {
 public:
  static constexpr size_t kHeadBytes = 4;

  ReportPipe() = default;
  // A connected socket; it is made to block.
  explicit ReportPipe(UniqueFd fd);

  // frame: kHeadBytes of any kind, then the message. Waits while the peer is behind. False: the
  // peer has gone, or the message is larger than it takes.
  bool Send(std::string* frame) const;
  // The next message, valid until the next call. False: the end, or a length that is too large.
  bool Receive(std::string_view* message);
  // Ends both, now and later. From any thread.
  void Stop() const;

 private:
  bool Fill(size_t bytes);  // Until so many are in the buffer.

  UniqueFd fd_;
  std::string buffer_;
  size_t begin_ = 0;  // Of what has not been handed out.
};

}  // namespace ingle
