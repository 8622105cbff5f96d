#include "text/detokenizer.h"

#include <span>
#include <utility>

#include "text/unicode.h"

namespace ingle {
namespace {

// For a vocabulary whose tokens are bytes of their own.
class ByteStream : public TokenStream {
 public:
  ByteStream(const Tokenizer* tokenizer, bool show_control, bool at_start)
      : tokenizer_(tokenizer), show_control_(show_control), at_start_(at_start) {}

  std::string Push(TokenId id) override {
    const std::string all = tokenizer_->TokenBytes(id, show_control_);
    if (all.empty()) return {};
    pending_ += std::exchange(at_start_, false)
                    ? tokenizer_->Decode(std::span(&id, 1), show_control_)
                    : all;
    std::string text;
    pending_.erase(0, AppendValid(pending_, true, text));
    return text;
  }
  std::string Finish() override {
    std::string text;
    AppendValid(pending_, false, text);
    pending_.clear();
    return text;
  }

 private:
  const Tokenizer* tokenizer_;
  bool show_control_;
  bool at_start_;
  std::string pending_;  // At most three bytes: the beginning of a character.
};

}  // namespace

std::unique_ptr<TokenStream> Tokenizer::NewStream(bool show_control, bool at_start) const {
  return std::make_unique<ByteStream>(this, show_control, at_start);
}

Detokenizer::Detokenizer(const Tokenizer* tokenizer, bool show_control, bool at_start)
    : stream_(tokenizer->NewStream(show_control, at_start)) {}

std::string Detokenizer::Push(TokenId id) { return stream_->Push(id); }

std::string Detokenizer::Finish() { return stream_->Finish(); }

}  // namespace ingle
