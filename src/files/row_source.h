#pragma once
// Rows of a matrix that are stored in another form than kernels want (codes, scales and zeros
// apart; columns first) and are made while they are packed.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ingle {

class RowSource {
 public:
  virtual ~RowSource() = default;
  // Rows [begin, end) in the blocks of the tensor's type, one after the other. Any thread.
  virtual void Read(uint32_t begin, uint32_t end, std::byte* out) const = 0;
  // Column j of these rows multiplies input input_order()[j]; empty: input j.
  virtual std::span<const uint32_t> input_order() const { return {}; }
  // The model promises the results of plain floats: its inputs are worth more than 8 bits.
  virtual bool wants_fine_inputs() const { return false; }
  // Where the rows are made from, to be let go of when all are made.
  virtual std::vector<std::span<const std::byte>> stored() const { return {}; }
};

}  // namespace ingle
