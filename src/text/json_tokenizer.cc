#include "text/json_tokenizer.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "text/byte_level.h"

namespace ingle {
namespace {

// Words that occur again take the tokens that they got before, from the list itself.
class WordCache {
 public:
  explicit WordCache(size_t text_bytes) {
    size_t slots = 64;
    while (slots < kMaxSlots && slots * 16 < text_bytes) slots *= 2;
    slots_.resize(slots);
  }
  struct Slot {
    const char* word = nullptr;
    uint32_t length = 0;
    uint32_t count = 0;
    size_t first = 0;  // Of its tokens in the list.
    bool Is(std::string_view text) const {
      return length == text.size() && word != nullptr && std::equal(text.begin(), text.end(), word);
    }
  };
  static constexpr size_t kLongest = 48;
  Slot& At(std::string_view word) {
    uint64_t hash = word.size() * 0x9E3779B97F4A7C15u;
    for (char c : word) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3u;
    return slots_[(hash ^ hash >> 29) & (slots_.size() - 1)];
  }

 private:
  static constexpr size_t kMaxSlots = 8192;
  std::vector<Slot> slots_;
};

class ChainStream : public TokenStream {
 public:
  ChainStream(const JsonTokenizer* tokenizer, const DecoderChain& decoder, bool show_control,
              bool at_start)
      : tokenizer_(tokenizer), stream_(decoder.Start(at_start)), show_control_(show_control) {}
  std::string Push(TokenId id) override {
    if (!tokenizer_->Shows(id, show_control_)) return {};
    return stream_.Push(tokenizer_->DecoderSpelling(id));
  }
  std::string Finish() override { return stream_.Finish(); }

 private:
  const JsonTokenizer* tokenizer_;
  DecoderChain::Stream stream_;
  bool show_control_;
};

}  // namespace

// One call of Encode.
class JsonTokenizer::Encoding {
 public:
  Encoding(const TokenizerParts& parts, std::string_view text, const TrustedRanges& trusted,
           std::vector<TokenId>& ids)
      : parts_(parts), text_(text), trusted_(trusted), ids_(ids), cache_(text.size()) {}

  void Run() {
    std::vector<AddedVocabulary::Part> parts;
    parts_.added.Cut(text_, false, trusted_, parts);
    for (const AddedVocabulary::Part& part : parts) {
      if (part.id >= 0) {
        ids_.push_back(part.id);
      } else {
        EncodeSection(part.begin, part.end);
      }
    }
  }

 private:
  void EncodeSection(size_t begin, size_t end);
  TrustedRanges TrustedAfter(size_t begin, size_t end, std::string_view normalized) const;
  void EncodePieces();
  void EncodeWord(std::string_view word);

