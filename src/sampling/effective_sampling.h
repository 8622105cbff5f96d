#pragma once
// Which value of each setting holds, and who set it.

#include <cstdint>

#include "request/event.h"
#include "request/generate_request.h"

namespace ingle {

// request > server > model > built-in. `drawn_seed` is used when nobody gives one.
EffectiveSampling ResolveSampling(const SamplingRequest& request, const SamplingRequest& server,
                                  const SamplingRequest& model, uint64_t drawn_seed);

// A fresh seed of at most 53 bits, so that JSON readers which keep numbers as doubles can send it
// back.
uint64_t DrawSeed();

}  // namespace ingle
