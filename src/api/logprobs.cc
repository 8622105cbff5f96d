#include "api/logprobs.h"

#include <algorithm>
#include <cmath>

namespace ingle {
namespace {

constexpr double kLeast = -9999.0;  // JSON has no infinity.

double Shown(double logprob) { return std::max(logprob, kLeast); }

// Length of the valid UTF-8 sequence at the start of `bytes`; 0: none.
size_t SequenceLength(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xc2 && first < 0xe0   ? 2
                        : first >= 0xe0 && first < 0xf0 ? 3
                        : first >= 0xf0 && first < 0xf5 ? 4
                                                        : 0;
  if (length == 0 || bytes.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  // Overlong forms, surrogates, beyond U+10FFFF.
  if ((first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) > 0x9f) ||
      (first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) > 0x8f))
    return 0;
  return length;
}

json::array ByteArray(std::string_view bytes) {
  json::array out;
  for (const char c : bytes) out.push_back(static_cast<unsigned char>(c));
  return out;
}

json::object Item(std::string_view bytes, double logprob) {
  return {{"token", AsUtf8(bytes)}, {"logprob", Shown(logprob)}, {"bytes", ByteArray(bytes)}};
}

}  // namespace

std::string AsUtf8(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const size_t length = SequenceLength(bytes);
    out += length == 0 ? "\xef\xbf\xbd" : bytes.substr(0, length);
    bytes.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

json::object ChatLogprobs(std::span<const SampledToken> tokens) {
  json::array content;
  for (const SampledToken& token : tokens) {
    json::object item = Item(token.bytes, token.logprob);
    json::array top;
    for (const TokenLogprob& alternative : token.top)
      top.push_back(Item(alternative.bytes, alternative.logprob));
    item["top_logprobs"] = std::move(top);
    content.push_back(std::move(item));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

json::object CompletionLogprobs(std::span<const SampledToken> tokens, uint64_t* offset) {
  json::array texts, values, tops, offsets;
  for (const SampledToken& token : tokens) {
    const std::string text = AsUtf8(token.bytes);
    texts.push_back(json::value(text));
    values.push_back(Shown(token.logprob));
    json::object top;
    for (const TokenLogprob& alternative : token.top)
      top[AsUtf8(alternative.bytes)] = Shown(alternative.logprob);
    tops.push_back(std::move(top));
    offsets.push_back(*offset);
    *offset += static_cast<uint64_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  }
  return {{"tokens", std::move(texts)},
          {"token_logprobs", std::move(values)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

}  // namespace ingle
