#pragma once
// What an architecture is, as data. The decoder runs any Blueprint; an Architecture only says how
// to fill one from a model file's metadata and where each weight is stored. Adding one: a file in
// architectures/ and a line in its registry.cc.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "files/metadata.h"

namespace ingle {

// How a rotary embedding pairs the elements of a head: (2i, 2i+1) or (i, i + rope_dim/2).
enum class RopeStyle : uint8_t { kNone, kAdjacentPairs, kSplitHalves };
enum class Mixer : uint8_t { kAttention, kShortConvolution };
enum class FeedForward : uint8_t { kGated, kPlain, kExperts };
enum class Norm : uint8_t { kRms, kLayer };
enum class Activation : uint8_t { kSilu, kGeluTanh };

struct LayerBlueprint {
  Mixer mixer = Mixer::kAttention;
  FeedForward feed_forward = FeedForward::kGated;
  RopeStyle rope = RopeStyle::kNone;
  bool local_rope = false;  // Rotates by Blueprint::local_rope.
  uint32_t kv_heads = 0;    // Divides Blueprint::heads; 0 in a convolution.
  uint32_t window = 0;      // Last positions that a query sees, itself included; 0: all.

  bool operator==(const LayerBlueprint&) const = default;
};

// Positions past the trained context: none, positions divided by `factor` (linear), YaRN (arXiv
// 2309.00071), Llama 3.1's bands of wavelengths, or divisors of the frequencies, one set up to the
// original context and one past it (LongRoPE, arXiv 2402.13753).
enum class RopeScaling : uint8_t { kNone, kLinear, kYarn, kLlama3, kLongRope };

struct RopeBlueprint {
  uint32_t dim =
      0;  // Elements of a head that rotate; even, at most head_dim. The rest pass unchanged.
  double theta = 10000.0;
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1.0;
  double attention_factor = 1.0;             // Multiplies the magnitude, whatever the scaling.
  uint32_t original_context = 0;             // YaRN, Llama 3 and LongRoPE.
  double beta_fast = 32.0, beta_slow = 1.0;  // YaRN
  double yarn_magnitude = 0.1;               // YaRN: times ln(factor), plus 1.
  bool yarn_truncate = true;                 // YaRN: the ramp ends at whole pairs.
  double low_frequency = 1.0, high_frequency = 4.0;  // Llama 3
  // LongRoPE, [dim / 2] each; empty where tensors hold them (Slot::kRopeFactorsShort and Long).
  std::vector<float> short_factors = {}, long_factors = {};

  bool operator==(const RopeBlueprint&) const = default;
};

struct ExpertsBlueprint {
  uint32_t count = 0, used = 0, ffn_dim = 0;
  bool sigmoid = false;       // Scores are sigmoids, not a softmax over all experts.
  bool normalise = true;      // The weights of those used are divided by their sum,
  float sum_epsilon = 0.0f;   // plus this,
  float weight_scale = 1.0f;  // and multiplied by this.

  bool operator==(const ExpertsBlueprint&) const = default;
};

// What the decoder computes, with m = mixer (attention or convolution) and f = feed-forward part:
// x += post_norm(m(norm(x))); x += post_norm(f(norm(x))).
// Optional parts (biases, norms on the heads of q and k, post norms, learned positions, a head of
// its own) are there when their slot is.
struct Blueprint {
  uint32_t vocab = 0, model_dim = 0, ffn_dim = 0, heads = 0, head_dim = 0, context_max = 0;
  Norm norm = Norm::kRms;
  float norm_epsilon = 1e-5f;
  Activation activation = Activation::kSilu;
  float embedding_scale = 1.0f;  // Rounded to the embedding's type where that is BF16 or F16.
  float attention_scale = 0.0f;  // Of queries; 0: 1 / sqrt(head_dim).
  float attention_softcap = 0.0f, logit_softcap = 0.0f;  // c * tanh(x / c); 0: none.
  uint32_t conv_taps = 0;
  ExpertsBlueprint experts;
  RopeBlueprint rope, local_rope;
  std::vector<LayerBlueprint> layers;

