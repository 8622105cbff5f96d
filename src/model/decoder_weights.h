#pragma once
// A decoder's weights, ready to multiply: matrices in bricks in one arena, vectors as floats.

#include <cstdint>
#include <memory>
#include <vector>

#include "model/architecture.h"
#include "model/pack_writing.h"
#include "os/memory_region.h"
#include "tensor/packed_matrix.h"

namespace ingle {

// Empty vectors: the model has no such weight.
struct LayerWeights {
  PackedMatrix query, key, value, attention_out;
  PackedMatrix conv_gate_in, conv_gate_out, conv_value, conv_out;
  PackedMatrix gate, up, down;
  std::vector<PackedMatrix> expert_gate, expert_up, expert_down;  // [experts]
  std::vector<float> mixer_norm, mixer_norm_bias, mixer_post_norm;
  std::vector<float> ffn_norm, ffn_norm_bias, ffn_post_norm;
  std::vector<float> query_bias, key_bias, value_bias, attention_out_bias;
  std::vector<float> gate_bias, up_bias, down_bias;
  std::vector<float> query_norm, key_norm;
  std::vector<float> conv_taps;  // [taps][model_dim] once the decoder is made
  std::vector<float> router, router_bias;
};

struct DecoderWeights {
  Blueprint blueprint;
  PackedMatrix embedding;
  PackedMatrix output;                    // The same bricks as embedding when the head is tied.
  std::vector<float> position_embedding;  // [context_max][model_dim]
  std::vector<float> final_norm, final_norm_bias;
  std::vector<float> rope_factors_short, rope_factors_long;
  RopeTable rope;
  RopeTable far_rope;    // LongRoPE: instead of rope in sequences past the original context.
  RopeTable local_rope;  // Of layers with local_rope.
  std::vector<LayerWeights> layers;
  // Of matrices with act-order (PackedMatrix::input_order).
  std::vector<std::vector<uint32_t>> input_orders;
  uint64_t parameters = 0;
  uint64_t active_parameters = 0, active_bytes = 0;  // See ModelInfo.
  MemoryRegion arena;                                // Owns the bricks.
  std::unique_ptr<PackWriting> pack_writing;         // Reads the arena, so it ends before that.
};

}  // namespace ingle
