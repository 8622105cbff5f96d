#pragma once
// A regular expression as instructions for regex.cc.

#include <cstdint>
#include <vector>

#include "text/code_point_set.h"
#include "text/regex_tree.h"

namespace ingle {

struct RegexInstruction {
  enum Op : uint8_t {
    kCharacter,  // The code point `value`.
    kSet,        // One of sets[set].
    kSplit,      // Try the next instruction, then `target`.
    kJump,       // Go on at `target`.
    kLoop,       // value to limit characters of sets[set], as many as possible; `possessive`.
    kAssert,
    kLook,  // The sub-expression behind this, then on at `target`.
    kAtomic,
    kAccept,
  };
  static constexpr uint32_t kNoSet = UINT32_MAX;

  Op op = kAccept;
  bool possessive = false, negative = false, behind = false;
  RegexNode::Assertion assertion = RegexNode::kTextBegin;
  uint32_t value = 0;
  uint32_t limit = 0;
  uint32_t set = kNoSet;
  uint32_t target = 0;
  uint32_t min_length = 0, max_length = 0;  // Of what a look behind looks at.
  // Sets of characters with which the way to the next instruction and to `target` can begin; a way
  // that cannot begin is not tried.
  uint32_t next_first = kNoSet, target_first = kNoSet;
  uint32_t memo = 0;  // Number among the instructions that remember failures.
};

struct RegexProgram {
  std::vector<RegexInstruction> code;
  std::vector<CodePointSet> sets;             // Frozen.
  uint32_t first = RegexInstruction::kNoSet;  // What every match begins with.
  uint32_t memos = 0;
};

Result<RegexProgram> CompileRegex(RegexTree tree);

}  // namespace ingle
