#pragma once
// A decoder's weights, ready to multiply: matrices in bricks in one arena, vectors as floats.

#include <cstdint>
#include <vector>

#include "model/architecture.h"
#include "os/memory_region.h"
#include "tensor/packed_matrix.h"

namespace ingle {

// Empty vectors: the model has no such weight.
struct LayerWeights {
  PackedMatrix query, key, value, attention_out, gate, up, down;
  std::vector<float> mixer_norm, ffn_norm;
  std::vector<float> query_bias, key_bias, value_bias;
  std::vector<float> query_norm, key_norm;
};

struct DecoderWeights {
  Blueprint blueprint;
  PackedMatrix embedding;
  PackedMatrix output;  // The same bricks as embedding when the head is tied.
  std::vector<float> final_norm;
  RopeTable rope;
  std::vector<LayerWeights> layers;
  uint64_t parameters = 0;
  MemoryRegion arena;  // Owns the bricks.
};

}  // namespace ingle
