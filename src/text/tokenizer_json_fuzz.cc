// A tokenizer.json and a text behind a zero byte: loading fails with a message, or everything holds
// together. Plain text never becomes a control token.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/utf8.h"
#include "text/detokenizer.h"
#include "text/tokenizer_json.h"

namespace ingle {
namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckText(const Tokenizer& tokenizer, std::string_view text) {
  for (const bool trusted : {false, true}) {
    const std::vector<TokenId> ids = tokenizer.Encode(text, trusted, trusted);
    for (const TokenId id : ids) {
      Check(id >= 0 && static_cast<size_t>(id) < tokenizer.size());
      // Unknown text is the unknown token, which files often call special.
      Check(trusted || id == tokenizer.unk || tokenizer.Kind(id) != TokenKind::kControl);
      tokenizer.TokenBytes(id, true);
    }
    const std::string whole = tokenizer.Decode(ids, trusted);
    Check(IsValidUtf8(whole));
    Detokenizer detokenizer(&tokenizer, trusted, true);
    std::string streamed;
    for (const TokenId id : ids) {
      const std::string piece = detokenizer.Push(id);
      Check(IsValidUtf8(piece));
      streamed += piece;
    }
    Check(streamed + detokenizer.Finish() == whole);
  }
}

}  // namespace
}  // namespace ingle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(input.find('\0'), input.size());
  const std::string_view text = input.substr(std::min(end + 1, input.size()));
  const auto tokenizer = ingle::LoadTokenizerJson(input.substr(0, end), {});
  if (!tokenizer) {
    ingle::Check(!tokenizer.error().message.empty() &&
                 ingle::IsValidUtf8(tokenizer.error().message));
    return 0;
  }
  ingle::CheckText(**tokenizer, text);
  ingle::CheckText(**tokenizer, "a <s> b\xCC\x81 12\n\n<0x41> \xE2\x96\x81");
  return 0;
}
