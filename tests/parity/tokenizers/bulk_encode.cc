// Encodes many strings at once for comparison with other implementations (compare.py beside it).
//   bulk_encode VOCAB.gguf [--special] < strings > ids
// A string is its length (uint32, little-endian) and its bytes; an answer is a count (uint32) and
// so many int32.
// --special recognises control tokens. On stderr: how many strings did not come back from Decode as
// they were.

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "files/gguf.h"
#include "text/tokenizer.h"

namespace {

constexpr uint32_t kMaxBytes = 1u << 28;

bool ReadString(std::string& text) {
  uint32_t length = 0;
  if (std::fread(&length, sizeof length, 1, stdin) != 1 || length > kMaxBytes) return false;
  text.resize(length);
  return length == 0 || std::fread(text.data(), length, 1, stdin) == 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bulk_encode VOCAB.gguf [--special] < strings > ids\n");
    return 2;
  }
  const bool special = argc > 2 && std::string_view(argv[2]) == "--special";
  auto file = ingle::OpenGguf(argv[1]);
  if (!file) {
    std::fprintf(stderr, "%s\n", file.error().message.c_str());
    return 1;
  }
  auto tokenizer = ingle::LoadTokenizer(file->metadata());
  if (!tokenizer) {
    std::fprintf(stderr, "%s\n", tokenizer.error().message.c_str());
    return 1;
  }
  for (const std::string& warning : (*tokenizer)->warnings)
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  std::string text;
  size_t strings = 0, changed = 0;
  while (ReadString(text)) {
    const std::vector<ingle::TokenId> ids = (*tokenizer)->Encode(text, false, special);
    const auto count = static_cast<uint32_t>(ids.size());
    std::fwrite(&count, sizeof count, 1, stdout);
    std::fwrite(ids.data(), sizeof(ingle::TokenId), ids.size(), stdout);
    ++strings;
    changed += (*tokenizer)->Decode(ids, special) != text;
  }
  std::fprintf(stderr, "%s: %zu strings, %zu changed by a round trip\n",
               (*tokenizer)->description.c_str(), strings, changed);
  return 0;
}