  bool operator==(const Blueprint&) const = default;
};

// Limits of what the kernels' 32-bit indices and our buffers are made for. Past them a file is
// refused by name.
inline constexpr uint64_t kVocabMax = 1u << 22;
inline constexpr uint64_t kWidthMax = 1u << 18;  // model_dim, ffn_dim, heads * head_dim
inline constexpr uint64_t kLayersMax = 1024;
inline constexpr uint64_t kHeadDimMax = 1024;
inline constexpr uint64_t kContextMax = 1u << 30;

inline constexpr uint64_t kExpertsMax = 4096;
inline constexpr uint64_t kExpertsUsedMax = 64;
inline constexpr uint64_t kConvTapsMax = 16;

// The role of a weight in the decoder.
enum class Slot : uint8_t {
  kTokenEmbedding,     // [vocab, model_dim]; also the head when kOutput is absent (tied).
  kPositionEmbedding,  // [context_max, model_dim], added to the token's
  kFinalNorm,          // [model_dim]
  kFinalNormBias,      // [model_dim]
  kOutput,             // [vocab, model_dim]
  kRopeFactors,        // [rope.dim / 2]: divisors of the frequencies (Llama 3.x)
  kRopeFactorsShort,   // as kRopeFactors, up to the original context (LongRoPE)
  kRopeFactorsLong,    // and past it
  kMixerNorm,          // [model_dim], and from here on one per layer
  kMixerNormBias,
  kQuery,             // [heads * head_dim, model_dim]
  kKey,               // [kv_heads * head_dim, model_dim]
  kValue,             // as kKey
  kQueryBias,         // [heads * head_dim]
  kKeyBias,           // [kv_heads * head_dim]
  kValueBias,         // as kKeyBias
  kQueryNorm,         // [head_dim], RMS per head before the rotary embedding
  kKeyNorm,           // as kQueryNorm
  kAttentionOut,      // [model_dim, heads * head_dim]
  kAttentionOutBias,  // [model_dim]
  kConvGateIn,        // [model_dim, model_dim]: b of out(c * taps(b * v))
  kConvGateOut,       // as kConvGateIn: c
  kConvValue,         // as kConvGateIn: v
  kConvTaps,          // [model_dim, conv_taps], the oldest first
  kConvOut,           // [model_dim, model_dim]
  kMixerPostNorm,     // [model_dim]
  kFfnNorm,           // [model_dim]
  kFfnNormBias,
  kFfnGate,      // [ffn_dim, model_dim]
  kFfnGateBias,  // [ffn_dim]
  kFfnUp,        // as kFfnGate
  kFfnUpBias,    // [ffn_dim]
  kFfnDown,      // [model_dim, ffn_dim]
  kFfnDownBias,  // [model_dim]
  kFfnPostNorm,  // [model_dim]
  kRouter,       // [experts, model_dim]
  kRouterBias,   // [experts]: added to the scores by which experts are chosen, not to their weights
  kExpertGate,   // [experts.ffn_dim, model_dim], one per expert
  kExpertUp,     // as kExpertGate
  kExpertDown,   // [model_dim, experts.ffn_dim], one per expert
  kCount,
};
inline constexpr size_t kSlots = static_cast<size_t>(Slot::kCount);

// Kept as floats, whatever the file's type; all others are matrices in bricks.
bool IsKeptAsFloats(Slot slot);
// There once per expert of a layer.
constexpr bool IsPerExpert(Slot slot) { return slot >= Slot::kExpertGate; }

// A tensor's extents, resolved against the Blueprint (and the layer, for kKeys). kVector rows:
// one-dimensional.
enum class Dim : uint8_t {
  kVector,
  kVocab,
  kContext,
  kModel,
  kFfn,
  kQueries,
  kKeys,
  kHead,
  kRopePairs,
  kTaps,
  kExperts,
  kExpertFfn
};
uint64_t Extent(Dim dim, const Blueprint& blueprint, uint32_t layer);

enum class When : uint8_t { kAlways, kOptional };
// Layers that have the tensor.
enum class Where : uint8_t { kAllLayers, kAttention, kShortConvolution, kDense, kExperts };
// What differs in Hugging Face files: a matrix is stored as [cols, rows]; a norm's weight as its
// distance from one.
enum class Fix : uint8_t { kNone, kTransposedInHf, kMinusOneInHf };

// Specs of one table with the same name are parts of one stored tensor, row after row in the
// table's order. For a slot per expert, a name without "{e}" is one stored tensor of all experts,
// [experts, rows of all its parts, cols].
struct TensorSpec {
  Slot slot;
  Dim rows, cols;  // cols run fastest in memory: GGUF's first extent.
  std::string_view gguf,
      hf;  // "{}" stands for the layer's index, "{e}" for the expert's. Empty: not in this
           // container.
  When when = When::kAlways;
  Where where = Where::kAllLayers;
  Fix fix = Fix::kNone;
  // Of an optional one: the truth in config.json that says whether it is there. Empty: nothing
  // does.
  std::string_view flag = {};

