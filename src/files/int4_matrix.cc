#include "files/int4_matrix.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>

#include "formats/blocks.h"

namespace ingle {
namespace {

constexpr uint32_t kPerWord = 8;  // Codes in an int32.
// Where AWQ keeps column o of a word's eight.
constexpr uint32_t kAwqPlace[kPerWord] = {0, 4, 1, 5, 2, 6, 3, 7};

uint32_t Word(std::span<const std::byte> words, size_t index) {
  uint32_t word;
  std::memcpy(&word, words.data() + index * sizeof(word), sizeof(word));
  return word;
}

uint32_t Nibble(uint32_t word, uint32_t place) { return word >> (4 * place) & 15u; }

void WriteQ4_0(uint16_t d, const uint8_t* codes, std::byte* out) {
  BlockQ4_0 block{.d = d, .q = {}};
  for (uint32_t i = 0; i < 16; ++i)
    block.q[i] = static_cast<uint8_t>(codes[i] | codes[i + 16] << 4);
  std::memcpy(out, &block, sizeof(block));
}

// q - zero + 16 is what Q5_0 stores.
void WriteQ5_0(uint16_t d, const uint8_t* codes, uint32_t zero, std::byte* out) {
  BlockQ5_0 block{.d = d, .high = {}, .q = {}};
  uint32_t high = 0;
  for (uint32_t i = 0; i < kSmallBlock; ++i) {
    const uint32_t code = codes[i] + 16u - zero;
    high |= (code >> 4) << i;
    block.q[i % 16] = static_cast<uint8_t>(block.q[i % 16] | (code & 15) << (i / 16 * 4));
  }
  std::memcpy(block.high, &high, sizeof(high));
  std::memcpy(out, &block, sizeof(block));
}

}  // namespace

uint32_t Int4Matrix::Zero(uint32_t group, uint32_t row) const {
  const uint32_t word =
      Word(parts_.qzeros, size_t{group} * (parts_.out / kPerWord) + row / kPerWord);
  if (parts_.form == Int4Form::kAwq) return Nibble(word, kAwqPlace[row % kPerWord]);
  const uint32_t less_one = parts_.form == Int4Form::kGptq ? 0x11111111u : 0;
  return Nibble(word + less_one, row % kPerWord);
}

bool Int4Matrix::AllZerosAre8() const {
  const uint32_t wanted = parts_.form == Int4Form::kGptq ? 0x77777777u : 0x88888888u;
  const size_t words = parts_.qzeros.size() / sizeof(uint32_t);
  for (size_t i = 0; i < words; ++i) {
    if (Word(parts_.qzeros, i) != wanted) return false;
  }
  return true;
}

Result<std::shared_ptr<const Int4Matrix>> Int4Matrix::Create(Int4Parts parts) {
  auto matrix = std::shared_ptr<Int4Matrix>(new Int4Matrix());
  const std::vector<uint32_t>& group_of = parts.group_of;
  std::vector<uint32_t> order(parts.in);
  std::iota(order.begin(), order.end(), 0u);
  const bool sorted = std::ranges::is_sorted(group_of);
  if (!sorted) std::ranges::sort(order, {}, [&](uint32_t i) { return std::pair(group_of[i], i); });
  for (uint32_t j = 0; j < parts.in; ++j) {
    if (group_of[order[j]] == group_of[order[j / kSmallBlock * kSmallBlock]]) continue;
    return Fail(ErrorCode::kUnsupported,
                "has groups whose inputs do not come in multiples of " +
                    std::to_string(kSmallBlock) + "; use a model with groups of 32, 64 or 128.",
                {}, "unsupported_model_file");
  }
  if (!sorted) matrix->order_ = std::move(order);
  matrix->parts_ = std::move(parts);
  matrix->type_ = matrix->AllZerosAre8() ? DType::kQ4_0 : DType::kQ5_0;
  return matrix;
}

// codes[r * in] for rows begin + r of one input: a run of words in both forms.
void Int4Matrix::ReadCodes(uint32_t column, uint32_t begin, uint32_t end, uint8_t* codes) const {
  const size_t stride = parts_.in;
  if (parts_.form == Int4Form::kAwq) {
    const size_t first = size_t{column} * (parts_.out / kPerWord);
    for (uint32_t row = begin; row < end; ++row, codes += stride) {
      const uint32_t word = Word(parts_.qweight, first + row / kPerWord);
      *codes = static_cast<uint8_t>(Nibble(word, kAwqPlace[row % kPerWord]));
    }
    return;
  }
  const size_t first = size_t{column / kPerWord} * parts_.out;
  for (uint32_t row = begin; row < end; ++row, codes += stride)
    *codes = static_cast<uint8_t>(Nibble(Word(parts_.qweight, first + row), column % kPerWord));
}

void Int4Matrix::Read(uint32_t begin, uint32_t end, std::byte* out) const {
  const uint32_t in = parts_.in, blocks = in / kSmallBlock;
  std::vector<uint8_t> codes(size_t{end - begin} * in);
  for (uint32_t j = 0; j < in; ++j)
    ReadCodes(order_.empty() ? j : order_[j], begin, end, codes.data() + j);
  const size_t block_bytes = Info(type_).block_bytes;
  for (uint32_t row = begin; row < end; ++row) {
    const uint8_t* row_codes = codes.data() + size_t{row - begin} * in;
    for (uint32_t b = 0; b < blocks; ++b, out += block_bytes) {
      const uint32_t column = b * kSmallBlock;
      const uint32_t group = parts_.group_of[order_.empty() ? column : order_[column]];
      uint16_t d;
      std::memcpy(&d, parts_.scales.data() + (size_t{group} * parts_.out + row) * sizeof(d),
                  sizeof(d));
      if (type_ == DType::kQ4_0)
        WriteQ4_0(d, row_codes + column, out);
      else
        WriteQ5_0(d, row_codes + column, Zero(group, row), out);
    }
  }
}

}  // namespace ingle
