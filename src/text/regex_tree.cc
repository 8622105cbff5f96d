#include "text/regex_tree.h"

#include <algorithm>

namespace ingle {

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
