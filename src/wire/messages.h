#pragma once
// What crosses the wire between gateway and worker besides requests and events. Plain data.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "request/event.h"

namespace ingle {

constexpr uint32_t kWireProtocol = 2;  // Raised when an old peer would misread a message.

struct WorkerDescription {
  std::string name, architecture, tier, arithmetic_class;
  uint32_t context = 0, vocab = 0, threads = 0;
  uint64_t parameters = 0, weight_bytes = 0;
  bool has_chat_template = false;
  json::object text_facts;  // What the model's files say: engine/text_facts.h.
};

struct LoadingState {
  uint64_t bytes_done = 0, bytes_total = 0;
};

struct Hello {
  uint32_t protocol = kWireProtocol;
  std::string build;  // Both ends are one binary, so they must agree.
};

struct RequestEvent {
  std::string id;
  Event event;
  uint32_t first_index = 0;  // For Delta: tokens of this request reported before.
};

struct StepReport {
  std::optional<Hello> hello;
  uint64_t steps = 0, progress = 0;
  uint64_t step_us = 0, model_us = 0;  // That all steps took, and of them those within the model.
  uint32_t running = 0, queued = 0;
  std::variant<std::monostate, LoadingState, WorkerDescription, Error> load;
  std::vector<RequestEvent> events;
};

}  // namespace ingle
