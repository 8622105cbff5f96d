#include "model/packing.h"

#include <algorithm>
#include <atomic>
#include <mutex>

namespace ingle {
namespace {

constexpr size_t kChunkBytes = size_t{1}
                               << 20;  // Of packed weights that one thread does at a time.

// rows: room for those of a tile.
void PackMadeTile(const PlannedTensor& tensor, uint32_t tile, std::byte* rows, std::byte* packed) {
  const uint32_t begin = tile * kPackTileRows;
  const uint32_t end = std::min(begin + kPackTileRows, tensor.view.rows);
  tensor.rows->Read(begin, end, rows);
  TensorView view = tensor.view;
  view.data = rows;
  view.rows = end - begin;
  PackTiles(view, 0, 1, packed);
}

// A piece of it: tiles [begin, end).
struct Chunk {
  uint32_t packing, begin, end;
};

std::vector<Chunk> CutIntoChunks(std::vector<Packing>& packings) {
  std::vector<Chunk> chunks;
  for (uint32_t i = 0; i < packings.size(); ++i) {
    const uint32_t tiles = TileCount(packings[i].tensor->view.rows);
    const auto step =
        static_cast<uint32_t>(std::max<size_t>(1, kChunkBytes * tiles / packings[i].bytes));
    for (uint32_t begin = 0; begin < tiles; begin += step)
      chunks.push_back({i, begin, std::min(begin + step, tiles)});
    packings[i].chunks_left = (tiles + step - 1) / step;
  }
  return chunks;
}

// A tile at a time: rows that are made on the way stay in the cache. Every chunk may read all of
// what they are made from, which goes with the last one.
void PackMadeRows(const ModelFiles& files, Packing& packing, const Chunk& chunk,
                  std::byte* packed) {
  const PlannedTensor& tensor = *packing.tensor;
  const size_t tile_bytes = packing.bytes / TileCount(tensor.view.rows);
  std::vector<std::byte> rows(kPackTileRows * RowBytes(tensor.view));
  for (uint32_t i = chunk.begin; i < chunk.end; ++i)
    PackMadeTile(tensor, i, rows.data(), packed + i * tile_bytes);
  if (std::atomic_ref(packing.chunks_left).fetch_sub(1) > 1) return;
  for (const auto bytes : tensor.rows->stored()) files.ReleasePages(bytes);
}

void PackChunk(const ModelFiles& files, Packing& packing, const Chunk& chunk, std::byte* arena) {
  const PlannedTensor& tensor = *packing.tensor;
  const TensorView& view = tensor.view;
  const std::byte* stored = files.TensorBytes(*tensor.source).data();
  if (chunk.begin == 0 && (tensor.rows != nullptr || view.data == stored))
    files.WillNeed(*tensor.source);
  if (tensor.rows != nullptr) return PackMadeRows(files, packing, chunk, arena + packing.offset);
  PackTiles(view, chunk.begin, chunk.end, arena + packing.offset);
  const uint64_t row_bytes = RowBytes(view);
  const uint64_t first = uint64_t{chunk.begin} * kPackTileRows;
  const uint64_t last = std::min<uint64_t>(uint64_t{chunk.end} * kPackTileRows, view.rows);
  const auto start = static_cast<uint64_t>(view.data - stored);
  files.ReleasePages(*tensor.source, start + first * row_bytes, (last - first) * row_bytes);
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

void PackAll(const ModelFiles& files, std::vector<Packing>& packings, ThreadTeam& team,
             std::byte* arena, const std::function<void(LoadProgress)>& on_progress) {
  const std::vector<Chunk> chunks = CutIntoChunks(packings);
  ProgressTeller teller(packings, on_progress);
  team.ParallelFor(chunks.size(), 1, [&](uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) {
      PackChunk(files, packings[chunks[i].packing], chunks[i], arena);
      teller.Done(chunks[i]);
    }
  });
}

std::vector<std::byte> PackOneTile(const Packing& packing, uint32_t tile) {
  const PlannedTensor& tensor = *packing.tensor;
  std::vector<std::byte> packed(packing.bytes / TileCount(tensor.view.rows));
  if (tensor.rows != nullptr) {
    std::vector<std::byte> rows(kPackTileRows * RowBytes(tensor.view));
    PackMadeTile(tensor, tile, rows.data(), packed.data());
    return packed;
  }
  TensorView view = tensor.view;
  const uint32_t begin = tile * kPackTileRows;
  view.data += begin * RowBytes(view);
  view.rows = std::min(kPackTileRows, view.rows - begin);
  PackTiles(view, 0, 1, packed.data());
  return packed;
}

}  // namespace ingle
