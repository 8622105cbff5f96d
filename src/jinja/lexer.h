#pragma once
// Template source to tokens, with the whitespace rules of trim_blocks and lstrip_blocks.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "jinja/value.h"

namespace ingle::jinja {

enum class TokenType : uint8_t {
  kData,
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kNumber,
  kOperator,
  kEnd,
};

struct Token {
  TokenType type = TokenType::kEnd;
  int line = 1;
  std::string text;  // Data, name, operator; a string's value.
  Value number;
};

Result<std::vector<Token>> Tokenize(std::string_view source);

// An error at a line of the template.
std::unexpected<Error> SyntaxFailure(int line, const std::string& what);

}  // namespace ingle::jinja
