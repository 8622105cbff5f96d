#include "model/loader.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "kernels/dispatch.h"
#include "model/decoder.h"
#include "model/model.h"
#include "model/pack_cache.h"
#include "model/packing.h"
#include "os/cpu_topology.h"

namespace ingle {
namespace {

constexpr size_t kArenaAlignment = 4096;  // Of each matrix.

// Where a slot's weights go: exactly one of the two.
struct Place {
  PackedMatrix* matrix = nullptr;
  std::vector<float>* vector = nullptr;
};

Place PlaceOf(const PlannedTensor& tensor, LayerWeights& layer, DecoderWeights& all,
              std::vector<float>& factors) {
  switch (tensor.slot) {
    case Slot::kTokenEmbedding: return {.matrix = &all.embedding};
    case Slot::kOutput: return {.matrix = &all.output};
    case Slot::kFinalNorm: return {.vector = &all.final_norm};
    case Slot::kRopeFactors: return {.vector = &factors};
    case Slot::kMixerNorm: return {.vector = &layer.mixer_norm};
    case Slot::kQuery: return {.matrix = &layer.query};
    case Slot::kKey: return {.matrix = &layer.key};
    case Slot::kValue: return {.matrix = &layer.value};
    case Slot::kQueryBias: return {.vector = &layer.query_bias};
    case Slot::kKeyBias: return {.vector = &layer.key_bias};
    case Slot::kValueBias: return {.vector = &layer.value_bias};
    case Slot::kQueryNorm: return {.vector = &layer.query_norm};
    case Slot::kKeyNorm: return {.vector = &layer.key_norm};
    case Slot::kAttentionOut: return {.matrix = &layer.attention_out};
    case Slot::kFfnNorm: return {.vector = &layer.ffn_norm};
    case Slot::kFfnGate: return {.matrix = &layer.gate};
    case Slot::kFfnUp: return {.matrix = &layer.up};
    case Slot::kFfnDown: return {.matrix = &layer.down};
    case Slot::kPositionEmbedding: return {.vector = &all.position_embedding};
    case Slot::kFinalNormBias: return {.vector = &all.final_norm_bias};
    case Slot::kRopeFactorsShort: return {.vector = &all.rope_factors_short};
    case Slot::kRopeFactorsLong: return {.vector = &all.rope_factors_long};
    case Slot::kMixerNormBias: return {.vector = &layer.mixer_norm_bias};
    case Slot::kMixerPostNorm: return {.vector = &layer.mixer_post_norm};
    case Slot::kAttentionOutBias: return {.vector = &layer.attention_out_bias};
    case Slot::kConvGateIn: return {.matrix = &layer.conv_gate_in};
    case Slot::kConvGateOut: return {.matrix = &layer.conv_gate_out};
    case Slot::kConvValue: return {.matrix = &layer.conv_value};
    case Slot::kConvTaps: return {.vector = &layer.conv_taps};
    case Slot::kConvOut: return {.matrix = &layer.conv_out};
    case Slot::kFfnNormBias: return {.vector = &layer.ffn_norm_bias};
    case Slot::kFfnGateBias: return {.vector = &layer.gate_bias};
    case Slot::kFfnUpBias: return {.vector = &layer.up_bias};
    case Slot::kFfnDownBias: return {.vector = &layer.down_bias};
    case Slot::kFfnPostNorm: return {.vector = &layer.ffn_post_norm};
    case Slot::kRouter: return {.vector = &layer.router};
    case Slot::kRouterBias: return {.vector = &layer.router_bias};
    case Slot::kExpertGate: return {.matrix = &layer.expert_gate[tensor.expert]};
    case Slot::kExpertUp: return {.matrix = &layer.expert_up[tensor.expert]};
    case Slot::kExpertDown: return {.matrix = &layer.expert_down[tensor.expert]};
    case Slot::kCount: break;
  }
  return {};
}

// Matrices with the same inputs share what they are fed with, one feed per order among them.
void FeedInOrder(std::span<PackedMatrix* const> matrices) {
  std::vector<const PackedMatrix*> first;  // Of each order.
  for (PackedMatrix* matrix : matrices) {
    if (matrix->input_order == nullptr) continue;
    const auto same = std::ranges::find_if(first, [&](const PackedMatrix* other) {
      return std::equal(other->input_order, other->input_order + other->cols, matrix->input_order);
    });
    matrix->feed = static_cast<uint8_t>(kActivationKinds + (same - first.begin()));
    if (same == first.end()) first.push_back(matrix);
  }
}

void FeedInOrder(DecoderWeights& weights) {
  for (LayerWeights& w : weights.layers) {
    FeedInOrder(std::array{&w.query, &w.key, &w.value});
    FeedInOrder(std::array{&w.attention_out});
    FeedInOrder(std::array{&w.conv_gate_in, &w.conv_gate_out, &w.conv_value});
    FeedInOrder(std::array{&w.conv_out});
    FeedInOrder(std::array{&w.gate, &w.up});
    FeedInOrder(std::array{&w.down});
  }
  FeedInOrder(std::array{&weights.output});
}

// Keeps the order of a matrix's inputs; a table of rows to read and experts cannot have one.
Status TakeOrder(const PlannedTensor& tensor, PackedMatrix& matrix, DecoderWeights& weights) {
  if (tensor.rows == nullptr || tensor.rows->input_order().empty()) return {};
  if (tensor.slot == Slot::kTokenEmbedding || IsPerExpert(tensor.slot)) {
    return Fail(ErrorCode::kUnsupported,
                "'" + tensor.source->name +
                    "' is quantised with act-order (desc_act), which this build computes in "
                    "attention and feed-forward parts only; use another version of the model.",
                "", "unsupported_model_file");
  }
  const auto order = tensor.rows->input_order();
  weights.input_orders.emplace_back(order.begin(), order.end());
  matrix.input_order = weights.input_orders.back().data();
  return {};
}

// Adds what a token is multiplied with; of experts the share that it goes to.
void CountActive(const ModelPlan& plan, const std::vector<Packing>& packings,
                 DecoderWeights& weights) {
  uint64_t parameters = 0, bytes = 0;  // Times the number of experts.
  const ExpertsBlueprint& experts = plan.blueprint.experts;
  const uint64_t all = std::max<uint64_t>(1, experts.count);
  for (const Packing& packing : packings) {
    const PlannedTensor& tensor = *packing.tensor;
    if (tensor.slot == Slot::kTokenEmbedding && !plan.tied()) continue;
    const uint64_t share = IsPerExpert(tensor.slot) ? experts.used : all;
    parameters += uint64_t{tensor.view.rows} * tensor.view.cols * share;
    bytes += packing.bytes * share;
  }
  weights.active_parameters = parameters / all;
  weights.active_bytes = bytes / all;
}

// From the pack cache, or else from the model's files, and then into the cache.
Status Fill(const ModelFiles& files, const ModelPlan& plan, std::vector<Packing>& packings,
            size_t bytes, ThreadTeam& team, const ModelOptions& options, DecoderWeights& weights) {
  std::optional<PackCache> cache;
  if (!options.pack_cache.directory.empty()) {
    cache.emplace(files, plan, packings, bytes, options.pack_cache);
    if (auto read = cache->Read(team, options.on_load_progress)) {
      weights.arena = *std::move(read);
      return {};
    }
  }
  INGLE_TRY(weights.arena, MemoryRegion::Reserve(bytes, "the model's weights"));
  PackAll(files, packings, team, weights.arena.data(), options.on_load_progress);
  if (cache) weights.pack_writing = cache->Write(weights.arena.bytes());
  return {};
}

}  // namespace

Result<DecoderWeights> PackWeights(const ModelFiles& files, const ModelPlan& plan, ThreadTeam& team,
                                   const ModelOptions& options) {
  DecoderWeights weights;
  weights.blueprint = plan.blueprint;
  weights.layers.resize(plan.blueprint.layers.size());
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    if (plan.blueprint.layers[i].feed_forward != FeedForward::kExperts) continue;
    LayerWeights& layer = weights.layers[i];
    for (auto* experts : {&layer.expert_gate, &layer.expert_up, &layer.expert_down})
      experts->resize(plan.blueprint.experts.count);
  }
  std::vector<float> factors;
  std::vector<Packing> packings;
  size_t bytes = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    const TensorView& view = tensor.view;
    weights.parameters += uint64_t{view.rows} * view.cols;
    const Place place = PlaceOf(tensor, weights.layers[tensor.layer], weights, factors);
    if (place.vector) {
      *place.vector = ReadFloats(tensor);
    } else if (place.matrix) {
      INGLE_TRY(const size_t packed, PackedBytes(view.type, view.rows, view.cols));
      packings.push_back({&tensor, place.matrix, bytes, packed});
      bytes = (bytes + packed + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
    }
  }
  for (const Packing& packing : packings) {
    const TensorView& view = packing.tensor->view;
    INGLE_TRY(*packing.matrix, Packed(view.type, view.rows, view.cols, nullptr));
    if (packing.tensor->rows != nullptr && packing.tensor->rows->wants_fine_inputs())
      FeedParts(*packing.matrix);
    INGLE_RETURN_IF_ERROR(TakeOrder(*packing.tensor, *packing.matrix, weights));
  }
  INGLE_RETURN_IF_ERROR(Fill(files, plan, packings, bytes, team, options, weights));
  for (const Packing& packing : packings)
    packing.matrix->data = weights.arena.data() + packing.offset;
  if (plan.tied()) weights.output = weights.embedding;
  FeedInOrder(weights);
  CountActive(plan, packings, weights);
  weights.rope = MakeRopeTable(plan.blueprint.rope, factors);
  return weights;
}

