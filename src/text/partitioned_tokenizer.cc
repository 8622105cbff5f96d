#include "text/partitioned_tokenizer.h"

namespace ingle {

std::vector<TokenId> PartitionedTokenizer::Encode(std::span<const TextSpan> spans,
                                                  bool add_special) const {
  // Runs are joined before they are cut into words: a border of trust is no border of words.
  std::string joined;
  AddedTokens::Ranges trusted;
  for (const TextSpan& span : spans) {
    const size_t begin = joined.size();
    if (spans.size() > 1) joined += span.text;
    if (!span.trusted || span.text.empty()) continue;
    if (!trusted.empty() && trusted.back().second == begin) {
      trusted.back().second += span.text.size();
    } else {
      trusted.emplace_back(begin, begin + span.text.size());
    }
  }
  const std::string_view text =
      spans.size() == 1 ? std::string_view(spans[0].text) : std::string_view(joined);

  std::vector<TokenId> ids;
  if (add_special && add_bos && bos) ids.push_back(*bos);
  bool opens = true;
  size_t position = 0;
  while (position < text.size()) {
    const std::optional<AddedTokens::Match> match = added_.Find(text, position, trusted);
    const size_t end = match ? match->begin : text.size();
    if (end > position) EncodeText(text.substr(position, end - position), opens, ids);
    if (!match) break;
    ids.push_back(match->id);
    opens = true;
    position = end + match->length;
  }
  if (add_special && add_eos && eos) ids.push_back(*eos);
  return ids;
}

std::string PartitionedTokenizer::TokenBytes(TokenId id, bool show_control) const {
  if (!vocabulary_->Has(id)) return {};
  switch (vocabulary_->kinds[static_cast<size_t>(id)]) {
    case TokenKind::kNormal: return NormalBytes(id);
    case TokenKind::kByte: {
      const std::optional<uint8_t> byte = vocabulary_->ByteOf(id);
      return byte ? std::string(1, static_cast<char>(*byte)) : std::string();
    }
    case TokenKind::kUserDefined: return std::string(Spelling(id));
    case TokenKind::kControl:
    case TokenKind::kUnknown:
    case TokenKind::kUnused: break;
  }
  return show_control ? std::string(Spelling(id)) : std::string();
}

std::string PartitionedTokenizer::Decode(std::span<const TokenId> ids, bool show_control) const {
  std::string text;
  bool may_drop = DropsLeadingSpace();
  for (TokenId id : ids) {
    const std::string bytes = TokenBytes(id, show_control);
    if (bytes.empty()) continue;
    const bool drop = may_drop && vocabulary_->IsText(id) && bytes[0] == ' ';
    text.append(bytes, drop ? 1 : 0);
    may_drop = false;
  }
  return text;
}

TokenKind PartitionedTokenizer::Kind(TokenId id) const {
  return vocabulary_->Has(id) ? vocabulary_->kinds[static_cast<size_t>(id)] : TokenKind::kUnused;
}

std::optional<TokenId> PartitionedTokenizer::Find(std::string_view spelling) const {
  const uint32_t id = vocabulary_->spellings.Find(spelling);
  if (id == StringTable::kAbsent) return std::nullopt;
  return static_cast<TokenId>(id);
}

std::string_view PartitionedTokenizer::Spelling(TokenId id) const {
  return vocabulary_->Has(id) ? vocabulary_->spellings[static_cast<size_t>(id)]
                              : std::string_view();
}

}  // namespace ingle
