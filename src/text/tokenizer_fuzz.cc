// A vocabulary made of the input and a text encoded with it: loading fails with a message or
// everything holds together.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "text/detokenizer.h"
#include "text/stop_matcher.h"
#include "text/tiny_vocabulary.h"

namespace ingle {
namespace {

// Takes values off the front of the input.
class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}
  uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(bytes_[0]);
    bytes_.remove_prefix(1);
    return byte;
  }
  std::string Text(size_t limit) {
    const std::string text(bytes_.substr(0, std::min<size_t>(Byte(), limit)));
    bytes_.remove_prefix(std::min(text.size(), bytes_.size()));
    return text;
  }
  std::string_view rest() const { return bytes_; }

 private:
  std::string_view bytes_;
};

void Check(bool holds) {
  if (!holds) std::abort();
}

TinyVocabulary MakeVocabulary(Input& input) {
  constexpr std::string_view kPre[] = {"gpt-2",  "llama-bpe",    "qwen2",
                                       "smollm", "deepseek-llm", "default"};
  const uint8_t kind = input.Byte();
  std::vector<std::string> merges;
  for (unsigned i = input.Byte() % 16; i > 0; --i)
    merges.push_back(input.Text(4) + " " + input.Text(4));
  TinyVocabulary tiny = kind % 8 == 7
                            ? TinyVocabulary::SentencePiece(merges)
                            : TinyVocabulary::ByteLevel(kPre[kind % std::size(kPre)], merges);
  for (unsigned i = input.Byte() % 8; i > 0; --i) {
    const uint8_t type = input.Byte();
    tiny.Add(input.Text(12), type % 9, static_cast<double>(type) - 100.0);
  }
  for (unsigned i = input.Byte() % 4; i > 0; --i) {
    tiny.types[input.Byte() % tiny.types.size()] = static_cast<int8_t>(input.Byte());
  }
  const uint8_t keys = input.Byte();
  if (keys & 1) tiny.metadata.values["tokenizer.ggml.bos_token_id"] = uint64_t{input.Byte()} * 2;
  if (keys & 2) tiny.metadata.values["tokenizer.ggml.unknown_token_id"] = int64_t{input.Byte()};
  if (keys & 4)
    tiny.metadata.values["tokenizer.ggml.eos_token_id"] = std::vector<int64_t>{input.Byte()};
  if (keys & 8) tiny.metadata.values["tokenizer.ggml.add_bos_token"] = true;
  if (keys & 16) tiny.metadata.values["tokenizer.ggml.add_space_prefix"] = (keys & 32) != 0;
  if (keys & 64) tiny.metadata.values["tokenizer.ggml.pre"] = input.Text(8);
  return tiny;
}

void CheckDetokenizer(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  Detokenizer detokenizer(&tokenizer, false, true);
  std::string streamed, whole;
  for (TokenId id : ids) {
    const std::string piece = detokenizer.Push(id);
    std::string valid;
    AppendValid(piece, false, valid);
    Check(piece == valid);
    streamed += piece;
  }
  streamed += detokenizer.Finish();
  AppendValid(tokenizer.Decode(ids, false), false, whole);
  Check(streamed == whole);
}

void FuzzOne(std::string_view bytes) {
  Input input(bytes);
  const TinyVocabulary tiny = MakeVocabulary(input);
  const auto tokenizer = LoadTokenizer(tiny.Build());
  if (!tokenizer) {
    Check(!tokenizer.error().message.empty());
    return;
  }
  const std::string text(input.rest());
  const std::vector<TokenId> ids = (*tokenizer)->Encode(text, false, false);
  for (TokenId id : ids) {
    Check(id >= 0 && static_cast<size_t>(id) < (*tokenizer)->size());
    const bool unknown = (*tokenizer)->unk == id;
    Check(unknown || (*tokenizer)->Kind(id) != TokenKind::kControl);
  }
  CheckDetokenizer(**tokenizer, ids);
  CheckDetokenizer(**tokenizer, (*tokenizer)->Encode(text, true, true));

  // However text is cut into runs of one trust, it is the same text.
  const size_t half = text.size() / 2;
  const std::vector<TextSpan> spans = {
      {text.substr(0, half), false}, {"", true}, {text.substr(half), false}};
  Check((*tokenizer)->Encode(spans, false) == ids);
}

}  // namespace
}  // namespace ingle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ingle::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
