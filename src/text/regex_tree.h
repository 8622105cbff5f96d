#pragma once
// A regular expression as a tree: what the parser makes and the compiler reads.

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/code_point_set.h"

namespace ingle {

struct RegexNode {
  enum Kind : uint8_t {
    kEmpty,
    kSet,           // One character out of sets[set].
    kSequence,      // Children in a row.
    kAlternatives,  // Children, the first that matches.
    kRepeat,        // One child, min to max times.
    kAtomic,        // One child, no way back into it.
    kLookAhead,     // One child.
    kLookBehind,    // One child of bounded length.
    kAssertion,
  };
  enum Assertion : uint8_t {
    kTextBegin,      // \A
    kTextEnd,        // \z
    kTextEndOrLine,  // \Z
    kLineBegin,      // ^
    kLineEnd,        // $
    kWordBorder,     // \b
    kNoWordBorder,   // \B
  };
  static constexpr uint32_t kUnbounded = std::numeric_limits<uint32_t>::max();

  Kind kind = kEmpty;
  Assertion assertion = kTextBegin;
  bool lazy = false, possessive = false;  // Of kRepeat.
  bool negative = false;                  // Of the looks.
  uint32_t set = 0;
  uint32_t min = 0, max = 0;
  std::vector<uint32_t> children;  // Indices into nodes.
};

struct RegexTree {
  std::vector<RegexNode> nodes;
  std::vector<CodePointSet> sets;  // Not frozen.
  uint32_t root = 0;

  const RegexNode& operator[](uint32_t node) const { return nodes[node]; }
  // Characters that a match of the node has; max is kUnbounded where nothing bounds it.
  std::pair<uint32_t, uint32_t> Length(uint32_t node) const;
};

Result<RegexTree> ParseRegex(std::string_view pattern);

}  // namespace ingle