// A thread for each 16 MiB, up to the cores there are: in a smaller share a step's barriers, some
// 140 of them, cost more than the thread saves, and much more where other programs want its core.
uint32_t ThreadsFor(uint64_t file_bytes) {
  constexpr uint64_t kBytesPerThread = uint64_t{16} << 20;
  return static_cast<uint32_t>(
      std::clamp<uint64_t>(file_bytes / kBytesPerThread, 1, UsableCores()));
}

// What a person calls the model: its own name, or that of its directory.
std::string NameOf(const ModelFiles& files) {
  if (auto name = files.metadata().String("general.name"); name && *name) return **name;
  if (files.metadata().container == Container::kGguf) return {};
  const std::string& path = files.path();
  const size_t last = path.find_last_not_of('/');
  if (last == std::string::npos) return {};
  const size_t slash = path.rfind('/', last);
  return path.substr(slash == std::string::npos ? 0 : slash + 1, last - slash);
}

Result<LoadedModel> LoadModel(const std::string& path, const ModelOptions& options) {
  INGLE_TRY(const ModelFiles files, OpenModelFiles(path, {.check = CheckSupported}));
  return LoadModel(files, options);
}

Result<LoadedModel> LoadModel(const ModelFiles& files, const ModelOptions& options) {
  std::string isa = options.force_isa;
  if (isa.empty()) {
    const char* forced = std::getenv("INGLE_FORCE_ISA");
    if (forced) isa = forced;
  }
  INGLE_TRY(const Kernels* kernels, SelectKernels(isa));
  INGLE_TRY(const ModelPlan plan, PlanModel(files));
  auto team = std::make_unique<ThreadTeam>(options.threads != 0 ? options.threads
                                                                : ThreadsFor(files.size()));
  INGLE_TRY(DecoderWeights weights, PackWeights(files, plan, *team, options));
  ModelInfo info;
  info.architecture = plan.architecture->gguf_name;
  info.name = NameOf(files);
  INGLE_TRY(auto model,
            MakeDecoder(std::move(weights), std::move(team), *kernels, options, std::move(info)));
  LoadedModel loaded{std::move(model), files.metadata(), plan.warnings};
  if (!RefusedTier().empty()) loaded.warnings.emplace_back(RefusedTier());
  loaded.metadata.values.erase(std::string(kTokenizerJsonKey));  // Megabytes that nobody needs now.
  return loaded;
}

}  // namespace ingle
