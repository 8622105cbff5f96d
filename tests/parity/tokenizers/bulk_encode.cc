// Encodes many strings at once for comparison with other implementations (compare.py beside it).
//   bulk_encode VOCAB.gguf|tokenizer.json [--special] [--add] [--decode] [--time] < strings > ids
// A string is its length (uint32, little-endian) and its bytes; an answer is a count (uint32) and
// so many int32. --special recognises control tokens, --add adds what the model wants around a
// text, --decode writes after the ids the text without and with control tokens (strings, as
// above), --time encodes without writing and prints seconds. On stderr: how many strings did not
// come back from Decode as they were. Fails when text token by token is not the text of the whole.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "files/gguf.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

namespace {

using ingle::TokenId;

constexpr uint32_t kMaxBytes = 1u << 28;

bool ReadString(std::string& text) {
  uint32_t length = 0;
  if (std::fread(&length, sizeof length, 1, stdin) != 1 || length > kMaxBytes) return false;
  text.resize(length);
  return length == 0 || std::fread(text.data(), length, 1, stdin) == 1;
}

void WriteString(const std::string& text) {
  const auto length = static_cast<uint32_t>(text.size());
  std::fwrite(&length, sizeof length, 1, stdout);
  std::fwrite(text.data(), 1, text.size(), stdout);
}

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

ingle::Result<std::unique_ptr<ingle::Tokenizer>> Load(const std::string& path) {
  if (path.ends_with(".json")) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream bytes;
    bytes << file.rdbuf();
    const std::string text = bytes.str();
    const double begin = Now();
    auto tokenizer = ingle::LoadTokenizerJson(text, {});
    std::fprintf(stderr, "loaded in %.1f ms\n", (Now() - begin) * 1e3);
    return tokenizer;
  }
  INGLE_TRY(const auto file, ingle::OpenGguf(path));
  return ingle::LoadTokenizer(file.metadata());
}

bool Streams(const ingle::Tokenizer& tokenizer, const std::vector<TokenId>& ids, bool control,
             const std::string& whole) {
  ingle::Detokenizer detokenizer(&tokenizer, control, true);
  std::string streamed;
  for (const TokenId id : ids) {
    const std::string piece = detokenizer.Push(id);
    if (!ingle::IsValidUtf8(piece)) return false;
    streamed += piece;
  }
  return streamed + detokenizer.Finish() == ingle::ValidUtf8(whole);
}

int Time(const ingle::Tokenizer& tokenizer, bool special) {
  std::vector<std::string> texts;
  size_t bytes = 0, tokens = 0;
  for (std::string text; ReadString(text); bytes += text.size()) texts.push_back(text);
  const double begin = Now();
  for (const std::string& text : texts) tokens += tokenizer.Encode(text, false, special).size();
  const double seconds = Now() - begin;
  std::printf("%zu bytes, %zu tokens, %.4f s\n", bytes, tokens, seconds);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bulk_encode VOCAB [--special] [--add] [--decode] [--time]\n");
    return 2;
  }
  const std::set<std::string_view> flags(argv + 2, argv + argc);
  const bool special = flags.contains("--special");
  auto tokenizer = Load(argv[1]);
  if (!tokenizer) {
    std::fprintf(stderr, "%s\n", tokenizer.error().message.c_str());
    return 1;
  }
  for (const std::string& warning : (*tokenizer)->warnings)
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  if (flags.contains("--time")) return Time(**tokenizer, special);
  std::string text;
  size_t strings = 0, changed = 0, broken = 0;
  while (ReadString(text)) {
    const auto ids = (*tokenizer)->Encode(text, flags.contains("--add"), special);
    const auto count = static_cast<uint32_t>(ids.size());
    std::fwrite(&count, sizeof count, 1, stdout);
    std::fwrite(ids.data(), sizeof(TokenId), ids.size(), stdout);
    ++strings;
    changed += (*tokenizer)->Decode(ids, special) != text;
    for (const bool control : {false, true}) {
      const std::string whole = (*tokenizer)->Decode(ids, control);
      broken += !Streams(**tokenizer, ids, control, whole);
      if (flags.contains("--decode")) WriteString(whole);
    }
  }
  std::fprintf(stderr, "%s: %zu strings, %zu changed by a round trip, %zu differ in pieces\n",
               (*tokenizer)->description.c_str(), strings, changed, broken);
  return broken == 0 ? 0 : 1;
}
