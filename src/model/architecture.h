#pragma once
// What an architecture is, as data. The decoder runs any Blueprint; an Architecture only says how
// to fill one from a model file's metadata and where each weight is stored. Adding one: a file in
// architectures/ and a line in its registry.cc.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "files/metadata.h"

namespace ingle {

// How a rotary embedding pairs the elements of a head: (2i, 2i+1) or (i, i + rope_dim/2).
enum class RopeStyle : uint8_t { kNone, kAdjacentPairs, kSplitHalves };

struct LayerBlueprint {
  RopeStyle rope = RopeStyle::kNone;
  uint32_t kv_heads = 0;  // Divides Blueprint::heads.
};

// Positions past the trained context: none, positions divided by `factor` (linear), or YaRN (arXiv
// 2309.00071).
enum class RopeScaling : uint8_t { kNone, kLinear, kYarn };

struct RopeBlueprint {
  uint32_t dim =
      0;  // Elements of a head that rotate; even, at most head_dim. The rest pass unchanged.
  double theta = 10000.0;
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1.0;
  double attention_factor = 1.0;  // Multiplies the magnitude, whatever the scaling.
  uint32_t original_context = 0;  // YaRN only, as is the next line.
  double beta_fast = 32.0, beta_slow = 1.0;
};

// Today's decoders: x += attention(RMSNorm(x)); x += down(silu(gate(n)) * up(n)), n = RMSNorm(x).
// Optional parts (biases on q, k, v; norms on the heads of q and k; a head of its own) are there
// when their slot is.
struct Blueprint {
  uint32_t vocab = 0, model_dim = 0, ffn_dim = 0, heads = 0, head_dim = 0, context_max = 0;
  float norm_epsilon = 1e-5f;
  RopeBlueprint rope;
  std::vector<LayerBlueprint> layers;
};

// Limits of what the kernels' 32-bit indices and our buffers are made for. Past them a file is
// refused by name.
inline constexpr uint64_t kVocabMax = 1u << 22;
inline constexpr uint64_t kWidthMax = 1u << 18;  // model_dim, ffn_dim, heads * head_dim
inline constexpr uint64_t kLayersMax = 1024;
inline constexpr uint64_t kHeadDimMax = 1024;
inline constexpr uint64_t kContextMax = 1u << 30;

// The role of a weight in the decoder.
enum class Slot : uint8_t {
  kTokenEmbedding,  // [vocab, model_dim]; also the head when kOutput is absent (tied).
  kFinalNorm,       // [model_dim]
  kOutput,          // [vocab, model_dim]
  kRopeFactors,     // [rope.dim / 2]: divisors of the frequencies (Llama 3.x)
  kMixerNorm,       // [model_dim], and from here on one per layer
  kQuery,           // [heads * head_dim, model_dim]
  kKey,             // [kv_heads * head_dim, model_dim]
  kValue,           // as kKey
  kQueryBias,       // [heads * head_dim]
  kKeyBias,         // [kv_heads * head_dim]
  kValueBias,       // as kKeyBias
  kQueryNorm,       // [head_dim], RMS per head before the rotary embedding
  kKeyNorm,         // as kQueryNorm
  kAttentionOut,    // [model_dim, heads * head_dim]
  kFfnNorm,         // [model_dim]
  kFfnGate,         // [ffn_dim, model_dim]
  kFfnUp,           // as kFfnGate
  kFfnDown,         // [model_dim, ffn_dim]
  kCount,
};
inline constexpr size_t kSlots = static_cast<size_t>(Slot::kCount);

// A tensor's extents, resolved against the Blueprint (and the layer, for kKeys). kVector rows:
// one-dimensional.
enum class Dim : uint8_t { kVector, kVocab, kModel, kFfn, kQueries, kKeys, kHead, kRopePairs };
enum class When : uint8_t { kAlways, kOptional };

struct TensorSpec {
  Slot slot;
  Dim rows, cols;  // cols run fastest in memory: GGUF's first extent.
  std::string_view gguf,
      hf;  // "{}" stands for the layer's index: the tensor is there once per layer.
  When when = When::kAlways;

  bool per_layer() const { return gguf.find("{}") != std::string_view::npos; }
};

struct Architecture {
  std::string_view gguf_name, hf_class;
  Result<Blueprint> (*describe)(const Metadata&);
  std::vector<std::span<const TensorSpec>> tensors;
};

// Every architecture this build runs; the one list to extend (architectures/registry.cc).
std::span<const Architecture* const> AllArchitectures();
// The architecture that the file names; kUnsupported lists what there is.
Result<const Architecture*> FindArchitecture(const Metadata& metadata);

// The name of a hyperparameter in both containers; "{a}" stands for the architecture's GGUF name.
struct Key {
  std::string_view gguf, hf;
};
// The key's full name in this container: "llama.block_count".
std::string KeyName(const Metadata& metadata, Key key);

// Fields shared by every decoder-only model, read under their GGUF or Hugging Face name and checked
// against each other; rope styles are left kNone. The vocabulary is 0 when no key gives it (the
// embedding's rows then do).
Result<Blueprint> DescribeDecoder(const Metadata& metadata);

// Rotation of pair i at position p: the angle p * frequencies[i]; cosines and sines are multiplied
// by magnitude.
struct RopeTable {
  std::vector<double> frequencies;  // [rope.dim / 2]
  double magnitude = 1.0;
};
// factors: contents of Slot::kRopeFactors, empty when absent.
RopeTable MakeRopeTable(const RopeBlueprint& rope, std::span<const float> factors);

}  // namespace ingle
