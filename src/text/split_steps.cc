#include "text/split_steps.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text/byte_level.h"
#include "text/component_json.h"
#include "text/pre_tokenizer.h"
#include "text/unicode.h"
#include "text/unicode_properties.h"

namespace ingle {
namespace {

enum class Behavior : uint8_t {
  kRemoved,
  kIsolated,
  kMergedWithPrevious,
  kMergedWithNext,
  kContiguous
};
constexpr std::array<std::string_view, 5> kBehaviors = {"Removed", "Isolated", "MergedWithPrevious",
                                                        "MergedWithNext", "Contiguous"};
enum class Prepend : uint8_t { kNever, kFirst, kAlways };

// A part of a piece, between matches or one.
struct Part {
  size_t begin, end;
  bool match;
};

}  // namespace

struct SplitSteps::Step {
  using Apply = void (*)(const Step&, TextPiece piece, TextPieces& out, TextStore& store);
  Apply apply = nullptr;
  Behavior behavior = Behavior::kIsolated;
  bool invert = false;
  TextPattern pattern;
  SplitFunction scanner = nullptr;  // In the place of a known pattern.
  uint32_t property = 0;            // Of the characters that match.
  std::string character;            // Metaspace and CharDelimiterSplit.
  Prepend prepend = Prepend::kNever;
  bool split = true;
  bool prefix_space = false, use_regex = false;
  size_t length = 0;
};

namespace {

using Step = SplitSteps::Step;

void Put(std::string_view text, const TextPiece& whole, TextPieces& out) {
  if (text.empty()) return;
  out.push_back({text, whole.at_zero && text.data() == whole.text.data()});
}

// Joins parts to their neighbours as the behaviour says; what is removed is left out.
std::vector<Part> Join(const std::vector<Part>& parts, Behavior behavior) {
  std::vector<Part> joined;
  bool previous = false;
  const auto take = [&](const Part& part, bool with_last, bool forward) {
    if (with_last && !joined.empty()) {
      (forward ? joined.back().end : joined.back().begin) = forward ? part.end : part.begin;
    } else {
      joined.push_back(part);
    }
    previous = part.match;
  };
  switch (behavior) {
    case Behavior::kRemoved:
      for (const Part& part : parts) {
        if (!part.match) joined.push_back(part);
      }
      return joined;
    case Behavior::kIsolated: return parts;
    case Behavior::kContiguous:
      for (const Part& part : parts) take(part, part.match == previous, true);
      return joined;
    case Behavior::kMergedWithPrevious:
      for (const Part& part : parts) take(part, part.match && !previous, true);
      return joined;
    case Behavior::kMergedWithNext:
      for (auto part = parts.rbegin(); part != parts.rend(); ++part)
        take(*part, part->match && !previous, false);
      std::reverse(joined.begin(), joined.end());
      return joined;
  }
  return joined;
}

void PutMatches(const std::vector<Regex::Range>& matches, const Step& step, const TextPiece& piece,
                TextPieces& out) {
  std::vector<Part> parts;
  parts.reserve(matches.size() * 2 + 1);
  size_t last = 0;
  for (const auto& [begin, end] : matches) {
    if (last != begin) parts.push_back({last, begin, step.invert});
    parts.push_back({begin, end, !step.invert});
    last = end;
  }
  if (last != piece.text.size()) parts.push_back({last, piece.text.size(), step.invert});
  for (const Part& part : step.behavior == Behavior::kIsolated ? parts : Join(parts, step.behavior))
    Put(piece.text.substr(part.begin, part.end - part.begin), piece, out);
}

void ApplyPattern(const Step& step, TextPiece piece, TextPieces& out, TextStore&) {
  thread_local std::vector<Regex::Range> matches;
  matches.clear();
  step.pattern.FindAll(piece.text, matches);
  if (matches.empty() && step.behavior != Behavior::kRemoved) {
    out.push_back(piece);
  } else {
    PutMatches(matches, step, piece, out);
  }
}

void PutWords(SplitFunction split, const TextPiece& piece, TextPieces& out) {
  thread_local Words words;
  words.clear();
  split(piece.text, words);
  for (std::string_view word : words) Put(word, piece, out);
}

void ApplyScanner(const Step& step, TextPiece piece, TextPieces& out, TextStore&) {
  PutWords(step.scanner, piece, out);
}

// Single characters with a property match.
void ApplyProperty(const Step& step, TextPiece piece, TextPieces& out, TextStore&) {
  std::vector<Regex::Range> matches;
  for (size_t position = 0; position < piece.text.size();) {
    const CodePoint c = DecodeAt(piece.text, position);
    if ((CharProperties(c.value) & step.property) != 0)
      matches.emplace_back(position, position + c.length);
    position += c.length;
  }
  PutMatches(matches, step, piece, out);
}

void ApplyBert(const Step&, TextPiece piece, TextPieces& out, TextStore& store) {
  Step part;
  part.behavior = Behavior::kRemoved;
  part.property = kWhiteSpace;
  TextPieces words;
  ApplyProperty(part, piece, words, store);
  part.behavior = Behavior::kIsolated;
  part.property = kAnyPunctuation;
  for (const TextPiece& word : words) ApplyProperty(part, word, out, store);
}

// \w+|[^\w\s]+ ; what is between is dropped.
void ApplyWhitespace(const Step&, TextPiece piece, TextPieces& out, TextStore&) {
  size_t begin = 0;
  uint32_t last = kWhiteSpace;
  const auto kind = [](uint32_t c) { return CharProperties(c) & (kWord | kWhiteSpace); };
  for (size_t position = 0; position < piece.text.size();) {
    const CodePoint c = DecodeAt(piece.text, position);
    uint32_t now = kind(c.value);
    if ((now & kWord) != 0) now = kWord;
    if (now != last) {
      if (last != kWhiteSpace) Put(piece.text.substr(begin, position - begin), piece, out);
      begin = position;
      last = now;
    }
    position += c.length;
  }
  if (last != kWhiteSpace) Put(piece.text.substr(begin), piece, out);
}

void ApplyByteLevel(const Step& step, TextPiece piece, TextPieces& out, TextStore& store) {
  if (step.prefix_space && !piece.text.starts_with(' '))
    piece.text = store.emplace_back(" " + std::string(piece.text));
  if (step.use_regex) {
    PutWords(kSplitGpt2, piece, out);
  } else {
    out.push_back(piece);
  }
}

// ByteLevel in the middle of a sequence: what follows sees the spelling.
void ApplySpellBytes(const Step&, TextPiece piece, TextPieces& out, TextStore& store) {
  std::string& spelled = store.emplace_back();
  for (char byte : piece.text) AppendUtf8(CharacterOfByte(static_cast<uint8_t>(byte)), spelled);
  out.push_back({spelled, piece.at_zero});
}

void ApplyMetaspace(const Step& step, TextPiece piece, TextPieces& out, TextStore& store) {
  std::string& marked = store.emplace_back();
  marked.reserve(piece.text.size() + piece.text.size() / 2 + 4);
  const bool bare = !piece.text.starts_with(' ') && !piece.text.starts_with(step.character);
  if (bare &&
      (step.prepend == Prepend::kAlways || (step.prepend == Prepend::kFirst && piece.at_zero)))
    marked = step.character;
  for (char c : piece.text) {
    if (c == ' ') {
      marked += step.character;
    } else {
      marked += c;
    }
  }
  const TextPiece whole{marked, piece.at_zero};
  if (!step.split) return out.push_back(whole);
  std::string_view rest = marked;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(step.character, 1), rest.size());
    Put(rest.substr(0, end), whole, out);
    rest.remove_prefix(end);
  }
}

