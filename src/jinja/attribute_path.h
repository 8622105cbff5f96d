#pragma once
// The `attribute=` argument of filters: "a.b.0", or a number.

#include <optional>
#include <string>
#include <vector>

#include "jinja/builtins.h"

namespace ingle::jinja {

class AttributePath {
 public:
  static std::optional<AttributePath> Make(Runtime& run, const Value& attribute,
                                           Value otherwise = {});
  Value Get(Runtime& run, Value item) const;

 private:
  std::vector<Value> parts_;
  Value default_;
};

Value IgnoreCase(Runtime& run, const Value& value, bool case_sensitive);

}  // namespace ingle::jinja
