#include "text/regex.h"

#include <algorithm>

#include "text/regex_program.h"
#include "text/unicode.h"
#include "text/unicode_properties.h"

namespace ingle {
namespace {

constexpr size_t kNowhere = static_cast<size_t>(-1);

// One text and its search. Failures are remembered in two ways, both valid for the whole text
// because no instruction knows how it was reached: a loop keeps the run it walked last and the
// places where going on from it failed; once a search has taken many steps, every branch keeps a
// bit per place.
class Search {
 public:
  Search(const RegexProgram& program, std::string_view text) : program_(program), text_(text) {
    loops_.assign(program.memos, {});
  }

  // The end of the match that begins at `begin`, or kNowhere.
  size_t MatchAt(size_t begin) { return Run(0, begin, kNowhere, false); }

 private:
  using Op = RegexInstruction::Op;

  struct Entry {
    enum Kind : uint8_t { kAlternative, kGiveBack, kMark } kind;
    uint32_t pc;
    size_t position;
    size_t low;   // kGiveBack: the shortest end of the loop.
    size_t high;  // And where it began to give back.
  };
  struct Loop {
    size_t begin = 0, end = 0;           // The run that was walked last.
    size_t fail_low = 1, fail_high = 0;  // Closed: going on failed from each place here.
  };

  size_t Run(uint32_t pc, size_t position, size_t wanted_end, bool look);
  bool Step(uint32_t& pc, size_t& position, bool remembers);
  bool Split(const RegexInstruction& step, uint32_t& pc, size_t position, bool remembers);
  bool RunLoop(const RegexInstruction& step, uint32_t pc, size_t& position, bool remembers);
  bool Backtrack(size_t base, uint32_t& pc, size_t& position);
  bool Holds(RegexNode::Assertion assertion, size_t position) const;
  bool Look(const RegexInstruction& step, uint32_t pc, size_t position);

  uint32_t At(size_t position) const {
    const auto lead = static_cast<uint8_t>(text_[position]);
    return lead < 0x80 ? lead : DecodeAt(text_, position).value;
  }
  size_t After(size_t position) const {
    const auto lead = static_cast<uint8_t>(text_[position]);
    return position + (lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4);
  }
  size_t Before(size_t position) const {
    do --position;
    while ((static_cast<uint8_t>(text_[position]) & 0xC0) == 0x80);
    return position;
  }
  bool Begins(uint32_t set, size_t position) const {
    if (set == RegexInstruction::kNoSet) return true;
    return position < text_.size() && program_.sets[set].Has(At(position));
  }
  bool IsWord(size_t position) const {
    return position < text_.size() && (CharProperties(At(position)) & kPatternWord) != 0;
  }

  size_t Bit(uint32_t memo, size_t position) const { return memo * (text_.size() + 1) + position; }
  bool Remembered(const std::vector<uint64_t>& bits, uint32_t memo, size_t position) const {
    if (bits.empty()) return false;
    const size_t bit = Bit(memo, position);
    return (bits[bit >> 6] >> (bit & 63) & 1) != 0;
  }
  void Remember(std::vector<uint64_t>& bits, uint32_t memo, size_t position) {
    if (bits.empty()) bits.resize(Bit(program_.memos, 0) / 64 + 1);
    const size_t bit = Bit(memo, position);
    bits[bit >> 6] |= uint64_t{1} << (bit & 63);
  }