void ApplyFixedLength(const Step& step, TextPiece piece, TextPieces& out, TextStore&) {
  size_t begin = 0, position = 0, count = 0;
  while (position < piece.text.size()) {
    position += DecodeAt(piece.text, position).length;
    if (++count % step.length == 0) {
      Put(piece.text.substr(begin, position - begin), piece, out);
      begin = position;
    }
  }
  Put(piece.text.substr(begin), piece, out);
}

Result<Behavior> ReadBehavior(const Component& component, bool required) {
  if (!required && component.Find("behavior") == nullptr) return Behavior::kIsolated;
  INGLE_TRY(const std::string name, component.String("behavior"));
  const auto found = std::find(kBehaviors.begin(), kBehaviors.end(), name);
  if (found == kBehaviors.end())
    return component.Wrong("behavior", "Removed, Isolated, MergedWith* or Contiguous");
  return static_cast<Behavior>(found - kBehaviors.begin());
}

Status ReadSplit(const Component& component, Step& step) {
  INGLE_TRY(step.pattern, component.Pattern("pattern"));
  INGLE_TRY(step.behavior, ReadBehavior(component, true));
  INGLE_TRY(step.invert, component.Bool("invert"));
  const bool whole =
      step.behavior == Behavior::kIsolated || (step.behavior == Behavior::kRemoved && step.invert);
  // The known patterns match every character, so these two come to the same.
  if (whole && step.pattern.regex) step.scanner = FindScanner(step.pattern.source);
  if (step.scanner != nullptr) step.apply = ApplyScanner;
  return {};
}

Status ReadByteLevel(const Component& component, Step& step) {
  INGLE_TRY(step.prefix_space, component.Bool("add_prefix_space"));
  INGLE_TRY(step.use_regex, component.Bool("use_regex", true));
  return {};
}

