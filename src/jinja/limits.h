#pragma once
// What a template may cost. A template comes with a model file and is as untrusted as the file.

#include <cstddef>
#include <cstdint>

namespace ingle::jinja {

inline constexpr size_t kMaxTemplateBytes = size_t{1} << 20;
inline constexpr size_t kMaxNodes = 50'000;  // Of the syntax tree.
inline constexpr size_t kMaxTokens = 200'000;
inline constexpr size_t kMaxNamedArguments = 256;  // Of one call, and parameters of one macro.
inline constexpr int kMaxExpressionDepth = 100;    // Height of an expression's tree.
inline constexpr int kMaxStatementDepth = 50;      // {% if %} inside {% for %} inside ...
inline constexpr int kMaxRuntimeDepth = 400;       // Nested evaluations, macro calls included.
inline constexpr int kMaxInputDepth = 500;         // Of messages, tools and variables.
inline constexpr int kMaxValueDepth = 128;         // Lists in lists in dicts ... of shallow input.
inline constexpr int64_t kMaxSteps =
    5'000'000;  // Evaluated nodes, loop turns, and 64-byte pieces of text work.
inline constexpr size_t kMaxOutputBytes = size_t{16} << 20;
inline constexpr size_t kMaxLiveBytes =
    size_t{24} << 20;  // Values alive at once, beside a multiple of the input.
inline constexpr size_t kLiveBytesPerInputByte = 6;
inline constexpr int64_t kMaxRange = 100'000;  // As jinja2's sandbox.
inline constexpr size_t kMaxIntegerBits = 16'384;
inline constexpr size_t kMaxIntegerDigits =
    4'300;  // As CPython's limit for converting between int and str.
inline constexpr size_t kMaxRaisedMessageBytes = 200;
inline constexpr size_t kBytesPerStep = 64;  // Text work that counts as one step.

}  // namespace ingle::jinja
