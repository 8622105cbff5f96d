#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "text/regex_escape.h"
#include "text/regex_tree.h"
#include "text/unicode.h"

namespace ingle {
namespace {

constexpr size_t kMaxPatternBytes = size_t{1} << 14;
constexpr size_t kMaxSets = 512;     // Of more than one character.
constexpr int kMaxQuantifiers = 16;  // On one another.
constexpr int kMaxDepth = 64;
constexpr uint32_t kMaxRepeat = 100'000;  // As Oniguruma.

class Parser {
 public:
  explicit Parser(std::string_view pattern) : pattern_(pattern), rest_(pattern) {}

  Result<RegexTree> Parse() {
    if (pattern_.size() > kMaxPatternBytes) return Refuse("is longer than 16384 bytes");
    INGLE_TRY(tree_.root, Alternatives(0));
    if (!rest_.empty()) return Refuse("has a closing parenthesis too many");
    const auto sets = std::count_if(tree_.sets.begin(), tree_.sets.end(), [](const auto& set) {
      return set.ranges().size() != 1 || set.ranges()[0].first != set.ranges()[0].second;
    });
    if (static_cast<size_t>(sets) > kMaxSets) return Refuse("has more than 512 classes");
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

Result<uint32_t> Parser::Alternatives(int depth) {
  if (depth > kMaxDepth) return Refuse("has groups more than 64 deep");
  const std::array<bool, 3> options = {ignore_case_, dot_all_, extended_};
  Node node;
  node.kind = Node::kAlternatives;
  do {
    INGLE_TRY(const uint32_t child, Sequence(depth));
    node.children.push_back(child);
  } while (Take("|"));
  ignore_case_ = options[0], dot_all_ = options[1], extended_ = options[2];
  return node.children.size() == 1 ? node.children[0] : Make(std::move(node));
}

Result<uint32_t> Parser::Sequence(int depth) {
  Node node;
  node.kind = Node::kSequence;
  last_folded_ = 0;
  while (!rest_.empty() && rest_[0] != '|' && rest_[0] != ')') {
    if (extended_ && (rest_[0] == ' ' || (rest_[0] >= '\t' && rest_[0] <= '\r'))) {
      rest_.remove_prefix(1);
      continue;
    }
    if (extended_ && rest_[0] == '#') {
      rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      continue;
    }
    if (Take("(?#")) {
      const size_t end = rest_.find(')');
      if (end == std::string_view::npos) return Refuse("has a comment without an end");
      rest_.remove_prefix(end + 1);
      continue;
    }
    INGLE_TRY(const uint32_t atom, Atom(depth));
    INGLE_TRY(const uint32_t item, Quantified(atom));
    node.children.push_back(item);
  }
  return node.children.size() == 1 ? node.children[0] : Make(std::move(node));
}

// {2} {2,} {,3} {2,3}. Braces that are none of these are text.
bool Parser::Counts(uint32_t& min, uint32_t& max) {
  const size_t end = rest_.find('}');
  if (!rest_.starts_with('{') || end == std::string_view::npos) return false;
  std::string_view body = rest_.substr(1, end - 1);
  const auto number = [&](uint32_t& value) {
    size_t digits = 0;
    value = 0;
    while (digits < body.size() && body[digits] >= '0' && body[digits] <= '9' && digits < 7)
      value = value * 10 + static_cast<uint32_t>(body[digits++] - '0');
    body.remove_prefix(digits);
    return digits > 0;
  };
  const bool has_min = number(min);
  if (body.empty()) {
    max = min;
    if (!has_min) return false;
  } else {
    if (body[0] != ',') return false;
    body.remove_prefix(1);
    const bool has_max = number(max);
    if (!body.empty() || (!has_min && !has_max)) return false;
    if (!has_max) max = Node::kUnbounded;
  }
  rest_.remove_prefix(end + 1);
  return true;
}

Result<uint32_t> Parser::Quantified(uint32_t atom) {
  for (int quantifiers = 0;; ++quantifiers) {
    if (quantifiers > kMaxQuantifiers) return Refuse("repeats repeats more than 16 deep");
    Node node;
    node.kind = Node::kRepeat;
    bool counted = false;
    if (Take("?")) {
      node.max = 1;
    } else if (Take("*")) {
      node.max = Node::kUnbounded;
    } else if (Take("+")) {
      node.min = 1;
      node.max = Node::kUnbounded;
    } else if (Counts(node.min, node.max)) {
      counted = true;
    } else {
      return atom;
    }
    last_folded_ = 0;
    if (node.min > node.max) return Refuse("repeats at least more often than at most");
    if (node.min > kMaxRepeat || (node.max > kMaxRepeat && node.max != Node::kUnbounded))
      return Refuse("repeats more than 100000 times");
    const RegexNode::Kind kind = tree_[atom].kind;
    if (kind == Node::kAssertion || kind == Node::kLookAhead || kind == Node::kLookBehind)
      return Refuse("repeats what has no length");
    // {n}? makes the whole optional, and {n,m}+ repeats it: so Ruby reads them.
    if (!(counted && node.min == node.max) && Take("?")) {
      node.lazy = true;
    } else if (!counted && Take("+")) {
      node.possessive = true;
    }
    if (node.max == Node::kUnbounded && tree_.Length(atom).first == 0)
      return Refuse("repeats without end what may be empty");
    node.children.push_back(atom);
    atom = Make(std::move(node));
  }
}

Result<uint32_t> Parser::Atom(int depth) {
  const CodePoint c = DecodeAt(rest_, 0);
  if (c.value >= kInvalidByte) return Refuse("is not valid UTF-8");
  switch (c.value) {
    case '(': return Group(depth);
    case '[': {
      INGLE_TRY(CodePointSet set, Class(depth));
      last_folded_ = 0;
      return MakeSet(std::move(set), false);
    }
    case '\\': return Escape();
    case '.': {
      rest_.remove_prefix(1);
      CodePointSet set;
      if (!dot_all_) set.Add('\n', '\n');
      set.Complement();
      return MakeSet(std::move(set), false);
    }
    case '^': rest_.remove_prefix(1); return MakeAssertion(Node::kLineBegin);
    case '$': rest_.remove_prefix(1); return MakeAssertion(Node::kLineEnd);
    case '*':
    case '+':
    case '?': return Refuse("repeats nothing");
    default: break;
  }
  rest_.remove_prefix(c.length);
  INGLE_RETURN_IF_ERROR(CheckFolding(c.value));
  return MakeLiteral(c.value);
}

// Some letters fold to two ("ss" matches a sharp s): that is not done here, so it is refused.
Status Parser::CheckFolding(uint32_t c) {
  const uint32_t before = std::exchange(last_folded_, ignore_case_ ? c | 32 : 0);
  if (!ignore_case_) return {};
  constexpr std::string_view kPairs[] = {"ss", "ff", "fi", "fl", "st"};
  for (std::string_view pair : kPairs) {
    if (before == static_cast<uint8_t>(pair[0]) && (c | 32) == static_cast<uint8_t>(pair[1]))
      return Refuse("ignores the case of \"" + std::string(pair) + "\", which has ligatures");
  }
  return {};
}

Result<uint32_t> Parser::Inside(Node::Kind kind, bool negative, int depth) {
  INGLE_TRY(const uint32_t child, Alternatives(depth + 1));
  if (!Take(")")) return Refuse("lacks a closing parenthesis");
  last_folded_ = 0;
  if (kind == Node::kEmpty) return child;
  if (kind == Node::kLookBehind && tree_.Length(child).second > 255)
    return Refuse("looks back further than 255 characters");
  Node node;
  node.kind = kind;
  node.negative = negative;
  node.children.push_back(child);
  return Make(std::move(node));
}

Result<uint32_t> Parser::Group(int depth) {
  Take("(");
  if (!rest_.starts_with('?')) return Inside(Node::kEmpty, false, depth);
  if (Take("?:")) return Inside(Node::kEmpty, false, depth);
  if (Take("?=")) return Inside(Node::kLookAhead, false, depth);
  if (Take("?!")) return Inside(Node::kLookAhead, true, depth);
  if (Take("?<=")) return Inside(Node::kLookBehind, false, depth);
  if (Take("?<!")) return Inside(Node::kLookBehind, true, depth);
  if (Take("?>")) return Inside(Node::kAtomic, false, depth);
  if (Take("?<") || Take("?'")) {
    const size_t end = rest_.find_first_of(">'");
    if (end == std::string_view::npos) return Refuse("names a group without an end");
    rest_.remove_prefix(end + 1);
    return Inside(Node::kEmpty, false, depth);
  }
  return OptionGroup(depth);
}

// (?i) to the end of the group, (?i:...) for its own.
Result<uint32_t> Parser::OptionGroup(int depth) {
  Take("?");
  const std::array<bool, 3> outside = {ignore_case_, dot_all_, extended_};
  bool on = true;
  while (!rest_.empty() && rest_[0] != ':' && rest_[0] != ')') {
    switch (rest_[0]) {
      case '-': on = false; break;
      case 'i': ignore_case_ = on; break;
      case 'm': dot_all_ = on; break;
      case 'x': extended_ = on; break;
      default: return Refuse("has a kind of group that is not known");
    }
    rest_.remove_prefix(1);
  }
  if (Take(")")) return Alternatives(depth + 1);
  if (!Take(":")) return Refuse("lacks a closing parenthesis");
  Result<uint32_t> inside = Inside(Node::kEmpty, false, depth);
  ignore_case_ = outside[0], dot_all_ = outside[1], extended_ = outside[2];
  return inside;
}

Status Parser::Property(bool negative, CodePointSet& set) {
  const size_t end = rest_.find('}');
  if (!rest_.starts_with('{') || end == std::string_view::npos)
    return Refuse("has \\p without a name in braces");
  std::string_view name = rest_.substr(1, end - 1);
  if (name.starts_with('^')) {
    negative = !negative;
    name.remove_prefix(1);
  }
  CodePointSet found;
  if (!AddNamedClass(name, found)) return Refuse("names a class of characters that is not known");
  rest_.remove_prefix(end + 1);
  if (negative) found.Complement();
  set.Add(found);
  return {};
}

// The character of an escape that stands for one; `rest_` is behind the backslash.
Result<uint32_t> Parser::EscapedCharacter() {
  const CodePoint c = DecodeAt(rest_, 0);
  if (c.length == 0) return Refuse("ends with a backslash");
  if (c.value >= kInvalidByte) return Refuse("is not valid UTF-8");
  rest_.remove_prefix(c.length);
  if (c.value >= 0x80) return c.value;
  const auto letter = static_cast<char>(c.value);
  if (std::optional<uint32_t> control = ControlEscape(letter)) return *control;
  std::optional<uint32_t> value;
  if (letter == 'x' && Take("{")) {
    value = TakeHex(rest_, 8);
    if (!Take("}")) return Refuse("has \\x{ without an end");
  } else if (letter == 'x') {
    value = TakeHex(rest_, 2);
    if (value && *value > 0x7F) return Refuse("names a byte that is no character");
  } else if (letter == 'u') {
    value = TakeHex(rest_, 4);
  } else if (letter == '0') {
    value = 0;
    for (int i = 0; i < 2 && !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '7'; ++i) {
      value = *value * 8 + static_cast<uint32_t>(rest_[0] - '0');
      rest_.remove_prefix(1);
    }
  } else if ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
             (letter >= '1' && letter <= '9')) {
    return Refuse("has an escape that is not known (\\" + std::string(1, letter) + ")");
  } else {
    return c.value;
  }
  if (!value || *value > 0x10FFFF || (*value >= 0xD800 && *value <= 0xDFFF))
    return Refuse("names a character that there is not");
  return *value;
}

Result<uint32_t> Parser::Escape() {
  Take("\\");
  last_folded_ = 0;
  if (Take("A")) return MakeAssertion(Node::kTextBegin);
  if (Take("z")) return MakeAssertion(Node::kTextEnd);
  if (Take("Z")) return MakeAssertion(Node::kTextEndOrLine);
  if (Take("b")) return MakeAssertion(Node::kWordBorder);
  if (Take("B")) return MakeAssertion(Node::kNoWordBorder);
  CodePointSet set;
  if (!rest_.empty() && (rest_[0] == 'p' || rest_[0] == 'P')) {
    const bool negative = rest_[0] == 'P';
    rest_.remove_prefix(1);
    INGLE_RETURN_IF_ERROR(Property(negative, set));
    return MakeSet(std::move(set), true);
  }
  if (!rest_.empty() && AddShorthand(rest_[0], set)) {
    rest_.remove_prefix(1);
    return MakeSet(std::move(set), true);
  }
  INGLE_TRY(const uint32_t c, EscapedCharacter());
  return MakeLiteral(c);
}

// One item of a class: `single` when it is one character (which may begin a range).
Result<CodePointSet> Parser::ClassItem(bool& single, uint32_t& value, int depth) {
  CodePointSet set;
  single = false;
  if (rest_.starts_with("[:")) {
    const size_t end = rest_.find(":]");
    std::string_view name = rest_.substr(2, end == std::string_view::npos ? 0 : end - 2);
    const bool negative = name.starts_with('^');
    if (negative) name.remove_prefix(1);
    if (end == std::string_view::npos || !AddNamedClass(name, set))
      return Refuse("names a class of characters that is not known");
    rest_.remove_prefix(end + 2);
    if (negative) set.Complement();
    return set;
  }
  if (rest_.starts_with('[')) return Class(depth + 1);
  if (rest_.starts_with("\\p") || rest_.starts_with("\\P")) {
    const bool negative = rest_[1] == 'P';
    rest_.remove_prefix(2);
    INGLE_RETURN_IF_ERROR(Property(negative, set));
    return set;
  }
  if (rest_.size() > 1 && rest_[0] == '\\' && AddShorthand(rest_[1], set)) {
    rest_.remove_prefix(2);
    return set;
  }
  single = true;
  if (Take("\\")) {
    INGLE_TRY(value, Take("b") ? Result<uint32_t>(8) : EscapedCharacter());
  } else {
    const CodePoint c = DecodeAt(rest_, 0);
    if (c.length == 0) return Refuse("lacks a closing bracket");
    if (c.value >= kInvalidByte) return Refuse("is not valid UTF-8");
    value = c.value;
    rest_.remove_prefix(c.length);
  }
  set.Add(value, value);
  return set;
}

Result<CodePointSet> Parser::Class(int depth) {
  if (depth > kMaxDepth) return Refuse("has classes more than 64 deep");
  Take("[");
  const bool negative = Take("^");
  CodePointSet part, whole;
  bool intersects = false;
  for (bool first = true; first || !rest_.starts_with(']'); first = false) {
    if (rest_.empty()) return Refuse("lacks a closing bracket");
    if (Take("&&")) {
      if (intersects) {
        whole.Intersect(part);
      } else {
        whole = std::move(part);
      }
      part = {};
      intersects = true;
      continue;
    }
    bool single = false;
    uint32_t low = 0, high = 0;
    INGLE_TRY(const CodePointSet item, ClassItem(single, low, depth));
    part.Add(item);
    if (!single || !rest_.starts_with('-') || rest_.starts_with("-]")) continue;
    const std::string_view hyphen = rest_;
    Take("-");
    INGLE_TRY(const CodePointSet end, ClassItem(single, high, depth));
    if (!single) {  // [a-\d]: the hyphen stands for itself.
      rest_ = hyphen;
      part.Add('-', '-');
      rest_.remove_prefix(1);
      continue;
    }
    if (high < low) return Refuse("has a range that goes backwards");
    part.Add(low, high);
  }
  Take("]");
  if (intersects) part.Intersect(whole);
  if (ignore_case_) part.AddOtherCases();
  if (negative) part.Complement();
  return part;
}

}  // namespace

Result<RegexTree> ParseRegex(std::string_view pattern) { return Parser(pattern).Parse(); }

std::pair<uint32_t, uint32_t> RegexTree::Length(uint32_t index) const {
  const RegexNode& node = nodes[index];
  constexpr uint32_t kMax = RegexNode::kUnbounded;
  const auto add = [](uint32_t a, uint32_t b) { return a > kMax - b ? kMax : a + b; };
  switch (node.kind) {
    case RegexNode::kSet: return {1, 1};
    case RegexNode::kSequence: {
      std::pair<uint32_t, uint32_t> sum{0, 0};
      for (uint32_t child : node.children) {
        const auto length = Length(child);
        sum = {add(sum.first, length.first), add(sum.second, length.second)};
      }
      return sum;
    }
    case RegexNode::kAlternatives: {
      std::pair<uint32_t, uint32_t> bounds{kMax, 0};
      for (uint32_t child : node.children) {
        const auto length = Length(child);
        bounds = {std::min(bounds.first, length.first), std::max(bounds.second, length.second)};
      }
      return bounds;
    }
    case RegexNode::kRepeat: {
      const auto [low, high] = Length(node.children[0]);
      const auto times = [](uint32_t a, uint32_t b) {
        const uint64_t product = uint64_t{a} * b;
        return product >= kMax ? kMax : static_cast<uint32_t>(product);
      };
      return {times(low, node.min), high == 0 ? 0 : times(high, node.max)};
    }
    case RegexNode::kAtomic: return Length(node.children[0]);
    default: return {0, 0};
  }
}

}  // namespace ingle