Status ReadMetaspace(const Component& component, Step& step) {
  INGLE_TRY(step.character, component.Character("replacement"));
  INGLE_TRY(step.split, component.Bool("split", true));
  INGLE_TRY(const bool prefix, component.Bool("add_prefix_space", true));
  std::string scheme = prefix ? "always" : "never";
  if (component.Find("prepend_scheme") != nullptr) {
    INGLE_TRY(scheme, component.String("prepend_scheme"));
  }
  if (!prefix && scheme != "never")
    return component.Wrong("prepend_scheme", "never where add_prefix_space is false");
  if (scheme != "always" && scheme != "first" && scheme != "never")
    return component.Wrong("prepend_scheme", "always, first or never");
  step.prepend = scheme == "always"  ? Prepend::kAlways
                 : scheme == "first" ? Prepend::kFirst
                                     : Prepend::kNever;
  return {};
}

Status ReadDigits(const Component& component, Step& step) {
  INGLE_TRY(const bool individual, component.Bool("individual_digits"));
  step.behavior = individual ? Behavior::kIsolated : Behavior::kContiguous;
  step.property = kNumeric;
  return {};
}

Status ReadPunctuation(const Component& component, Step& step) {
  INGLE_TRY(step.behavior, ReadBehavior(component, false));
  step.property = kAnyPunctuation;
  return {};
}

Status ReadWhitespaceSplit(const Component&, Step& step) {
  step.behavior = Behavior::kRemoved;
  step.property = kWhiteSpace;
  return {};
}

Status ReadDelimiter(const Component& component, Step& step) {
  INGLE_TRY(step.pattern.literal, component.Character("delimiter"));
  step.behavior = Behavior::kRemoved;
  return {};
}

Status ReadFixedLength(const Component& component, Step& step) {
  INGLE_TRY(const uint64_t length, component.Unsigned("length", 5));
  if (length == 0) return component.Wrong("length", "at least 1");
  step.length = static_cast<size_t>(length);
  return {};
}

using Kind = ComponentKind<Step::Apply, Step>;
constexpr Kind kKinds[] = {
    {"Split", ApplyPattern, ReadSplit},
    {"ByteLevel", ApplyByteLevel, ReadByteLevel},
    {"Metaspace", ApplyMetaspace, ReadMetaspace},
    {"Digits", ApplyProperty, ReadDigits},
    {"Punctuation", ApplyProperty, ReadPunctuation},
    {"Whitespace", ApplyWhitespace, ReadNothing},
    {"WhitespaceSplit", ApplyProperty, ReadWhitespaceSplit},
    {"BertPreTokenizer", ApplyBert, ReadNothing},
    {"CharDelimiterSplit", ApplyPattern, ReadDelimiter},
    {"FixedLength", ApplyFixedLength, ReadFixedLength},
};

}  // namespace

SplitSteps::SplitSteps() = default;
SplitSteps::~SplitSteps() = default;
SplitSteps::SplitSteps(SplitSteps&&) noexcept = default;
SplitSteps& SplitSteps::operator=(SplitSteps&&) noexcept = default;

SplitSteps SplitSteps::Bert() {
  SplitSteps steps;
  steps.steps_.emplace_back().apply = ApplyBert;
  return steps;
}

SplitSteps SplitSteps::Words() {
  SplitSteps steps;
  Step& step = steps.steps_.emplace_back();
  step.apply = ApplyProperty;
  step.property = kWhiteSpace;
  step.behavior = Behavior::kContiguous;
  return steps;
}

SplitSteps SplitSteps::Lines() {
  SplitSteps steps;
  Step& step = steps.steps_.emplace_back();
  step.apply = ApplyPattern;
  step.pattern.literal = "\n";
  step.behavior = Behavior::kContiguous;
  return steps;
}

Result<SplitSteps> SplitSteps::FromJson(const json::value& value) {
  SplitSteps steps;
  if (value.is_null()) return steps;
  const auto take = [&](const Component& component, const Kind& kind) -> Status {
    if (steps.ends_in_bytes_) steps.steps_.emplace_back().apply = ApplySpellBytes;
    Step step;
    step.apply = kind.action;
    INGLE_RETURN_IF_ERROR(kind.read(component, step));
    steps.ends_in_bytes_ = kind.action == ApplyByteLevel;
    const bool idle = steps.ends_in_bytes_ && !step.prefix_space && !step.use_regex;
    if (!idle) steps.steps_.push_back(std::move(step));
    return {};
  };
  INGLE_RETURN_IF_ERROR(ReadComponents(value, {"pre_tokenizer", "pretokenizers"}, kKinds, take));
  return steps;
}

void SplitSteps::Split(TextPieces& pieces, size_t from, TextStore& store) const {
  TextPieces out;
  for (const Step& step : steps_) {
    out.clear();
    for (size_t i = from; i < pieces.size(); ++i) step.apply(step, pieces[i], out, store);
    if (from == 0) {
      pieces.swap(out);
    } else {
      pieces.resize(from);
      pieces.insert(pieces.end(), out.begin(), out.end());
    }
  }
}

}  // namespace ingle
