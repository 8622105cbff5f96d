#pragma once
// The normalizer of a tokenizer.json: what happens to text before it is split.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/charsmap.h"

namespace ingle {

class TextNormalizer {
 public:
  // One section of text, and what only its ends need to know.
  struct Section {
    bool first = true, last = true;  // Parts of one section: ends of the whole.
    bool cut_front = false;          // Out: characters at the front were dropped.
  };

  TextNormalizer();
  ~TextNormalizer();
  TextNormalizer(TextNormalizer&&) noexcept;
  TextNormalizer& operator=(TextNormalizer&&) noexcept;

  // null is a normalizer that changes nothing.
  static Result<TextNormalizer> FromJson(const json::value& value);
  // As BERT's models want it; used for GGUF files.
  static TextNormalizer Bert(bool lowercase, bool strip_accents);
  // As SentencePiece: the longest entries of the map (may be absent), then blanks as U+2581.
  static TextNormalizer SentencePiece(std::optional<Charsmap> charsmap, bool prefix_space,
                                      bool merge_spaces);
  static TextNormalizer MarkSpaces();  // Blanks as U+2581, and nothing else.

  bool identity() const { return steps_.empty(); }
  // The normalized text, as a view into `text` or into `storage`.
  std::string_view Normalize(std::string_view text, std::string& storage, Section& section) const;

  struct Step;

 private:
  std::vector<Step> steps_;
};

}  // namespace ingle
