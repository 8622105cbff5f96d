// Any sequence of ids, streamed with stop strings: valid UTF-8 only, the same outcome however it is
// cut, no stop string in what is shown.

#include <cstdint>
#include <cstdlib>

#include "text/detokenizer.h"
#include "text/stop_matcher.h"
#include "text/tiny_vocabulary.h"

namespace ingle {
namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

const Tokenizer& FuzzedTokenizer(bool sentence_piece) {
  static const auto byte_level =
      LoadTokenizer(TinyVocabulary::ByteLevel("gpt-2", {"Ã ©", "ä ¸", "Ń ä", "a b"}).Build());
  static const auto spm =
      LoadTokenizer(TinyVocabulary::SentencePiece({"▁a", "▁", "a", "é", "ab"}).Build());
  Check(byte_level && spm);
  return sentence_piece ? **spm : **byte_level;
}

void FuzzOne(const uint8_t* data, size_t size) {
  if (size < 4) return;
  const bool show_control = (data[0] & 1) != 0;
  const Tokenizer& tokenizer = FuzzedTokenizer((data[0] & 2) != 0);
  std::vector<std::string> stops;
  for (size_t i = 1; i < 3; ++i) {
    std::string stop;
    AppendValid(std::string_view(reinterpret_cast<const char*>(data) + i, data[i] % 3), false,
                stop);
    stops.push_back(stop);
  }
  Detokenizer detokenizer(&tokenizer, show_control);
  StopMatcher pieces(stops), whole(stops);
  std::string all, shown;
  std::optional<size_t> matched;
  for (size_t i = 3; i < size; ++i) {
    const std::string piece =
        detokenizer.Push(static_cast<TokenId>(data[i]) * 2 - 8 + (data[0] >> 7));
    std::string valid;
    AppendValid(piece, false, valid);
    Check(piece == valid);
    all += piece;
    const StopMatcher::Output output = pieces.Push(piece);
    shown += output.text;
    matched = output.matched;
  }
  shown += pieces.Finish();
  StopMatcher::Output expected = whole.Push(all);
  if (!expected.matched) expected.text += whole.Finish();
  Check(expected.text == shown && expected.matched == matched);
  Check(matched || shown == all);
  for (const std::string& stop : stops)
    Check(stop.empty() || shown.find(stop) == std::string::npos);
}

}  // namespace
}  // namespace ingle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ingle::FuzzOne(data, size);
  return 0;
}
