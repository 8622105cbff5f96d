#pragma once
// What the generic kernels do with a tier's vector type V. V holds V::kWidth floats (8 or 16),
// lives in the tier's own unnamed namespace (so that nothing compiled for one instruction set can
// be linked into another), and offers
//   Load(p) v.Store(p) Set(f) Zero()
//   PairEven(p), PairOdd(p): of kWidth pairs of bf16, the first or the second of each, as floats
// and, found by name: Add Sub Mul Div Neg Min Max Sqrt Fma(a, b, c) = a * b + c
//   PowerOfTwo(v, n): v * 2^n where n are the low bits of a float near 1.5 * 2^23
//   KeepWhereAtLeast(v, x, limit): v where x >= limit, else 0
//   NotAtMost(v, limit): Flags where v is above limit or either is NaN; Flags can be or-ed, begin
//   as NoFlags(), and AnySet(flags) looks at them
//   SwapPairs(v): neighbours exchanged
// and for a cache of codes
//   Bf16s(p): of kWidth bf16; v.StoreWords(p): to nearest even as int16, |v| <= 32767
//   Magnitude(v); MaxBits(a, b): the larger by its bits, a NaN above all, of magnitudes
//   CodePairs::Load(p): kWidth pairs of int8; WordPair::Load(p): one pair of int16, for all of
//   them; IntegerSums: kWidth int32; Zero(), s.ToFloats(), Plus(s, s), and MultiplyAdd(codes,
//   words, s), which adds both products of each pair

#include <cstddef>
#include <cstdint>

namespace ingle {
namespace generic {

inline constexpr uint32_t kLanes = 16;  // Of the contract, whatever the vectors' width.

template <class V>
struct Lanes {
  static constexpr uint32_t kParts = kLanes / V::kWidth;

  // ((0+8)+(4+12)) + ...: the halves of 16, of 8, of 4, of 2.
  static float Sum(const V* parts) {
    float lane[kLanes];
    for (uint32_t p = 0; p < kParts; ++p) parts[p].Store(lane + p * V::kWidth);
    for (uint32_t half = kLanes / 2; half > 0; half /= 2)
      for (uint32_t i = 0; i < half; ++i) lane[i] = lane[i] + lane[i + half];
    return lane[0];
  }

  // Copies the last n % 16 floats of x to a zero-padded array.
  static void Tail(const float* x, uint32_t n, float* tail) {
    for (uint32_t i = 0; i < kLanes; ++i) tail[i] = i < n ? x[i] : 0.0f;
  }

  // exp(x) for x <= 88; above, exp(88); below -87, 0. Range reduction by ln 2 in two parts (Cody
  // and Waite), then a minimax polynomial of degree 6 on [-ln2/2, ln2/2] (coefficients of Cephes'
  // expf); error below 1.5 ulp.
  static V Exp(V x) {
    const V clamped = Min(x, V::Set(88.0f));
    const V magic =
        V::Set(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer in the low bits.
    const V shifted = Fma(clamped, V::Set(1.44269504088896341f), magic);
    const V n = Sub(shifted, magic);
    V r = Fma(n, V::Set(-0.693359375f), clamped);
    r = Fma(n, V::Set(2.12194440e-4f), r);
    V p = V::Set(1.9875691500e-4f);
    p = Fma(p, r, V::Set(1.3981999507e-3f));
    p = Fma(p, r, V::Set(8.3334519073e-3f));
    p = Fma(p, r, V::Set(4.1665795894e-2f));
    p = Fma(p, r, V::Set(1.6666665459e-1f));
    p = Fma(p, r, V::Set(5.0000001201e-1f));
    p = Add(Fma(Mul(p, r), r, r), V::Set(1.0f));
    return KeepWhereAtLeast(PowerOfTwo(p, shifted), x, V::Set(-87.0f));
  }

  // 1 / (1 + exp(-x))
  static V Sigmoid(V x) {
    const V one = V::Set(1.0f);
    return Div(one, Add(one, Exp(Neg(x))));
  }

  // tanh(x): up to 0.625 an odd polynomial (coefficients of Cephes' tanhf), past it 1 - 2 / (exp(2
  // |x|) + 1) with the sign of x.
  static V Tanh(V x) {
    const V one = V::Set(1.0f), zero = V::Zero(), limit = V::Set(0.625f);
    const V size = Max(x, Neg(x)), z = Mul(x, x);
    V p = V::Set(-5.70498872745e-3f);
    p = Fma(p, z, V::Set(2.06390887954e-2f));
    p = Fma(p, z, V::Set(-5.37397155531e-2f));
    p = Fma(p, z, V::Set(1.33314422036e-1f));
    p = Fma(p, z, V::Set(-3.33332819422e-1f));
    p = Fma(Mul(p, z), x, x);
    const V far = Sub(one, Div(V::Set(2.0f), Add(Exp(Add(size, size)), one)));
    const V positive = KeepWhereAtLeast(far, x, zero);
    const V with_sign = Sub(positive, Sub(far, positive));
    return Add(KeepWhereAtLeast(with_sign, size, limit), Sub(p, KeepWhereAtLeast(p, size, limit)));
  }
};

}  // namespace generic
}  // namespace ingle