  const TokenizerParts& parts_;
  std::string_view text_;
  const TrustedRanges& trusted_;
  std::vector<TokenId>& ids_;
  WordCache cache_;
  TextStore store_;
  TextPieces pieces_;
};

void JsonTokenizer::Encoding::EncodeSection(size_t begin, size_t end) {
  const std::string_view raw = text_.substr(begin, end - begin);
  TextNormalizer::Section section;
  std::string_view normalized = raw;
  if (!parts_.normalizer.identity())
    normalized = parts_.normalizer.Normalize(raw, store_.emplace_back(), section);
  const bool at_zero = begin == 0 && !section.cut_front;
  if (parts_.added.empty(true)) {
    pieces_.assign(1, {normalized, at_zero});
    return EncodePieces();
  }
  TrustedRanges trusted;
  if (parts_.added.normalizes_control()) trusted = TrustedAfter(begin, end, normalized);
  std::vector<AddedVocabulary::Part> parts;
  parts_.added.Cut(normalized, true, trusted, parts);
  for (const AddedVocabulary::Part& part : parts) {
    if (part.id >= 0) {
      ids_.push_back(part.id);
      continue;
    }
    pieces_.assign(
        1, {normalized.substr(part.begin, part.end - part.begin), at_zero && part.begin == 0});
    EncodePieces();
  }
}

// Where the trusted parts of text_[begin, end) lie once it is normalized. Its parts are normalized
// one by one; where that does not give the same, nothing is trusted.
TrustedRanges JsonTokenizer::Encoding::TrustedAfter(size_t begin, size_t end,
                                                    std::string_view normalized) const {
  TrustedRanges out;
  std::string joined, storage;
  const auto add = [&](size_t from, size_t to, bool trusted) {
    if (from >= to) return;
    TextNormalizer::Section section;
    section.first = from == begin;
    section.last = to == end;
    const size_t at = joined.size();
    joined += parts_.normalizer.Normalize(text_.substr(from, to - from), storage, section);
    if (trusted) out.emplace_back(at, joined.size());
  };
  size_t position = begin;
  auto range = std::partition_point(trusted_.begin(), trusted_.end(),
                                    [&](const auto& r) { return r.second <= begin; });
  for (; range != trusted_.end() && range->first < end; ++range) {
    const size_t from = std::max(range->first, begin), to = std::min(range->second, end);
    add(position, from, false);
    add(from, to, true);
    position = to;
  }
  add(position, end, false);
  if (joined != normalized) out.clear();
  return out;
}

void JsonTokenizer::Encoding::EncodePieces() {
  parts_.split.Split(pieces_, 0, store_);
  for (const TextPiece& piece : pieces_) {
    std::string_view rest = piece.text;
    while (!rest.empty()) {
      const size_t length = parts_.model->CutLength(rest);
      EncodeWord(rest.substr(0, length));
      rest.remove_prefix(length);
    }
  }
}

void JsonTokenizer::Encoding::EncodeWord(std::string_view word) {
  if (word.size() > WordCache::kLongest) return parts_.model->Encode(word, ids_);
  WordCache::Slot& slot = cache_.At(word);
  if (slot.Is(word)) {
    for (uint32_t i = 0; i < slot.count; ++i) {
      const TokenId id = ids_[slot.first + i];  // A copy: the list may move.
      ids_.push_back(id);
    }
    return;
  }
  const size_t first = ids_.size();
  parts_.model->Encode(word, ids_);
  slot = {word.data(), static_cast<uint32_t>(word.size()),
          static_cast<uint32_t>(ids_.size() - first), first};
}

JsonTokenizer::JsonTokenizer(TokenizerParts parts, SpecialTokens special)
    : parts_(std::move(parts)) {
  static_cast<SpecialTokens&>(*this) = std::move(special);
}

std::vector<TokenId> JsonTokenizer::Encode(std::span<const TextSpan> spans,
                                           bool add_special) const {
  // Runs are joined before they are cut into words: a border of trust is no border of words. The
  // original takes valid Unicode only.
  std::string text;
  TrustedRanges trusted;
  for (const TextSpan& span : spans) {
    const size_t begin = text.size();
    text += IsValidUtf8(span.text) ? span.text : ValidUtf8(span.text);
    if (!span.trusted || text.size() == begin) continue;
    if (!trusted.empty() && trusted.back().second == begin) {
      trusted.back().second = text.size();
    } else {
      trusted.emplace_back(begin, text.size());
    }
  }
  std::vector<TokenId> ids;
  if (add_special) ids = parts_.around.before;
  Encoding(parts_, text, trusted, ids).Run();
  if (add_special) ids.insert(ids.end(), parts_.around.after.begin(), parts_.around.after.end());
  return ids;
}

bool JsonTokenizer::Shows(TokenId id, bool show_control) const {
  if (!parts_.vocabulary->Has(id)) return false;
  const TokenKind kind = parts_.vocabulary->kinds[static_cast<size_t>(id)];
  return kind != TokenKind::kUnused && (show_control || kind != TokenKind::kControl);
}

std::string_view JsonTokenizer::DecoderSpelling(TokenId id) const {
  const auto other = parts_.rewritten.find(id);
  return other == parts_.rewritten.end() ? Spelling(id) : std::string_view(other->second);
}

std::string JsonTokenizer::TokenBytes(TokenId id, bool show_control) const {
  if (!Shows(id, show_control)) return {};
  const std::string_view spelling = DecoderSpelling(id);
  if (parts_.decoder.spells_bytes()) {
    const auto bytes = BytesOfSpelling(spelling);
    return bytes ? *bytes : std::string(spelling);
  }
  if (parts_.decoder.falls_back_to_bytes()) {
    if (const auto byte = parts_.vocabulary->ByteOf(id))
      return std::string(1, static_cast<char>(*byte));
  }
  DecoderChain::Stream stream = parts_.decoder.Start(false);
  std::string text = stream.Push(spelling);
  return text += stream.Finish();
}

std::string JsonTokenizer::Decode(std::span<const TokenId> ids, bool show_control) const {
  ChainStream stream(this, parts_.decoder, show_control, true);
  std::string text;
  for (TokenId id : ids) text += stream.Push(id);
  return text += stream.Finish();
}

std::unique_ptr<TokenStream> JsonTokenizer::NewStream(bool show_control, bool at_start) const {
  return std::make_unique<ChainStream>(this, parts_.decoder, show_control, at_start);
}

TokenKind JsonTokenizer::Kind(TokenId id) const {
  return parts_.vocabulary->Has(id) ? parts_.vocabulary->kinds[static_cast<size_t>(id)]
                                    : TokenKind::kUnused;
}

std::optional<TokenId> JsonTokenizer::Find(std::string_view spelling) const {
  const uint32_t id = parts_.vocabulary->spellings.Find(spelling);
  if (id == StringTable::kAbsent) return std::nullopt;
  return static_cast<TokenId>(id);
}

std::string_view JsonTokenizer::Spelling(TokenId id) const {
  return parts_.vocabulary->Has(id) ? parts_.vocabulary->spellings[static_cast<size_t>(id)]
                                    : std::string_view();
}

}  // namespace ingle
