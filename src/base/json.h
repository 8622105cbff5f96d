#pragma once
// JSON from outside, parsed with limits. Objects keep the order of their keys.

#include <boost/json.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ingle {

namespace json = boost::json;

struct JsonLimits {
  size_t depth = 64;  // Nesting of arrays and objects.
  size_t bytes = size_t{32} << 20;
  // Objects, arrays and what they hold. A value takes tens of bytes in memory and two in the text.
  size_t values = 1'000'000;
  bool big_integers = false;  // Keep whole numbers beyond 64 bits; else they become fractions.
  bool unique_keys = false;   // Else the last of a key that an object has twice counts.
};

// Fails with kInvalidRequest (syntax, with the byte offset; "too_deep"; too many values;
// "duplicate_key", with the key's path as param) or kTooLarge. `what` names the text in messages.
Result<json::value> ParseJson(std::string_view text, std::string_view what, JsonLimits limits = {});

// A whole number beyond 64 bits, as ParseJson keeps it: its digits, with a sign. Null for any other
// value. It is held as an object whose only key is no UTF-8, which no text can contain.
const json::string* IfBigInteger(const json::value& value);
// Null also for a whole number beyond 64 bits.
const json::object* IfObject(const json::value& value);
// As json::serialize, with whole numbers beyond 64 bits as they were written.
std::string SerializeExactly(const json::array& array);
std::string SerializeExactly(const json::object& object);

}  // namespace ingle
