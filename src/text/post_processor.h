#pragma once
// The post-processor of a tokenizer.json: the tokens around a text.

#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/tokenizer.h"

namespace ingle {

struct TokensAround {
  std::vector<TokenId> before, after;
};

Result<TokensAround> ReadPostProcessor(const json::value& value, size_t vocabulary_size);

}  // namespace ingle
