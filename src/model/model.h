#pragma once
// A loaded model: weights in bricks, and the step that runs tokens of several sequences through it.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "files/metadata.h"
#include "files/model_files.h"
#include "os/thread_team.h"

namespace ingle {

// Of cached keys and values. kAuto: f32 where the attention's weights are F32 or F16, whose
// precision bf16 would lose (error 2x llama.cpp's), bf16 for all others.
// kI8: half of bf16's memory and three times its error (see docs/KV_CACHE.md).
// ModelInfo::arithmetic_class says which.
enum class CacheType : uint8_t { kAuto, kBf16, kF32, kI8 };

struct LoadProgress {
  uint64_t bytes_done = 0, bytes_total = 0;  // Of packed weights.
};

// Packed weights on disk, so that the next start reads them instead of packing. See pack_cache.h.
struct PackCacheOptions {
  std::string directory;   // Empty: none. Made when it is missing.
  uint64_t bytes_max = 0;  // Of all its files; those unused for longest go first. 0: any number.
  // How long a model's files must have been left alone for a cache to be made: within the steps of
  // a file system's clock, a later change would not show.
  int64_t settle_ms = 2000;
  // What became of it: news, and warnings. Also from a thread that writes, until the model ends.
  std::function<void(bool warning, const std::string& message)> tell = {};
};

struct ModelOptions {
  uint32_t threads =
      0;  // 0: one per core that this process may use, and no more than one per 16 MiB.
  CacheType cache = CacheType::kAuto;
  uint64_t cache_tokens = 0;  // Room for tokens in all sequences together; 0: one full context.
  std::string force_isa;      // Empty: the best tier of this machine (INGLE_FORCE_ISA).
  // Called while weights are packed, every MiB or so: in order, one call at a time, on any thread.
  std::function<void(LoadProgress)> on_load_progress = {};
  PackCacheOptions pack_cache = {};
};

struct ModelInfo {
  std::string architecture, name, tier;  // tier: "portable", "avx2", "avx512vnni", ...
  uint32_t vocab = 0, model_dim = 0, layers = 0, context_max = 0, threads = 0;
  uint64_t parameters = 0, weight_bytes = 0;  // Packed bytes in memory.
  // What one token is multiplied with: without experts that it does not go to, and without the
  // embedding where the head is another one.
  uint64_t active_parameters = 0, active_bytes = 0;
  uint64_t cache_bytes_per_token = 0;
  uint64_t cache_tokens = 0;
  uint32_t cache_page_tokens =
      1;  // Tokens of one page: the unit in which Reserve takes room, per sequence.
  std::string arithmetic_class;  // e.g. "cpu-1/bf16": part of system_fingerprint.
};

// One sequence's cached state. Made and used by its model only.
class Sequence {
 public:
  virtual ~Sequence() = default;
  virtual uint32_t length() const = 0;  // Tokens in the cache.
};

// A run of consecutive tokens of one sequence, in one step.
struct Segment {
  Sequence* sequence = nullptr;
  std::span<const int32_t> tokens;
  bool all_logits = false;  // Logits for every token, not just the last.
  bool no_logits = false;   // None: a prompt chunk that is not the last.
};

// Where the time of steps went, for tuning: wall time of the calling thread.
enum class StepPhase : uint8_t {
  kEmbed,
  kQkv,  // Norm, query, key and value products, rotary embedding, storing into the cache.
  kAttention,
  kAttentionOut,
  kGateUp,  // Norm, gate and up products, activation.
  kDown,
  kHead,  // Norm and logits.
  kCount
};
inline constexpr size_t kStepPhases = static_cast<size_t>(StepPhase::kCount);
inline constexpr std::string_view kStepPhaseNames[kStepPhases] = {
    "embed", "qkv", "attention", "attention_out", "gate_up", "down", "head"};

// What a phase has to read and multiply at least.
struct PhaseWork {
  double bytes = 0;              // Of weights, keys and values: each once per pass.
  double integer_products = 0;   // Multiply-adds of quantised weights, of a cache in i8 twice.
  double floating_products = 0;  // Of floating weights (F16: three of BF16), and of attention.
};

struct StepProfile {
  uint64_t steps = 0, tokens = 0, barriers = 0;
  std::array<double, kStepPhases> seconds{};
  // The rest only while the model is asked for details. Parts of `seconds`: making the products'
  // inputs (norm, quantisation), and standing at barriers.
  std::array<double, kStepPhases> inputs_seconds{}, waiting_seconds{};
  std::array<PhaseWork, kStepPhases> work{};
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelInfo& info() const = 0;
  virtual std::unique_ptr<Sequence> NewSequence() = 0;
  // kOutOfMemory when the cache has no page left: no sequence has changed then.
  virtual Status Reserve(Sequence& sequence, uint32_t total_tokens) = 0;
  // For a new sequence that will get `tokens`: takes over what earlier sequences of the same scope
  // have computed of them, whole pages only, and lets later ones take over from it. Returns how
  // many tokens are in the cache now: fewer than `tokens`. Changes no bit of what follows. Models
  // that keep nothing return 0.
  virtual uint32_t Reuse(Sequence&, std::string_view /*scope*/, std::span<const int32_t>) {
    return 0;
  }
  virtual uint64_t free_cache_tokens() const = 0;
  // Appends every segment's tokens. logits: [rows, vocab], rows in segment order; see Segment for
  // which tokens.
  virtual Status Step(std::span<const Segment> segments, std::span<float> logits) = 0;
  // The threads of its steps, for the owner's own work between them; null: none to lend.
  virtual ThreadTeam* team() { return nullptr; }
  // Sums over all steps so far; null when the model keeps none.
  virtual const StepProfile* profile() const { return nullptr; }
  // From the next step on; off at first, since reading the clock so often costs a small model time.
  virtual void ProfileDetails(bool /*on*/) {}
  // Rises with every piece of work within a step. From any thread.
  virtual uint64_t progress() const { return 0; }
};

struct LoadedModel {
  std::unique_ptr<Model> model;
  Metadata metadata;
  std::vector<std::string> warnings;  // What the user should know (tensors ignored on purpose).
};

// Checks and packs a model; `path` as OpenModelFiles takes it. Errors name the tensor or key and
// the cure.
Result<LoadedModel> LoadModel(const std::string& path, const ModelOptions& options);
Result<LoadedModel> LoadModel(const ModelFiles& files, const ModelOptions& options);

}  // namespace ingle
