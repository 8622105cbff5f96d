#include "text/detokenizer.h"

#include <span>
#include <utility>

#include "text/unicode.h"

namespace ingle {

Detokenizer::Detokenizer(const Tokenizer* tokenizer, bool show_control, bool at_start)
    : tokenizer_(tokenizer), show_control_(show_control), at_start_(at_start) {}

std::string Detokenizer::Push(TokenId id) {
  const std::string all = tokenizer_->TokenBytes(id, show_control_);
  if (all.empty()) return {};
  pending_ +=
      std::exchange(at_start_, false) ? tokenizer_->Decode(std::span(&id, 1), show_control_) : all;
  std::string text;
  pending_.erase(0, AppendValid(pending_, true, text));
  return text;
}

std::string Detokenizer::Finish() {
  std::string text;
  AppendValid(pending_, false, text);
  pending_.clear();
  return text;
}

}  // namespace ingle
