#pragma once
// What a pass has to read and to multiply, counted from its plan: for StepProfile::work.

#include <array>

#include "cache/kv_cache.h"
#include "model/blocks/pass.h"
#include "model/decoder_weights.h"
#include "model/model.h"

namespace ingle {

// Adds the work of `pass` to `work`. Weights count once per pass, those of experts for as many as
// its tokens can go to at most; keys and values once per sequence and layer.
void CountWork(const DecoderWeights& weights, const Pass& pass, const KvCache& cache,
               std::array<PhaseWork, kStepPhases>& work);

}  // namespace ingle
