#pragma once
// Element types of stored weights: names, block sizes. Facts only (ggml's type numbers, GGUF spec "ggml_type").

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ingle {

enum class DType : uint8_t {
  kF32 = 0, kF16 = 1, kQ4_0 = 2, kQ4_1 = 3, kQ5_0 = 6, kQ5_1 = 7, kQ8_0 = 8, kQ2_K = 10, kQ3_K = 11, kQ4_K = 12,
  kQ5_K = 13, kQ6_K = 14, kIQ4_NL = 20, kIQ4_XS = 23, kI32 = 26, kBF16 = 30, kMXFP4 = 39,
};

struct DTypeInfo {
  DType type;
  std::string_view name;   // "q4_k"
  uint32_t block_weights;  // Weights per block.
  uint32_t block_bytes;
};

std::optional<DTypeInfo> FindDType(uint32_t ggml_type);  // nullopt: a number this build does not know.
const DTypeInfo& Info(DType type);

}  // namespace ingle
