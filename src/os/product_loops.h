#pragma once
// Multiply-adds from registers, as fast as an instruction set has them: no kernel can be faster.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ingle {

struct ProductLoop {
  uint64_t products_per_round = 0;
  void (*run)(uint64_t rounds) = nullptr;  // On the calling thread.
};
struct ProductLoops {
  ProductLoop integers, floats;
  // Reads memory: bytes a multiple of 512, 64-byte aligned. With loads as wide as the tier has
  // them, since a processor keeps a number of loads in flight, not of bytes.
  void (*read)(const std::byte* from, size_t bytes) = nullptr;
};

// Of a tier of kernels (Kernels::name) that this machine supports. A tier that has no loops of its
// own here gets those of any machine.
ProductLoops ProductLoopsOf(std::string_view tier);

}  // namespace ingle
