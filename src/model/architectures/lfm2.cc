// LFM2 and LFM2.5: gated short convolutions, with a few layers of attention between them.

#include "model/architectures/lfm2.h"

#include "model/key_reader.h"

namespace ingle {
namespace {

// A config.json may give the width of the feed-forward part before it is cut to two thirds and
// rounded up; GGUF gives what came out.
Status AdjustWidth(const Metadata& metadata, Blueprint& blueprint) {
  constexpr Key kAdjust{"", "block_auto_adjust_ff_dim"}, kOf{"", "block_multiple_of"};
  constexpr Key kTimes{"", "block_ffn_dim_multiplier"}, kWidth{"", "block_ff_dim"};
  const KeyReader keys(metadata);
  if (!keys.is_hf()) return {};
  INGLE_TRY(blueprint.ffn_dim, keys.SizeOr(kWidth, blueprint.ffn_dim, kWidthMax));
  INGLE_TRY(const bool adjust, keys.TruthOr(kAdjust, true));
  if (!adjust) return {};
  INGLE_TRY(const double times, keys.RealOr(kTimes, 1, 0.1, 10));
  INGLE_TRY(const uint32_t of, keys.SizeOr(kOf, 256, kWidthMax));
  const auto width = static_cast<uint32_t>(times * (2 * blueprint.ffn_dim / 3));
  blueprint.ffn_dim = (width + of - 1) / of * of;
  return {};
}

// Defaults of transformers' Lfm2Config.
constexpr ConfigKey kConfig[] = {
    {"hidden_size", int64_t{2560}},
    {"intermediate_size", int64_t{12288}},
    {"block_ff_dim"},
    {"num_hidden_layers", int64_t{32}},
    {"num_attention_heads", int64_t{32}},
    {"num_key_value_heads", int64_t{8}},
    {"head_dim"},
    {"max_position_embeddings", int64_t{128000}},
    {"norm_eps", 1e-05},
    {"vocab_size"},
    {"rope_theta", 1000000.0},
    {"original_max_position_embeddings"},
    {"conv_L_cache", int64_t{3}},
    {"block_multiple_of", int64_t{256}},
    {"block_ffn_dim_multiplier", 1.0},
    {"block_auto_adjust_ff_dim", true},
    {"full_attn_idxs"},
    {"layer_types"},
};

Result<Blueprint> Describe(const Metadata& metadata) {
  INGLE_TRY(Blueprint blueprint,
            DescribeDecoder(metadata, {.rope = RopeStyle::kSplitHalves, .convolutions = true}));
  INGLE_RETURN_IF_ERROR(AdjustWidth(metadata, blueprint));
  return blueprint;
}

}  // namespace

extern const Architecture kLfm2;
const Architecture kLfm2 = {.gguf_name = "lfm2",
                            .hf_class = "Lfm2ForCausalLM",
                            .describe = Describe,
                            .tensors = {kLfm2Tensors},
                            .config = kConfig,
                            .tied_in_hf = true};

}  // namespace ingle
