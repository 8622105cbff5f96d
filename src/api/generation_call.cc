#include "api/generation_call.h"

namespace ingle {
namespace {

json::object WarningJson(const Warning& warning) {
  return {{"code", warning.code}, {"field", warning.field}, {"message", warning.message}};
}

}  // namespace

Reply::Reply(GenerationCall call, ReplyFrame frame)
    : call_(std::move(call)), frame_(std::move(frame)), choices_(call_.requests.size()) {}

void Reply::Note(size_t choice, const Event& event) {
  Choice& state = choices_[choice];
  if (const auto* accepted = std::get_if<Accepted>(&event)) state.accepted = *accepted;
  if (const auto* delta = std::get_if<Delta>(&event)) {
    if (!call_.stream) {
      state.text += delta->text;
      state.tokens.insert(state.tokens.end(), delta->tokens.begin(), delta->tokens.end());
    }
  }
  if (const auto* finished = std::get_if<Finished>(&event)) {
    state.finished = *finished;
    ++finished_;
  }
}

json::object Reply::Usage() const {
  uint64_t prompt = 0, completion = 0, cached = 0;
  for (size_t i = 0; i < choices_.size(); ++i) {
    completion += choices_[i].finished.completion_tokens;
    if (i % call_.choices_per_prompt != 0) continue;  // The choices of one prompt share it.
    prompt += choices_[i].finished.prompt_tokens;
    cached += choices_[i].finished.cached_tokens;
  }
  return {{"prompt_tokens", prompt},
          {"completion_tokens", completion},
          {"total_tokens", prompt + completion},
          {"prompt_tokens_details", {{"cached_tokens", cached}}},
          {"completion_tokens_details", {{"reasoning_tokens", 0}}}};
}

json::array Reply::Warnings(size_t choice) const {
  json::array out;
  for (const Warning& warning : call_.warnings) out.push_back(WarningJson(warning));
  for (const Warning& warning : choices_[choice].accepted.warnings)
    out.push_back(WarningJson(warning));
  return out;
}

json::array Reply::AllWarnings() const {
  json::array out = Warnings(0);
  for (size_t i = 1; i < choices_.size(); ++i) {
    for (const Warning& warning : choices_[i].accepted.warnings) {
      json::value shown = WarningJson(warning);
      bool seen = false;
      for (const json::value& earlier : out) seen = seen || earlier == shown;
      if (!seen) out.push_back(std::move(shown));
    }
  }
  return out;
}

}  // namespace ingle