  bool per_layer() const { return slot >= Slot::kMixerNorm; }
  bool IsIn(const LayerBlueprint& layer) const;
};

// A key of config.json that counts, and what transformers takes where the key is not there (null is
// there); std::monostate: nothing. also: another name of the same.
using ConfigFallback = std::variant<std::monostate, bool, int64_t, double>;
struct ConfigKey {
  std::string_view name;
  ConfigFallback fallback = {};
  std::string_view also = {};
};

struct Architecture {
  std::string_view gguf_name, hf_class;
  Result<Blueprint> (*describe)(const Metadata&);
  std::vector<std::span<const TensorSpec>> tensors;
  // What its class in transformers reads of a config.json; config_keys.h has the keys of all.
  std::span<const ConfigKey> config = {};
  // transformers shares embedding and head where a config.json does not say.
  bool tied_in_hf = false;
  // A class whose language part, under "text_config" and "language_model.", is of this kind.
  std::string_view hf_multimodal = {};
};

// Every architecture this build runs; the one list to extend (architectures/registry.cc).
std::span<const Architecture* const> AllArchitectures();
// The architecture that the file names; kUnsupported lists what there is.
Result<const Architecture*> FindArchitecture(const Metadata& metadata);

// The name of a hyperparameter in both containers; "{a}" stands for the architecture's GGUF name,
// "{rope}" for where a config.json keeps its rope settings. hf_also: its name in other configs.
struct Key {
  std::string_view gguf, hf, hf_also = {};
};
// The key's full name in this container: "llama.block_count".
std::string KeyName(const Metadata& metadata, Key key);

// What an architecture does that its file need not say; keys that would change anything else are
// refused by name.
struct DecoderTraits {
  Norm norm = Norm::kRms;
  Activation activation = Activation::kSilu;
  FeedForward feed_forward = FeedForward::kGated;
  RopeStyle rope = RopeStyle::kNone;
  bool long_rope = false;         // Factors of LongRoPE may come as tensors or in the config.
  bool softcaps = false;          // Keys of soft caps count.
  bool scales_embedding = false;  // By sqrt(model_dim).
  bool experts = false;
  bool sigmoid_experts = false;  // Where the file does not say.
  bool attention_bias = false;   // A config's attention_bias and
  bool mlp_bias = false;         // mlp_bias count: tensors have that flag.
  bool convolutions = false;     // Layers without key-value heads are short convolutions.
  uint32_t global_every = 0;     // Every n-th layer has no window; 0: the window is in all layers.
  double local_theta = 0;        // Of layers with a window, where the file does not say; 0: as all.
};

// Fields shared by every decoder-only model, read under their GGUF or Hugging Face name and checked
// against each other. The vocabulary is 0 when no key gives it (the embedding's rows then do).
Result<Blueprint> DescribeDecoder(const Metadata& metadata, const DecoderTraits& traits);

// Rotation of pair i at position p: the angle p * frequencies[i]; cosines and sines are multiplied
// by magnitude.
struct RopeTable {
  std::vector<double> frequencies;  // [rope.dim / 2]
  double magnitude = 1.0;
};
// factors: divisors of the frequencies, [rope.dim / 2]; empty: none.
RopeTable MakeRopeTable(const RopeBlueprint& rope, std::span<const float> factors);

}  // namespace ingle
