#pragma once
// What every generation endpoint reads its body into, and how each endpoint shows what comes back.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "request/event.h"
#include "request/generate_request.h"

namespace ingle {

struct GenerationCall {
  std::vector<GenerateRequest>
      requests;  // In the order of choice indices; the server gives them ids and seeds.
  size_t choices_per_prompt =
      1;  // n: request i is prompt i / n, and its seed is the call's plus i % n.
  bool stream = false;
  bool include_usage = false;
  bool logprobs = false;
  std::string model;  // As asked for; empty: none given.
  std::vector<Warning> warnings;
  std::vector<std::string> echoes;  // Per prompt: text to show before the answer. Empty: none.
};

// What is the same in every chunk of a reply.
struct ReplyFrame {
  std::string id;
  int64_t created_s = 0;
  std::string model;        // As asked for, so that clients find their own name.
  std::string fingerprint;  // Of the arithmetic; see docs/ARCHITECTURE.
};

// One call's reply. The events of all choices come in one after another; for a stream each gives
// bytes to send.
class Reply {
 public:
  Reply(GenerationCall call, ReplyFrame frame);
  virtual ~Reply() = default;
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  // Each returns SSE bytes (empty: nothing to send). Not called for replies that are not streamed.
  virtual std::string StreamAccepted(size_t choice) = 0;
  virtual std::string StreamDelta(size_t choice, const Delta& delta) = 0;
  virtual std::string StreamFinished(size_t choice) = 0;
  virtual std::string StreamEnd() = 0;  // After the last choice has finished.
  virtual json::object Whole() const = 0;
  // Whether StreamDelta shows the tokens themselves; else they need not be kept for it.
  virtual bool NeedsTokens() const { return call_.logprobs; }

  // Keeps what is needed for the above; call before the Stream function of the same event.
  void Note(size_t choice, const Event& event);
  const GenerationCall& call() const { return call_; }
  size_t finished() const { return finished_; }

 protected:
  struct Choice {
    Accepted accepted;
    std::string text;
    std::vector<SampledToken> tokens;
    Finished finished;
  };
  json::object Usage() const;
  json::array Warnings(size_t choice) const;  // The call's and the choice's own.
  json::array AllWarnings() const;

  const GenerationCall call_;
  const ReplyFrame frame_;
  std::vector<Choice> choices_;

 private:
  size_t finished_ = 0;
};

}  // namespace ingle
