#pragma once
// Element types of stored weights: names, block sizes. Facts only (ggml's type numbers, GGUF spec
// "ggml_type").

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ingle {

// Every number that ggml assigns, and a few of our own; most of them are known by name and size
// only, so that a file using one can be described and refused by name. What can be computed with is
// for FindDequantize and tensor/ to say.
enum class DType : uint8_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ8_1 = 9,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kQ8_K = 15,
  kIQ2_XXS = 16,
  kIQ2_XS = 17,
  kIQ3_XXS = 18,
  kIQ1_S = 19,
  kIQ4_NL = 20,
  kIQ3_S = 21,
  kIQ2_S = 22,
  kIQ4_XS = 23,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kIQ1_M = 29,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kMXFP4 = 39,
  // Not ggml's: what other containers store. No GGUF file can name them.
  kU8 = 128,
  kU16 = 129,
  kU32 = 130,
  kU64 = 131,
  kBool = 132,
  kF8E4M3 = 133,
  kF8E5M2 = 134,
};

struct DTypeInfo {
  DType type;
  std::string_view name;   // "q4_k"
  uint32_t block_weights;  // Weights per block.
  uint32_t block_bytes;
};

std::optional<DTypeInfo> FindDType(
    uint32_t ggml_type);  // nullopt: no number of ggml's, or one this build does not know.
const DTypeInfo& Info(DType type);

}  // namespace ingle
