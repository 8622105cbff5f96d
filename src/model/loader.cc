#include "model/loader.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>

#include "kernels/dispatch.h"
#include "model/decoder.h"
#include "model/model.h"
#include "os/cpu_topology.h"

namespace ingle {
namespace {

constexpr size_t kArenaAlignment = 4096;  // Of each matrix.
constexpr size_t kChunkBytes = size_t{1}
                               << 20;  // Of packed weights that one thread does at a time.

// Where a slot's weights go: exactly one of the two.
struct Place {
  PackedMatrix* matrix = nullptr;
  std::vector<float>* vector = nullptr;
};

Place PlaceOf(Slot slot, LayerWeights& layer, DecoderWeights& all, std::vector<float>& factors) {
  switch (slot) {
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
    case Slot::kCount: break;
  }
  return {};
}

// A matrix on its way into the arena.
struct Packing {
  const PlannedTensor* tensor;
  PackedMatrix* matrix;
  size_t offset, bytes;
};

// A piece of it: tiles [begin, end).
struct Chunk {
  uint32_t packing, begin, end;
};

std::vector<Chunk> CutIntoChunks(const std::vector<Packing>& packings) {
  std::vector<Chunk> chunks;
  for (uint32_t i = 0; i < packings.size(); ++i) {
    const uint32_t tiles = TileCount(packings[i].tensor->view.rows);
    const auto step =
        static_cast<uint32_t>(std::max<size_t>(1, kChunkBytes * tiles / packings[i].bytes));
    for (uint32_t begin = 0; begin < tiles; begin += step)
      chunks.push_back({i, begin, std::min(begin + step, tiles)});
  }
  return chunks;
}

void PackChunk(const GgufFile& file, const Packing& packing, const Chunk& chunk, std::byte* arena) {
  const TensorView& view = packing.tensor->view;
  if (chunk.begin == 0) file.WillNeed(*packing.tensor->source);
  PackTiles(view, chunk.begin, chunk.end, arena + packing.offset);
  const uint64_t row_bytes = packing.tensor->source->bytes / view.rows;
  const uint64_t first = uint64_t{chunk.begin} * kPackTileRows;
  const uint64_t last = std::min<uint64_t>(uint64_t{chunk.end} * kPackTileRows, view.rows);
  file.ReleasePages(*packing.tensor->source, first * row_bytes, (last - first) * row_bytes);
}

// Tells of each chunk once it is packed.
class ProgressTeller {
 public:
  ProgressTeller(const std::vector<Packing>& packings,
                 const std::function<void(LoadProgress)>& tell)
      : packings_(packings), tell_(tell) {
    for (const Packing& packing : packings) progress_.bytes_total += packing.bytes;
    if (tell_) tell_(progress_);
  }

  void Done(const Chunk& chunk) {
    if (!tell_) return;
    const Packing& packing = packings_[chunk.packing];
    const uint64_t tiles = TileCount(packing.tensor->view.rows);
    // From the matrix's beginning, so that all chunks together are exactly its bytes.
    const uint64_t bytes =
        packing.bytes * uint64_t{chunk.end} / tiles - packing.bytes * uint64_t{chunk.begin} / tiles;
    std::lock_guard lock(mutex_);
    progress_.bytes_done += bytes;
    tell_(progress_);
  }

 private:
  const std::vector<Packing>& packings_;
  const std::function<void(LoadProgress)>& tell_;
  std::mutex mutex_;
  LoadProgress progress_;
};

}  // namespace

Result<DecoderWeights> PackWeights(const GgufFile& file, const ModelPlan& plan, ThreadTeam& team,
                                   const std::function<void(LoadProgress)>& on_progress) {
  DecoderWeights weights;
  weights.blueprint = plan.blueprint;
  weights.layers.resize(plan.blueprint.layers.size());
  std::vector<float> factors;
  std::vector<Packing> packings;
  size_t bytes = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    const TensorView& view = tensor.view;
    weights.parameters += uint64_t{view.rows} * view.cols;
    const Place place = PlaceOf(tensor.slot, weights.layers[tensor.layer], weights, factors);
    if (place.vector) {
      *place.vector = ReadFloats(view);
    } else if (place.matrix) {
      INGLE_TRY(const size_t packed, PackedBytes(view.type, view.rows, view.cols));
      packings.push_back({&tensor, place.matrix, bytes, packed});
      bytes = (bytes + packed + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
    }
  }
  INGLE_TRY(weights.arena, MemoryRegion::Reserve(bytes, "the model's weights"));
  for (const Packing& packing : packings) {
    const TensorView& view = packing.tensor->view;
    INGLE_TRY(*packing.matrix,
              Packed(view.type, view.rows, view.cols, weights.arena.data() + packing.offset));
  }
  const std::vector<Chunk> chunks = CutIntoChunks(packings);
  ProgressTeller teller(packings, on_progress);
  team.ParallelFor(chunks.size(), 1, [&](uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) {
      PackChunk(file, packings[chunks[i].packing], chunks[i], weights.arena.data());
      teller.Done(chunks[i]);
    }
  });
  if (plan.tied()) weights.output = weights.embedding;
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

Result<LoadedModel> LoadModel(const std::string& path, const ModelOptions& options) {
  std::string isa = options.force_isa;
  if (isa.empty()) {
    const char* forced = std::getenv("INGLE_FORCE_ISA");
    if (forced) isa = forced;
  }
  INGLE_TRY(const Kernels* kernels, SelectKernels(isa));
  INGLE_TRY(const GgufFile file, OpenGguf(path));
  INGLE_TRY(const ModelPlan plan, PlanModel(file));
  auto team = std::make_unique<ThreadTeam>(options.threads != 0 ? options.threads
                                                                : ThreadsFor(file.size()));
  INGLE_TRY(DecoderWeights weights, PackWeights(file, plan, *team, options.on_load_progress));
  ModelInfo info;
  info.architecture = plan.architecture->gguf_name;
  if (auto name = file.metadata().String("general.name"); name && *name) info.name = **name;
  INGLE_TRY(auto model,
            MakeDecoder(std::move(weights), std::move(team), *kernels, options, std::move(info)));
  return LoadedModel{std::move(model), file.metadata(), plan.warnings};
}

}  // namespace ingle
