#pragma once
// A small vocabulary as GGUF metadata, for tests and fuzzers.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "files/metadata.h"
#include "text/byte_level.h"
#include "text/unicode.h"

namespace ingle {

struct TinyVocabulary {
  std::vector<std::string> tokens;
  std::vector<int64_t> types;
  std::vector<double> scores;
  std::vector<std::string> merges;
  Metadata metadata;  // Further keys; Build adds the lists.

  int32_t Add(std::string_view token, int64_t type = 1, double score = 0) {
    tokens.emplace_back(token);
    types.push_back(type);
    scores.push_back(score);
    return static_cast<int32_t>(tokens.size() - 1);
  }

  // Ids 0 to 255 are the bytes; then one token per merge; then <|im_start|>, <|im_end|> and a
  // user-defined <tool_call>.
  static TinyVocabulary ByteLevel(std::string_view pre, std::vector<std::string> merges) {
    TinyVocabulary tiny;
    for (unsigned byte = 0; byte < 256; ++byte) {
      std::string spelling;
      AppendUtf8(CharacterOfByte(static_cast<uint8_t>(byte)), spelling);
      tiny.Add(spelling);
    }
    for (const std::string& merge : merges) {
      const size_t space = merge.find(' ', 1);
      tiny.Add(merge.substr(0, space) + merge.substr(space + 1));
    }
    tiny.Add("<|im_start|>", 3);
    tiny.Add("<|im_end|>", 3);
    tiny.Add("<tool_call>", 4);
    tiny.merges = std::move(merges);
    tiny.metadata.values["tokenizer.ggml.model"] = std::string("gpt2");
    tiny.metadata.values["tokenizer.ggml.pre"] = std::string(pre);
    return tiny;
  }

  // <unk> <s> </s>, the 256 byte tokens, then the given pieces with falling scores.
  static TinyVocabulary SentencePiece(const std::vector<std::string>& pieces) {
    TinyVocabulary tiny;
    tiny.Add("<unk>", 2);
    tiny.Add("<s>", 3);
    tiny.Add("</s>", 3);
    constexpr std::string_view kHex = "0123456789ABCDEF";
    for (size_t byte = 0; byte < 256; ++byte) {
      tiny.Add(std::string("<0x") + kHex[byte / 16] + kHex[byte % 16] + ">", 6);
    }
    double score = 0;
    for (const std::string& piece : pieces) tiny.Add(piece, 1, score -= 1);
    tiny.metadata.values["tokenizer.ggml.model"] = std::string("llama");
    return tiny;
  }

  Metadata Build() const {
    Metadata built = metadata;
    built.values["tokenizer.ggml.tokens"] = tokens;
    built.values["tokenizer.ggml.token_type"] = types;
    built.values["tokenizer.ggml.scores"] = scores;
    built.values["tokenizer.ggml.merges"] = merges;
    return built;
  }
};

}  // namespace ingle