  const RegexProgram& program_;
  std::string_view text_;
  std::vector<Entry> stack_;
  std::vector<Loop> loops_;
  uint64_t steps_ = 0;
  std::vector<uint64_t> failed_;     // [memo, place], once there were many steps.
  std::vector<uint64_t> succeeded_;  // The same for looks ahead, whose end does not matter.
};

// A wanted end (of a look behind) makes failures depend on it, so nothing is remembered then; such
// a text is short.
size_t Search::Run(uint32_t pc, size_t position, size_t wanted_end, bool look) {
  const bool remembers = wanted_end == kNowhere;
  const size_t base = stack_.size();
  while (true) {
    const RegexInstruction& step = program_.code[pc];
    bool fine;
    if (step.op == Op::kAccept) {
      if (remembers || position == wanted_end) break;
      fine = false;
    } else if (look && step.op == Op::kSplit && remembers &&
               Remembered(succeeded_, step.memo, position)) {
      break;
    } else {
      fine = Step(pc, position, remembers);
    }
    if (!fine && !Backtrack(base, pc, position)) return kNowhere;
  }
  if (look && remembers) {
    for (size_t i = base; i < stack_.size(); ++i) {
      const Entry& entry = stack_[i];
      const RegexInstruction& step = program_.code[entry.pc];
      if (entry.kind == Entry::kMark && step.op == Op::kSplit)
        Remember(succeeded_, step.memo, entry.position);
    }
  }
  stack_.resize(base);
  return position;
}

// Takes entries off the stack until one gives another way; false when there is none.
bool Search::Backtrack(size_t base, uint32_t& pc, size_t& position) {
  while (stack_.size() > base) {
    Entry& entry = stack_.back();
    if (entry.kind == Entry::kMark) {
      Remember(failed_, program_.code[entry.pc].memo, entry.position);
      stack_.pop_back();
      continue;
    }
    if (entry.kind == Entry::kAlternative) {
      pc = entry.pc;
      position = entry.position;
      stack_.pop_back();
      return true;
    }
    Loop& loop = loops_[program_.code[entry.pc].memo];
    if (entry.position == entry.low) {
      loop.fail_low = entry.low;
      loop.fail_high = entry.high;
      stack_.pop_back();
      continue;
    }
    entry.position = Before(entry.position);
    if (entry.position >= loop.fail_low && entry.position <= loop.fail_high) {
      // From here down to fail_low it is known to fail.
      entry.position = std::max(entry.low, loop.fail_low);
      continue;
    }
    pc = entry.pc + 1;
    position = entry.position;
    return true;
  }
  return false;
}

bool Search::Split(const RegexInstruction& step, uint32_t& pc, size_t position, bool remembers) {
  const bool next = Begins(step.next_first, position);
  const bool target = Begins(step.target_first, position);
  if (!next && !target) return false;
  if (remembers && Remembered(failed_, step.memo, position)) return false;
  if (next && target) {
    if (remembers && ++steps_ > 4096 + 16 * text_.size())
      stack_.push_back({Entry::kMark, pc, position, 0, 0});
    stack_.push_back({Entry::kAlternative, step.target, position, 0, 0});
  }
  pc = next ? pc + 1 : step.target;
  return true;
}

bool Search::RunLoop(const RegexInstruction& step, uint32_t pc, size_t& position, bool remembers) {
  const CodePointSet& set = program_.sets[step.set];
  Loop& loop = loops_[step.memo];
  const size_t begin = position;
  size_t end = position, low = position;
  uint32_t count = 0;
  const bool unbounded = step.limit == RegexNode::kUnbounded;
  while (end < text_.size() && count < step.limit && set.Has(At(end))) {
    if (unbounded && count >= step.value && end >= loop.begin && end < loop.end) {
      end = loop.end;  // In the run that was walked before: it ends there.
      break;
    }
    end = After(end);
    if (++count == step.value) low = end;
  }
  if (count < step.value) return false;
  if (end > begin) {
    loop.begin = begin;
    loop.end = end;
  }
  position = end;
  if (step.possessive || low == end) return true;
  if (remembers && low >= loop.fail_low && end <= loop.fail_high) return false;
  if (remembers) {
    stack_.push_back({Entry::kGiveBack, pc, end, low, end});
  } else {
    for (size_t place = low; place < end; place = After(place))
      stack_.push_back({Entry::kAlternative, pc + 1, place, 0, 0});
  }
  return true;
}

// One instruction; false when it does not match here.
bool Search::Step(uint32_t& pc, size_t& position, bool remembers) {
  const RegexInstruction& step = program_.code[pc];
  switch (step.op) {
    case Op::kCharacter:
      if (position >= text_.size() || At(position) != step.value) return false;
      position = After(position);
      break;
    case Op::kSet:
      if (position >= text_.size() || !program_.sets[step.set].Has(At(position))) return false;
      position = After(position);
      break;
    case Op::kSplit: return Split(step, pc, position, remembers);
    case Op::kJump: pc = step.target; return true;
    case Op::kLoop:
      if (!RunLoop(step, pc, position, remembers)) return false;
      break;
    case Op::kAssert:
      if (!Holds(step.assertion, position)) return false;
      break;
    case Op::kLook:
      if (Look(step, pc, position) == step.negative) return false;
      pc = step.target;
      return true;
    case Op::kAtomic: {
      const size_t end = Run(pc + 1, position, kNowhere, false);
      if (end == kNowhere) return false;
      position = end;
      pc = step.target;
      return true;
    }
    case Op::kAccept: return false;
  }
  ++pc;
  return true;
}

bool Search::Look(const RegexInstruction& step, uint32_t pc, size_t position) {
  if (!step.behind) return Run(pc + 1, position, kNowhere, true) != kNowhere;
  size_t begin = position;
  for (uint32_t length = 0; length <= step.max_length; ++length) {
    if (length >= step.min_length && Run(pc + 1, begin, position, false) != kNowhere) return true;
    if (begin == 0) break;
    begin = Before(begin);
  }
  return false;
}

bool Search::Holds(RegexNode::Assertion assertion, size_t position) const {
  const bool at_end = position == text_.size();
  switch (assertion) {
    case RegexNode::kTextBegin: return position == 0;
    case RegexNode::kTextEnd: return at_end;
    case RegexNode::kTextEndOrLine:
      return at_end || (position + 1 == text_.size() && text_[position] == '\n');
    case RegexNode::kLineBegin: return position == 0 || (text_[position - 1] == '\n' && !at_end);
    case RegexNode::kLineEnd: return at_end || text_[position] == '\n';
    case RegexNode::kWordBorder:
    case RegexNode::kNoWordBorder: {
      const bool before = position > 0 && IsWord(Before(position));
      return (before != IsWord(position)) == (assertion == RegexNode::kWordBorder);
    }
  }
  return false;
}

size_t NextCharacter(std::string_view text, size_t position) {
  return position + std::max<size_t>(DecodeAt(text, position).length, 1);
}

}  // namespace

Result<Regex> Regex::Compile(std::string_view pattern) {
  INGLE_TRY(RegexTree tree, ParseRegex(pattern));
  INGLE_TRY(RegexProgram program, CompileRegex(std::move(tree)));
  return Regex(std::make_shared<const RegexProgram>(std::move(program)));
}

void Regex::FindAll(std::string_view text, std::vector<Range>& matches) const {
  Search search(*program_, text);
  size_t last_end = kNowhere;
  for (size_t position = 0; position <= text.size();) {
    if (program_->first != RegexInstruction::kNoSet) {
      const CodePointSet& first = program_->sets[program_->first];
      while (position < text.size()) {
        const CodePoint c = DecodeAt(text, position);
        if (first.Has(c.value)) break;
        position += c.length;
      }
      if (position == text.size()) return;
    }
    const size_t end = search.MatchAt(position);
    if (end == kNowhere || (end == position && last_end == position)) {
      position = NextCharacter(text, position);
      continue;
    }
    matches.emplace_back(position, end);
    last_end = end;
    position = end;
  }
}

}  // namespace ingle
