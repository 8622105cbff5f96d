#pragma once
// What gRPC should leave out between two processes of one machine. For wire/*.cc only.

#include <grpc/grpc.h>

#include "absl/synchronization/mutex.h"

namespace ingle {

// Received without a word back: fewer wake-ups of the other end, which computes.
inline constexpr int kStreamWindowBytes = 4 << 20;

// Distributions build gRPC with absl's search for deadlocks on; it costs a third of each message.
inline void SkipDeadlockSearch() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

// arguments: grpc::ChannelArguments or grpc::ServerBuilder. No pings that measure the connection,
// since its window is given.
template <class Set>
void TuneChannel(Set set) {
  set(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  set(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kStreamWindowBytes);
}

}  // namespace ingle
