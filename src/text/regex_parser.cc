#include "text/regex_parser.h"

#include <array>

#include "text/regex_escape.h"

namespace ingle {
namespace {

constexpr uint32_t kMaxRepeat = 100'000;  // As Oniguruma.
constexpr int kMaxQuantifiers = 16;       // On one another.

}  // namespace

Result<uint32_t> RegexParser::Alternatives(int depth) {
  if (depth > kMaxRegexDepth) return Refuse("has groups more than 64 deep");
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

Result<uint32_t> RegexParser::Sequence(int depth) {
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
bool RegexParser::Counts(uint32_t& min, uint32_t& max) {
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

Result<uint32_t> RegexParser::Quantified(uint32_t atom) {
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

Result<uint32_t> RegexParser::Atom(int depth) {
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
Status RegexParser::CheckFolding(uint32_t c) {
  const uint32_t before = std::exchange(last_folded_, ignore_case_ ? c | 32 : 0);
  if (!ignore_case_) return {};
  constexpr std::string_view kPairs[] = {"ss", "ff", "fi", "fl", "st"};
  for (std::string_view pair : kPairs) {
    if (before == static_cast<uint8_t>(pair[0]) && (c | 32) == static_cast<uint8_t>(pair[1]))
      return Refuse("ignores the case of \"" + std::string(pair) + "\", which has ligatures");
  }
  return {};
}

Result<uint32_t> RegexParser::Inside(Node::Kind kind, bool negative, int depth) {
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

Result<uint32_t> RegexParser::Group(int depth) {
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
Result<uint32_t> RegexParser::OptionGroup(int depth) {
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

Result<uint32_t> RegexParser::Escape() {
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

Result<RegexTree> ParseRegex(std::string_view pattern) { return RegexParser(pattern).Parse(); }

}  // namespace ingle
