#pragma once
// Runs any Blueprint: the tokens of one step through embedding, layers and head, on all threads.

#include <memory>

#include "base/result.h"
#include "kernels/kernels.h"
#include "model/decoder_weights.h"
#include "model/model.h"
#include "os/thread_team.h"

namespace ingle {

// info: what the file says (architecture, name); the rest is filled in.
Result<std::unique_ptr<Model>> MakeDecoder(DecoderWeights weights, std::unique_ptr<ThreadTeam> team,
                                           const Kernels& kernels, const ModelOptions& options,
                                           ModelInfo info);

}  // namespace ingle
