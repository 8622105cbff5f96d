#pragma once
// Continuous batching of generations over one model. One thread owns all sequences; this interface is thread-safe.

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "files/metadata.h"
#include "chat/chat_template.h"
#include "model/model.h"
#include "request/event.h"
#include "request/generate_request.h"
#include "text/tokenizer.h"

namespace ingle {

struct EngineOptions {
  ModelOptions model;
  uint32_t context = 0;          // Tokens per sequence, prompt and answer; 0: the model's own, as memory allows.
  uint32_t max_sequences = 32;   // Running at the same time; more wait in the queue.
  uint32_t max_queue = 256;      // Waiting requests; more are refused (kUnavailable).
  uint32_t prompt_chunk = 256;   // Prompt tokens per step.
};

// Called on the engine's thread, in order; must not block.
using EventSink = std::function<void(Event)>;

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> Load(const std::string& path, const EngineOptions& options);
  virtual ~Engine() = default;

  // Renders, tokenizes and validates on the calling thread (before any prefill), then queues.
  // An error means that nothing was queued and the sink is never called.
  // The sink gets Progress, Delta ... and exactly one Finished or Error.
  virtual Result<Accepted> Submit(GenerateRequest request, EventSink sink) = 0;
  // Ends the request within one step with Finished{kCancelled}; unknown ids are ignored.
  virtual void Cancel(const std::string& request_id) = 0;
  // Number of finished steps: the supervisor's sign of life.
  virtual uint64_t steps() const = 0;
  virtual uint32_t running() const = 0;
  virtual uint32_t queued() const = 0;

  virtual const ModelInfo& model_info() const = 0;
  virtual uint32_t context() const = 0;
  virtual const Tokenizer& tokenizer() const = 0;
  virtual const ChatTemplate* chat_template() const = 0;  // Null: the model has none.
  virtual const std::vector<TokenId>& end_tokens() const = 0;
};

}  // namespace ingle
