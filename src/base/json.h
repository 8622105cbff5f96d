#pragma once
// JSON from outside, parsed with limits. Objects keep the order of their keys.

#include <boost/json.hpp>
#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace ingle {

namespace json = boost::json;

struct JsonLimits {
  size_t depth = 64;  // Nesting of arrays and objects.
  size_t bytes = size_t{32} << 20;
};

// Fails with kInvalidRequest (syntax, with the byte offset) or kTooLarge. `what` names the text in
// messages.
Result<json::value> ParseJson(std::string_view text, std::string_view what, JsonLimits limits = {});

}  // namespace ingle
