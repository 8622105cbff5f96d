#pragma once
// The tokens that end an answer, from every source that names one.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "files/metadata.h"
#include "text/tokenizer.h"

namespace ingle {

struct EndToken {
  TokenId id = 0;
  std::string spelling;
  std::string source;  // "eos_token_id", "known spelling", "chat template", ...
};

// A list that is looked at in both containers.
inline constexpr std::string_view kEndTokensKey = "generation_config.eos_token_id";

// turn_endings: what the chat template writes at the end of an assistant's turn. Ascending by id.
std::vector<EndToken> FindEndTokens(const Tokenizer& tokenizer, const Metadata& metadata,
                                    std::span<const std::string> turn_endings);

}  // namespace ingle
