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
  // Objects, arrays and what they hold. A value takes tens of bytes in memory and two in the text.
  size_t values = 1'000'000;
  bool unique_keys = false;  // Else the last of a key that an object has twice counts.
};

// Fails with kInvalidRequest (syntax, with the byte offset; "too_deep"; too many values;
// "duplicate_key", with the key's path as param) or kTooLarge. `what` names the text in messages.
Result<json::value> ParseJson(std::string_view text, std::string_view what, JsonLimits limits = {});

}  // namespace ingle
