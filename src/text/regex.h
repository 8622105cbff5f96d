#pragma once
// Regular expressions as tokenizer.json writes them: Oniguruma's Ruby syntax with the alternatives
// tried in order. Matching takes time linear in the text, whatever the expression and the text: a
// point of the expression that has failed at a place of the text is not tried there again. Back
// references and what else cannot be had in linear time is refused by name.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ingle {

struct RegexProgram;

class Regex {
 public:
  // kUnsupported or kCorruptFile with a message that shows the place.
  static Result<Regex> Compile(std::string_view pattern);

  using Range = std::pair<size_t, size_t>;  // Half open, in bytes.
  // Every match from left to right, without overlap; an empty one right behind a match does not
  // count. `text` is valid UTF-8.
  void FindAll(std::string_view text, std::vector<Range>& matches) const;

 private:
  explicit Regex(std::shared_ptr<const RegexProgram> program) : program_(std::move(program)) {}
  std::shared_ptr<const RegexProgram> program_;
};

}  // namespace ingle
