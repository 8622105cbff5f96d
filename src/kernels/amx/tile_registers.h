#pragma once
// The eight tile registers: 16 rows of 64 bytes each (Intel SDM, volume 1, chapter 18). In
// assembly, because GCC 12 takes its own intrinsics' memory operands for smaller than they are.

#include <cstddef>
#include <cstdint>

namespace ingle {
namespace {

// Operand of LDTILECFG (Intel SDM, volume 2, LDTILECFG).
struct alignas(64) TileShapes {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileShapes) == 64);

// Tiles keep their shapes while one of these lives, and the thread has no tile state afterwards:
// saving it would cost every switch of threads 8 KiB, and idle cores a deeper sleep.
class TilesInUse {
 public:
  explicit TilesInUse(const TileShapes& shapes) {
    asm volatile("ldtilecfg (%0)" : : "r"(&shapes) : "memory");
  }
  ~TilesInUse() { asm volatile("tilerelease" : : : "memory"); }
  TilesInUse(const TilesInUse&) = delete;
  TilesInUse& operator=(const TilesInUse&) = delete;
};

template <int kTile>
inline void ZeroTile() {
  asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
}

template <int kTile>
inline void LoadTile(const void* first_row, size_t row_stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2"
               :
               : "r"(first_row), "r"(row_stride), "i"(kTile)
               : "memory");
}

template <int kTile>
inline void StoreTile(void* first_row, size_t row_stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
               :
               : "r"(first_row), "r"(row_stride), "i"(kTile)
               : "memory");
}

// sums[m][n] (int32) += the products of a[m][k] and b[k / 4][n][k % 4] (int8).
template <int kSums, int kA, int kB>
inline void AddProductsInt8() {
  asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kA), "i"(kB));
}

// sums[m][n] (float) += (chain over even k + chain over odd k) of a[m][k] and b[k / 2][n][k % 2]
// (bf16).
template <int kSums, int kA, int kB>
inline void AddProductsBf16() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kA), "i"(kB));
}

}  // namespace
}  // namespace ingle
