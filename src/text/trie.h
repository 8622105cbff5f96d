#pragma once
// Strings by their bytes: all that a text begins with are found in one walk.

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace ingle {

class Trie {
 public:
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNone = UINT32_MAX;

  // (string, value); of equal strings the last counts. Values are below kNone.
  explicit Trie(std::vector<std::pair<std::string_view, uint32_t>> entries);

  // The node behind `node` for this byte, or kNone.
  uint32_t Child(uint32_t node, uint8_t byte) const {
    if (node == kRoot) return root_[byte];
    const Node& n = nodes_[node];
    for (uint32_t i = n.children; i < n.children + n.count; ++i) {
      if (bytes_[i] == byte) return i;
    }
    return kNone;
  }
  uint32_t Walk(uint32_t node, std::string_view text) const {
    for (size_t i = 0; i < text.size() && node != kNone; ++i)
      node = Child(node, static_cast<uint8_t>(text[i]));
    return node;
  }
  // The value of the string that ends here, or kNone.
  uint32_t Value(uint32_t node) const { return nodes_[node].value; }

 private:
  struct Node {
    uint32_t value = kNone;
    uint32_t children = 0;  // The first child's number; they follow one another.
    uint32_t count = 0;
  };
  uint32_t Add(uint8_t byte);
  void AddChain(uint32_t node, std::string_view rest, uint32_t value);

  std::vector<Node> nodes_;
  std::vector<uint8_t> bytes_;  // By node: the byte that leads to it.
  std::vector<uint32_t> root_;  // The root has many children.
};

}  // namespace ingle
