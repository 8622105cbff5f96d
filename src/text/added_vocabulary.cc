#include "text/added_vocabulary.h"

#include <algorithm>

#include "text/unicode.h"
#include "text/unicode_properties.h"

namespace ingle {
namespace {

bool Is(const CodePoint& c, uint32_t property) {
  return c.length != 0 && (CharProperties(c.value) & property) != 0;
}

// The character that ends at `end`.
CodePoint Before(std::string_view text, size_t end) {
  size_t begin = end;
  while (begin > 0 && end - begin < 4) {
    --begin;
    if ((static_cast<uint8_t>(text[begin]) & 0xC0) != 0x80) return DecodeAt(text, begin);
  }
  return {};
}

bool StandsAlone(std::string_view text, size_t begin, size_t end) {
  return !Is(Before(text, begin), kWord) && !Is(DecodeAt(text, end), kWord);
}

}  // namespace

AddedVocabulary::AddedVocabulary(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::vector<std::pair<std::string, uint32_t>> entries[2];
  for (uint32_t i = 0; i < tokens_.size(); ++i) {
    const AddedToken& token = tokens_[i];
    entries[token.normalized].emplace_back(
        token.normalized ? token.normalized_content : token.content, i);
    normalizes_control_ = normalizes_control_ || (token.normalized && token.control);
  }
  for (int kind = 0; kind < 2; ++kind) matchers_[kind] = SpellingMatcher(std::move(entries[kind]));
}

void AddedVocabulary::Cut(std::string_view text, bool normalized, const TrustedRanges& trusted,
                          std::vector<Part>& parts) const {
  size_t done = 0;  // Text before it is in `parts`.
  size_t from = 0;
  auto range = trusted.begin();
  while (const auto match = matchers_[normalized].Find(text, from)) {
    from = match->end;
    const AddedToken& token = tokens_[match->value];
    size_t begin = match->begin, end = match->end;
    if (token.control) {
      while (range != trusted.end() && range->second <= begin) ++range;
      if (range == trusted.end() || range->first > begin || range->second < end) continue;
    }
    if (token.single_word && !StandsAlone(text, begin, end)) continue;
    while (token.lstrip && begin > done) {
      const CodePoint c = Before(text, begin);
      if (!Is(c, kWhiteSpace)) break;
      begin -= c.length;
    }
    while (token.rstrip) {
      const CodePoint c = DecodeAt(text, end);
      if (!Is(c, kWhiteSpace)) break;
      end += c.length;
    }
    if (done < begin) parts.push_back({done, begin, -1});
    parts.push_back({begin, end, token.id});
    done = end;
  }
  if (done < text.size()) parts.push_back({done, text.size(), -1});
}

}  // namespace ingle
