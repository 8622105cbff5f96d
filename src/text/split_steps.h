#pragma once
// The pre-tokenizer of a tokenizer.json: normalized text becomes the words that the model sees one
// by one.

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace ingle {

struct TextPiece {
  std::string_view text;
  bool at_zero = false;  // Begins where the original text begins.
};
using TextPieces = std::vector<TextPiece>;
using TextStore = std::deque<std::string>;  // Keeps what pieces point to.

class SplitSteps {
 public:
  SplitSteps();
  ~SplitSteps();
  SplitSteps(SplitSteps&&) noexcept;
  SplitSteps& operator=(SplitSteps&&) noexcept;

  static Result<SplitSteps> FromJson(const json::value& value);
  // White space and punctuation, as BERT's models want it.
  static SplitSteps Bert();
  // Runs of white space and what is between; runs of line breaks and what is between.
  static SplitSteps Words();
  static SplitSteps Lines();

  // Splits pieces[from ...] in place, in order; nothing empty is left.
  void Split(TextPieces& pieces, size_t from, TextStore& store) const;
  // The words stand for their bytes in GPT-2's spelling, which is not written out.
  bool ends_in_bytes() const { return ends_in_bytes_; }

  struct Step;

 private:
  std::vector<Step> steps_;
  bool ends_in_bytes_ = false;
};

}  // namespace ingle
