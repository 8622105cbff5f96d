#pragma once
// What the replies of OpenAI's generation endpoints have in common: frames, chunks, usage and ends.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/generation_call.h"

namespace ingle {

class OpenAiReply : public Reply {
 public:
  std::string StreamDelta(size_t choice, const Delta& delta) final;
  std::string StreamFinished(size_t choice) final;
  std::string StreamEnd() final;
  json::object Whole() const final;

 protected:
  // What the member "object" says in a whole reply and in a chunk.
  struct Objects {
    std::string_view whole, chunk;
  };
  OpenAiReply(GenerationCall call, ReplyFrame frame, Objects objects)
      : Reply(std::move(call), std::move(frame)), objects_(objects) {}

  // Entries of "choices", up to their finish_reason: a piece of text, nothing more to show, all.
  virtual json::object Piece(size_t choice, std::string_view text, json::value logprobs) const = 0;
  virtual json::object NoPiece(size_t choice) const = 0;
  virtual json::object WholeChoice(size_t choice) const = 0;
  // Of tokens that come next in the choice's stream.
  virtual json::value StreamLogprobs(size_t choice, std::span<const SampledToken> tokens) = 0;

  json::object Chunk(json::object entry, std::optional<FinishReason> reason = std::nullopt) const;

 private:
  json::object Frame(std::string_view object) const;
  std::string TextChunk(size_t choice, std::string_view text);

  struct AroundText {
    std::string before, after;
  };

  Objects objects_;
  std::vector<AroundText> around_text_;  // Per choice; empty until its first text.
};

}  // namespace ingle
