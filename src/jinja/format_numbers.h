#pragma once
// The number part of format specifications, shared by "%5.2f" and "{:5.2f}".

#include <optional>
#include <string>

#include "jinja/builtins.h"

namespace ingle::jinja {

struct NumberSpec {
  char type = 'd';  // d, x, X, o, b, f, F, e, E, g, G, %
  char sign = '-';  // '-', '+' or ' '
  bool alternate = false;
  int64_t precision = -1;
  char separator = '\0';  // Of thousands: ',' or '_'.
};

struct FormattedNumber {
  std::string sign, prefix, digits;
};

// "1234.5" to "1,234.5": between groups of digits before the point.
void AddSeparators(std::string& digits, char separator, size_t group);

// nullopt after failing the run.
std::optional<FormattedNumber> FormatNumber(Runtime& run, const Value& number,
                                            const NumberSpec& spec);

}  // namespace ingle::jinja
