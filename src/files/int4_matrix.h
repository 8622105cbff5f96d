#pragma once
// A linear layer in the int4 forms of GPTQ and AWQ: codes, zeros and scales per group of inputs, as
// w[o][k] = scale[g][o] * (code[k][o] - zero[g][o]), g the group of input k. Rows come out as
// blocks of Q4_0 (all zeros are 8) or Q5_0, which hold code - zero (-15 to 15) and the scale
// exactly.
//
// GPTQ (AutoGPTQ, GPTQModel): qweight int32 [in / 8][out], code k in bits 4 * (k % 8); qzeros int32
// [groups][out / 8], zero o in bits 4 * (o % 8), where the first version of the format has taken
// 0x11111111 off each word and "gptq_v2" has not; scales half [groups][out]; g_idx int32 [in].
// AWQ (AutoAWQ, "gemm"): qweight int32 [in][out / 8], qzeros int32 [groups][out / 8], both with
// column 8c + {0, 2, 4, 6, 1, 3, 5, 7}[i] in bits 4i of word c; scales half [groups][out].

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "files/row_source.h"
#include "formats/dtype.h"

namespace ingle {

enum class Int4Form : uint8_t { kGptq, kGptqV2, kAwq };

// Little endian, any alignment.
struct Int4Parts {
  Int4Form form = Int4Form::kGptq;
  uint32_t in = 0, out = 0, groups = 0;        // Multiples of 32 and 8, and at least 1.
  std::span<const std::byte> qweight, qzeros;  // in * out / 2 and groups * out / 2 bytes.
  std::span<const std::byte> scales;           // groups * out half floats.
  std::vector<uint32_t> group_of;              // [in], each below groups.
};

class Int4Matrix final : public RowSource {
 public:
  // kUnsupported when the inputs of a group, sorted by group, do not fill blocks of 32.
  static Result<std::shared_ptr<const Int4Matrix>> Create(Int4Parts parts);

  DType type() const { return type_; }  // Of the rows' blocks: kQ4_0 or kQ5_0.
  void Read(uint32_t begin, uint32_t end, std::byte* out) const override;
  std::span<const uint32_t> input_order() const override { return order_; }
  bool wants_fine_inputs() const override { return true; }
  std::vector<std::span<const std::byte>> stored() const override {
    return {parts_.qweight, parts_.qzeros, parts_.scales};
  }

 private:
  Int4Matrix() = default;
  bool AllZerosAre8() const;
  uint32_t Zero(uint32_t group, uint32_t row) const;
  void ReadCodes(uint32_t column, uint32_t begin, uint32_t end, uint8_t* codes) const;

  Int4Parts parts_;
  std::vector<uint32_t> order_;
  DType type_ = DType::kQ5_0;
};

}  // namespace ingle
