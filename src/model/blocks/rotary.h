#pragma once
// Cosines and sines of the rotary embedding's angles, in double precision and without the C
// library, so that every machine computes the same ones.

#include <cstdint>

#include "model/architecture.h"

namespace ingle {

// |angle| below 2^30.
void SineAndCosine(double angle, double* sine, double* cosine);

// cosines, sines: [pairs] of the position, times the table's magnitude.
void FillRotary(const RopeTable& table, uint32_t position, float* cosines, float* sines);

}  // namespace ingle
