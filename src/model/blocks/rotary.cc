#include "model/blocks/rotary.h"

namespace ingle {

// Reduction by multiples of pi/4 in three parts and polynomials on [-pi/4, pi/4], after Cephes'
// sin.c (S. Moshier).
void SineAndCosine(double angle, double* sine, double* cosine) {
  constexpr double kPart1 = 7.85398125648498535156e-1, kPart2 = 3.77489470793079817668e-8,
                   kPart3 = 2.69515142907905952645e-15;
  const bool negative = angle < 0;
  const double a = negative ? -angle : angle;
  auto octant = static_cast<uint64_t>(a * 1.27323954473516268615);  // 4 / pi
  octant += octant % 2;
  const auto n = static_cast<double>(octant);
  const double x = ((a - n * kPart1) - n * kPart2) - n * kPart3;
  const double z = x * x;
  const double s = x + x * z *
                           (((((1.58962301576546568060e-10 * z - 2.50507477628578072866e-8) * z +
                               2.75573136213857245213e-6) *
                                  z -
                              1.98412698295895385996e-4) *
                                 z +
                             8.33333333332211858878e-3) *
                                z -
                            1.66666666666666307295e-1);
  const double c = 1.0 - 0.5 * z +
                   z * z *
                       (((((-1.13585365213876817300e-11 * z + 2.08757008419747316778e-9) * z -
                           2.75573141792967388112e-7) *
                              z +
                          2.48015872888517045348e-5) *
                             z -
                         1.38888888888730564116e-3) *
                            z +
                        4.16666666666665929218e-2);
  const uint64_t quadrant = octant / 2 % 4;  // The angle is x plus this many right angles.
  const double sines[] = {s, c, -s, -c};
  *sine = negative ? -sines[quadrant] : sines[quadrant];
  *cosine = sines[(quadrant + 1) % 4];
}

void FillRotary(const RopeTable& table, uint32_t position, float* cosines, float* sines) {
  for (size_t i = 0; i < table.frequencies.size(); ++i) {
    double sine, cosine;
    SineAndCosine(static_cast<double>(position) * table.frequencies[i], &sine, &cosine);
    cosines[i] = static_cast<float>(cosine * table.magnitude);
    sines[i] = static_cast<float>(sine * table.magnitude);
  }
}

}  // namespace ingle
