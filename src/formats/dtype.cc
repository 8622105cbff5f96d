#include "formats/dtype.h"

#include <array>

namespace ingle {
namespace {

constexpr DTypeInfo kTypes[] = {
    {DType::kF32, "f32", 1, 4},
    {DType::kF16, "f16", 1, 2},
    {DType::kQ4_0, "q4_0", 32, 18},
    {DType::kQ4_1, "q4_1", 32, 20},
    {DType::kQ5_0, "q5_0", 32, 22},
    {DType::kQ5_1, "q5_1", 32, 24},
    {DType::kQ8_0, "q8_0", 32, 34},
    {DType::kQ8_1, "q8_1", 32, 36},
    {DType::kQ2_K, "q2_k", 256, 84},
    {DType::kQ3_K, "q3_k", 256, 110},
    {DType::kQ4_K, "q4_k", 256, 144},
    {DType::kQ5_K, "q5_k", 256, 176},
    {DType::kQ6_K, "q6_k", 256, 210},
    {DType::kQ8_K, "q8_k", 256, 292},
    {DType::kIQ2_XXS, "iq2_xxs", 256, 66},
    {DType::kIQ2_XS, "iq2_xs", 256, 74},
    {DType::kIQ3_XXS, "iq3_xxs", 256, 98},
    {DType::kIQ1_S, "iq1_s", 256, 50},
    {DType::kIQ4_NL, "iq4_nl", 32, 18},
    {DType::kIQ3_S, "iq3_s", 256, 110},
    {DType::kIQ2_S, "iq2_s", 256, 82},
    {DType::kIQ4_XS, "iq4_xs", 256, 136},
    {DType::kI8, "i8", 1, 1},
    {DType::kI16, "i16", 1, 2},
    {DType::kI32, "i32", 1, 4},
    {DType::kI64, "i64", 1, 8},
    {DType::kF64, "f64", 1, 8},
    {DType::kIQ1_M, "iq1_m", 256, 56},
    {DType::kBF16, "bf16", 1, 2},
    {DType::kTQ1_0, "tq1_0", 256, 54},
    {DType::kTQ2_0, "tq2_0", 256, 66},
    {DType::kMXFP4, "mxfp4", 32, 17},
    {DType::kU8, "u8", 1, 1},
    {DType::kU16, "u16", 1, 2},
    {DType::kU32, "u32", 1, 4},
    {DType::kU64, "u64", 1, 8},
    {DType::kBool, "bool", 1, 1},
    {DType::kF8E4M3, "f8_e4m3", 1, 1},
    {DType::kF8E5M2, "f8_e5m2", 1, 1},
};
constexpr uint32_t kGgmlNumbers = 128;  // From here on the numbers are our own.
constexpr uint32_t kNumbers = 135;      // One past the highest.
constexpr uint8_t kNone = 0xff;

constexpr auto kRowOfNumber = [] {
  std::array<uint8_t, kNumbers> rows{};
  rows.fill(kNone);
  uint8_t row = 0;
  for (const DTypeInfo& info : kTypes) rows[static_cast<size_t>(info.type)] = row++;
  return rows;
}();

}  // namespace

std::optional<DTypeInfo> FindDType(uint32_t ggml_type) {
  if (ggml_type >= kGgmlNumbers || kRowOfNumber[ggml_type] == kNone) return std::nullopt;
  return kTypes[kRowOfNumber[ggml_type]];
}

const DTypeInfo& Info(DType type) { return kTypes[kRowOfNumber[static_cast<size_t>(type)]]; }

}  // namespace ingle
