#include "api/openai_reply.h"

#include <utility>

#include "api/sse.h"

namespace ingle {

json::object OpenAiReply::Frame(std::string_view object) const {
  return {{"id", frame_.id},
          {"object", object},
          {"created", frame_.created_s},
          {"model", frame_.model},
          {"system_fingerprint", frame_.fingerprint}};
}

json::object OpenAiReply::Chunk(json::object entry, std::optional<FinishReason> reason) const {
  entry["finish_reason"] = nullptr;
  if (reason) entry["finish_reason"] = FinishReasonName(*reason);
  json::object chunk = Frame(objects_.chunk);
  chunk["choices"] = json::array{std::move(entry)};
  if (call_.include_usage) chunk["usage"] = nullptr;
  return chunk;
}

// All chunks of a choice that carry text and nothing else differ in the text alone, so the rest is
// written once.
std::string OpenAiReply::TextChunk(size_t choice, std::string_view text) {
  static constexpr std::string_view kMark = "\x01", kMarkText = "\"\\u0001\"";
  if (around_text_.size() <= choice) around_text_.resize(choice + 1);
  AroundText& around = around_text_[choice];
  if (around.after.empty()) {
    const std::string chunk = SseData(Chunk(Piece(choice, kMark, nullptr)));
    const size_t at = chunk.rfind(kMarkText);
    around = {chunk.substr(0, at), chunk.substr(at + kMarkText.size())};
  }
  return around.before + JsonText(json::string(text.data(), text.size())) + around.after;
}

std::string OpenAiReply::StreamDelta(size_t choice, const Delta& delta) {
  std::string out;
  json::value logprobs = nullptr;
  if (call_.logprobs && !delta.tokens.empty()) logprobs = StreamLogprobs(choice, delta.tokens);
  auto pieces = SplitText(delta.text);
  if (pieces.empty() && !logprobs.is_null()) pieces.push_back({});
  for (const std::string_view piece : pieces)
    out += logprobs.is_null()
               ? TextChunk(choice, piece)
               : SseData(Chunk(Piece(choice, piece, std::exchange(logprobs, nullptr))));
  return out;
}

std::string OpenAiReply::StreamFinished(size_t choice) {
  const Choice& state = choices_[choice];
  json::object chunk = Chunk(NoPiece(choice), state.finished.reason);
  chunk["choices"].as_array()[0].as_object()["stop_cause"] = StopCauseName(state.finished.cause);
  chunk["seed"] = state.accepted.sampling.seed.value;
  if (json::array warnings = Warnings(choice); !warnings.empty())
    chunk["warnings"] = std::move(warnings);
  return SseData(chunk);
}

std::string OpenAiReply::StreamEnd() {
  std::string out;
  if (call_.include_usage) {
    json::object chunk = Frame(objects_.chunk);
    chunk["choices"] = json::array();
    chunk["usage"] = Usage();
    out = SseData(chunk);
  }
  return out.append(kSseDone);
}

json::object OpenAiReply::Whole() const {
  json::object body = Frame(objects_.whole);
  json::array choices;
  for (size_t i = 0; i < choices_.size(); ++i) {
    json::object entry = WholeChoice(i);
    entry["finish_reason"] = FinishReasonName(choices_[i].finished.reason);
    entry["stop_cause"] = StopCauseName(choices_[i].finished.cause);
    choices.push_back(std::move(entry));
  }
  body["choices"] = std::move(choices);
  body["usage"] = Usage();
  body["seed"] = choices_[0].accepted.sampling.seed.value;
  if (json::array warnings = AllWarnings(); !warnings.empty())
    body["warnings"] = std::move(warnings);
  return body;
}

}  // namespace ingle
