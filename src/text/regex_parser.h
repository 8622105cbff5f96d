#pragma once
// Oniguruma's Ruby syntax, by recursive descent.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "text/regex_tree.h"
#include "text/unicode.h"

namespace ingle {

inline constexpr int kMaxRegexDepth = 64;
inline constexpr size_t kMaxRegexBytes = size_t{1} << 14;
inline constexpr size_t kMaxRegexSets = 512;  // Of more than one character.

class RegexParser {
 public:
  explicit RegexParser(std::string_view pattern) : pattern_(pattern), rest_(pattern) {}

  Result<RegexTree> Parse() {
    if (pattern_.size() > kMaxRegexBytes) return Refuse("is longer than 16384 bytes");
    INGLE_TRY(tree_.root, Alternatives(0));
    if (!rest_.empty()) return Refuse("has a closing parenthesis too many");
    const auto sets = std::count_if(tree_.sets.begin(), tree_.sets.end(), [](const auto& set) {
      return set.ranges().size() != 1 || set.ranges()[0].first != set.ranges()[0].second;
    });
    if (static_cast<size_t>(sets) > kMaxRegexSets) return Refuse("has more than 512 classes");
    return std::move(tree_);
  }

 private:
  using Node = RegexNode;

  std::unexpected<Error> Refuse(const std::string& why) const {
    const size_t at = pattern_.size() - rest_.size();
    std::string shown;
    AppendValid(pattern_.substr(0, 200), false, shown);
    return Fail(ErrorCode::kUnsupported,
                "the regular expression \"" + shown + (pattern_.size() > 200 ? "...\" " : "\" ") +
                    why + " (at byte " + std::to_string(at) + ")",
                "tokenizer.json", "unsupported_tokenizer");
  }

  bool Take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  uint32_t Make(Node node) {
    tree_.nodes.push_back(std::move(node));
    return static_cast<uint32_t>(tree_.nodes.size() - 1);
  }
  uint32_t MakeSet(CodePointSet set, bool fold) {
    if (fold && ignore_case_) set.AddOtherCases();
    const auto same = std::find_if(tree_.sets.begin(), tree_.sets.end(),
                                   [&](const auto& s) { return s.ranges() == set.ranges(); });
    Node node;
    node.kind = Node::kSet;
    node.set = static_cast<uint32_t>(same - tree_.sets.begin());
    if (same == tree_.sets.end()) tree_.sets.push_back(std::move(set));
    return Make(std::move(node));
  }
  uint32_t MakeLiteral(uint32_t c) {
    CodePointSet set;
    set.Add(c, c);
    return MakeSet(std::move(set), true);
  }
  uint32_t MakeAssertion(Node::Assertion assertion) {
    Node node;
    node.kind = Node::kAssertion;
    node.assertion = assertion;
    return Make(std::move(node));
  }

  Result<uint32_t> Alternatives(int depth);
  Result<uint32_t> Sequence(int depth);
  Result<uint32_t> Quantified(uint32_t atom);
  Result<uint32_t> Atom(int depth);
  Result<uint32_t> Group(int depth);
  Result<uint32_t> Inside(Node::Kind kind, bool negative, int depth);
  Result<uint32_t> OptionGroup(int depth);
  Result<uint32_t> Escape();
  Result<uint32_t> EscapedCharacter();
  Result<CodePointSet> Class(int depth);
  Result<CodePointSet> ClassItem(bool& single, uint32_t& value, int depth);
  Status Property(bool negative, CodePointSet& set);
  bool Counts(uint32_t& min, uint32_t& max);
  Status CheckFolding(uint32_t c);

  std::string_view pattern_, rest_;
  RegexTree tree_;
  bool ignore_case_ = false, dot_all_ = false, extended_ = false;
  uint32_t last_folded_ = 0;  // The literal before, while case is ignored.
};

}  // namespace ingle
