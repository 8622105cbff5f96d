#pragma once
// Turns a planned model file into weights that are ready to multiply.

#include "base/result.h"
#include "files/model_files.h"
#include "model/decoder_weights.h"
#include "model/model.h"
#include "model/weights.h"
#include "os/thread_team.h"

namespace ingle {

// Packs every matrix into one arena, all threads at once and in file order, and lets go of the
// file's pages as they are consumed: at no time are file and bricks both in memory. With a pack
// cache (ModelOptions) the packed bytes are read instead, or written behind.
Result<DecoderWeights> PackWeights(const ModelFiles& files, const ModelPlan& plan, ThreadTeam& team,
                                   const ModelOptions& options);

}  // namespace ingle
