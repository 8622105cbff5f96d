#pragma once
// Continuous batching of generations over one model. One thread owns all sequences; this interface
// is thread-safe.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "chat/chat_template.h"
#include "chat/template_selftest.h"
#include "engine/end_tokens.h"
#include "files/metadata.h"
#include "model/model.h"
#include "request/event.h"
#include "request/generate_request.h"
#include "request/request_limits.h"
#include "text/tokenizer.h"

namespace ingle {

struct EngineOptions {
  ModelOptions model;
  uint32_t context =
      0;  // Tokens per sequence, prompt and answer; 0: the model's, as memory allows.
  uint32_t max_sequences = 32;              // Running at the same time; more wait in the queue.
  uint32_t max_queue = kQueuedRequestsMax;  // More waiting ones are refused (kUnavailable).
  uint32_t prompt_chunk = 256;              // Prompt tokens per step, all sequences together.
  SamplingRequest sampling;   // The server's defaults: after the request's, before the model's.
  std::string chat_template;  // Jinja source that replaces the model's own; empty: the model's.
};

// What an engine is made of. Load() makes them from a file; tests make their own.
struct EngineParts {
  std::unique_ptr<Model> model;
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<ChatTemplate> chat_template;  // Null: there is none, or it does not compile.
  std::string template_error;                   // Why a template that exists does not compile.
  TemplateReport template_report;               // What the template can do; empty without one.
  std::vector<std::string> template_names;      // All that the model has: "default", "tool_use".
  std::vector<std::string> turn_endings;        // What the template writes at the end of an answer.
  Metadata metadata;
  std::vector<Warning> warnings;
};

// The parts that need no weights: tokenizer, template, end tokens. Works on a vocabulary-only file.
// chat_template: source that replaces the model's own; empty: the model's.
Result<EngineParts> LoadTextParts(const Metadata& metadata, const std::string& chat_template);

// Called on the engine's thread, in order; must not block.
using EventSink = std::function<void(Event)>;

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> Load(const std::string& path,
                                              const EngineOptions& options);
  static Result<std::unique_ptr<Engine>> Create(EngineParts parts, const EngineOptions& options);
  // Ends what still runs with Finished{kCancelled}.
  virtual ~Engine() = default;

  // Renders, tokenizes and validates on the calling thread (before any prefill), then queues.
  // An error means that nothing was queued and the sink is never called.
  // The sink gets Progress, Delta ... and exactly one Finished or Error.
  virtual Result<Accepted> Submit(GenerateRequest request, EventSink sink) = 0;
  // Ends the request within one step with Finished{kCancelled}; unknown ids are ignored.
  virtual void Cancel(const std::string& request_id) = 0;
  // A paused request keeps what it has and makes no tokens until it goes on; the tokens are the
  // same as without the pause. Takes effect within one step; unknown ids are ignored.
  virtual void SetPaused(const std::string& request_id, bool paused) = 0;
  // Number of finished steps: the supervisor's sign of life. Rises only while there is work that is
  // not paused.
  virtual uint64_t steps() const = 0;
  // Rises many times within a step, and only because work was done: a step may take minutes.
  virtual uint64_t progress() const = 0;
  // Microseconds that all steps took, from the queues to the events' delivery; and of them, those
  // within the model.
  virtual uint64_t step_us() const { return 0; }
  virtual uint64_t model_us() const { return 0; }
  // Called on the engine's thread when every event of a step has been delivered, also after
  // cancellations between steps; it may block. To be set before the first Submit.
  virtual void OnStepEnd(std::function<void()> hook) = 0;
  virtual uint32_t running() const = 0;
  virtual uint32_t queued() const = 0;

  virtual const ModelInfo& model_info() const = 0;
  virtual uint32_t context() const = 0;
  virtual const Tokenizer& tokenizer() const = 0;
  virtual const ChatTemplate* chat_template() const = 0;  // Null: the model has none.
  // What the files say about defaults, end tokens and templates: DescribeText (text_facts.h).
  virtual const json::object& text_facts() const = 0;
  virtual const std::vector<EndToken>& end_tokens() const = 0;
  virtual const std::vector<Warning>& warnings() const = 0;  // About the model as it was loaded.
};

}  // namespace ingle
