#pragma once
// The vector type of kernels/generic/lanes.h in plain C++: the oracle of the other tiers.

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace ingle {
namespace {

struct Vector {
  static constexpr uint32_t kWidth = 8;
  static constexpr uint32_t kAttentionRows =
      4;  // Rows of attention that go through the registers together.
  static constexpr uint32_t kAttentionScores = 4;  // Rows times groups of keys.
  static constexpr uint32_t kAttentionSums = 8;    // Vectors of its output that stay in registers.
  static constexpr uint32_t kAttentionIntegers = 4;  // Vectors of sums of integers.
  float lane[kWidth];

  static Vector Load(const float* p) {
    Vector v;
    std::memcpy(v.lane, p, sizeof v.lane);
    return v;
  }
  void Store(float* p) const { std::memcpy(p, lane, sizeof lane); }
  static Vector Set(float f) {
    Vector v;
    for (float& x : v.lane) x = f;
    return v;
  }
  using Flags = bool;
  static Flags NoFlags() { return false; }
  static bool AnySet(Flags flags) { return flags; }
  static Vector Zero() { return Set(0.0f); }
  // Pairs of bf16 lie in 32-bit words, the first in the low half.
  static uint32_t PairAt(const uint8_t* p, uint32_t i) {
    uint32_t word;
    std::memcpy(&word, p + 4 * i, 4);
    return word;
  }
  static Vector PairEven(const uint8_t* p) {
    Vector v;
    for (uint32_t i = 0; i < kWidth; ++i) v.lane[i] = std::bit_cast<float>(PairAt(p, i) << 16);
    return v;
  }
  static Vector PairOdd(const uint8_t* p) {
    Vector v;
    for (uint32_t i = 0; i < kWidth; ++i)
      v.lane[i] = std::bit_cast<float>(PairAt(p, i) & 0xffff0000u);
    return v;
  }
  static Vector Bf16s(const uint8_t* p) {
    Vector v;
    for (uint32_t i = 0; i < kWidth; ++i) {
      uint16_t half;
      std::memcpy(&half, p + 2 * i, 2);
      v.lane[i] = std::bit_cast<float>(uint32_t{half} << 16);
    }
    return v;
  }
  // Adding 1.5 * 2^23 rounds to an integer in the low bits, ties to even.
  void StoreWords(int16_t* p) const {
    for (uint32_t i = 0; i < kWidth; ++i)
      p[i] = static_cast<int16_t>(std::bit_cast<uint32_t>(lane[i] + 12582912.0f));
  }

  struct CodePairs {
    int8_t code[2 * kWidth];
    static CodePairs Load(const uint8_t* p) {
      CodePairs pairs;
      std::memcpy(pairs.code, p, sizeof pairs.code);
      return pairs;
    }
  };
  struct WordPair {
    int16_t first, second;
    static WordPair Load(const int16_t* p) { return {p[0], p[1]}; }
  };
  struct IntegerSums {
    int32_t lane[kWidth];
    static IntegerSums Zero() { return {}; }
    Vector ToFloats() const {
      Vector v;
      for (uint32_t i = 0; i < kWidth; ++i) v.lane[i] = static_cast<float>(lane[i]);
      return v;
    }
  };
};

template <class F>
Vector Each(const F& f) {
  Vector v;
  for (uint32_t i = 0; i < Vector::kWidth; ++i) v.lane[i] = f(i);
  return v;
}

inline Vector Add(Vector a, Vector b) {
  return Each([&](uint32_t i) { return a.lane[i] + b.lane[i]; });
}
inline Vector Sub(Vector a, Vector b) {
  return Each([&](uint32_t i) { return a.lane[i] - b.lane[i]; });
}
inline Vector Mul(Vector a, Vector b) {
  return Each([&](uint32_t i) { return a.lane[i] * b.lane[i]; });
}
inline Vector Div(Vector a, Vector b) {
  return Each([&](uint32_t i) { return a.lane[i] / b.lane[i]; });
}
inline Vector Neg(Vector a) {
  return Each([&](uint32_t i) { return -a.lane[i]; });
}
// As the processor's own: the second operand where they compare neither way.
inline Vector Min(Vector a, Vector b) {
  return Each([&](uint32_t i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline Vector Max(Vector a, Vector b) {
  return Each([&](uint32_t i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline Vector Sqrt(Vector a) {
  return Each([&](uint32_t i) { return std::sqrt(a.lane[i]); });
}
inline Vector Fma(Vector a, Vector b, Vector c) {
  return Each([&](uint32_t i) { return std::fma(a.lane[i], b.lane[i], c.lane[i]); });
}
inline Vector SwapPairs(Vector a) {
  return Each([&](uint32_t i) { return a.lane[i ^ 1]; });
}
inline Vector PowerOfTwo(Vector v, Vector n) {
  return Each([&](uint32_t i) {
    return std::bit_cast<float>(std::bit_cast<uint32_t>(v.lane[i]) +
                                (std::bit_cast<uint32_t>(n.lane[i]) << 23));
  });
}
inline Vector Magnitude(Vector a) {
  return Each([&](uint32_t i) { return std::fabs(a.lane[i]); });
}
inline Vector MaxBits(Vector a, Vector b) {
  return Each([&](uint32_t i) {
    return std::bit_cast<uint32_t>(a.lane[i]) > std::bit_cast<uint32_t>(b.lane[i]) ? a.lane[i]
                                                                                   : b.lane[i];
  });
}
inline Vector::IntegerSums MultiplyAdd(Vector::CodePairs a, Vector::WordPair b,
                                       Vector::IntegerSums c) {
  for (uint32_t i = 0; i < Vector::kWidth; ++i)
    c.lane[i] += a.code[2 * i] * b.first + a.code[2 * i + 1] * b.second;
  return c;
}
inline Vector::IntegerSums Plus(Vector::IntegerSums a, Vector::IntegerSums b) {
  for (uint32_t i = 0; i < Vector::kWidth; ++i) a.lane[i] += b.lane[i];
  return a;
}
inline Vector::Flags NotAtMost(Vector v, Vector limit) {
  bool any = false;
  for (uint32_t i = 0; i < Vector::kWidth; ++i) any |= !(v.lane[i] <= limit.lane[i]);
  return any;
}
inline Vector KeepWhereAtLeast(Vector v, Vector x, Vector limit) {
  return Each([&](uint32_t i) { return x.lane[i] >= limit.lane[i] ? v.lane[i] : 0.0f; });
}

}  // namespace
}  // namespace ingle
