#include "model/pack_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "base/fast_hash.h"
#include "os/mapped_file.h"

namespace ingle {
namespace {

constexpr std::string_view kSuffix = ".pack";
constexpr size_t kNameDigits = 32;
constexpr size_t kSampleBytes = 4096;
constexpr size_t kSamples = 32;          // Of all the model's files, at least one of each.
constexpr size_t kCheckedTiles = 64;     // Packed anew and compared, at every load;
constexpr size_t kCheckedMadeTiles = 2;  // of matrices whose every tile is made from all of them.
constexpr size_t kProbes = 8;            // Pages touched to see how the kernel maps a file.
constexpr uint64_t kBlocksAtOnce = 8;    // That a thread reads: a huge page.
constexpr int64_t kNanosecondsPerMs = 1'000'000;

// What text is made with has no part in the weights.
bool IsOfText(std::string_view key) {
  return key.starts_with("tokenizer") || key.starts_with("special_tokens_map.") ||
         key.starts_with("generation_config.");
}

void AddValue(const MetadataValue& value, Digest& digest) {
  digest.Add(uint64_t{value.index()});
  std::visit(
      [&](const auto& v) {
        using V = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<V, std::string>) {
          digest.Add(v);
        } else if constexpr (std::is_arithmetic_v<V>) {
          digest.Add(std::as_bytes(std::span(&v, 1)));
        } else if constexpr (std::is_same_v<V, std::vector<bool>>) {
          for (const bool each : v) digest.Add(uint64_t{each});
        } else if constexpr (std::is_same_v<V, std::vector<std::string>>) {
          for (const std::string& each : v) digest.Add(each);
        } else {
          digest.Add(std::as_bytes(std::span(v)));
        }
      },
      value);
}

// What packing makes of known weights of a type: another layout is another cache, without anybody
// having to think of it.
void AddLayout(DType type, Digest& digest) {
  const DTypeInfo& info = Info(type);
  TensorView view{.type = type, .rows = kPackTileRows + 1, .cols = 1024};
  if (info.block_weights <= 32) view.cols -= 256 - 32;  // A brick that is not full.
  if (info.block_weights == 1) view.cols -= 1;
  std::vector<std::byte> stored(view.rows * RowBytes(view));
  for (size_t i = 0; i < stored.size(); ++i)
    stored[i] = static_cast<std::byte>(i * 2654435761u >> 16 & 0x3f);
  view.data = stored.data();
  const auto bytes = PackedBytes(type, view.rows, view.cols);
  std::vector<std::byte> packed(bytes.value_or(0));
  if (!packed.empty()) PackTiles(view, 0, TileCount(view.rows), packed.data());
  digest.Add(packed);
}

void AddSamples(const ModelFiles& files, Digest& digest) {
  const size_t per_file = std::max<size_t>(1, kSamples / std::max<size_t>(1, files.maps().size()));
  for (const MappedFile& map : files.maps()) {
    const auto bytes = map.bytes();
    digest.Add(uint64_t{bytes.size()});
    for (size_t i = 1; i <= per_file; ++i) {
      const size_t end =
          std::max(bytes.size() / per_file * i, std::min(kSampleBytes, bytes.size()));
      const size_t begin = end - std::min(kSampleBytes, end);
      digest.Add(bytes.subspan(begin, end - begin));
      map.Release(begin / kSampleBytes * kSampleBytes, 2 * kSampleBytes);
    }
  }
}

std::array<uint64_t, 2> ModelKey(const ModelFiles& files, const ModelPlan& plan,
                                 std::span<const Packing> packings) {
  Digest digest;
  digest.Add(INGLE_VERSION);
  digest.Add(kPackFormat);
  digest.Add(plan.architecture->gguf_name);
  std::set<DType> types;
  for (const Packing& packing : packings) {
    const PlannedTensor& tensor = *packing.tensor;
    types.insert(tensor.view.type);
    digest.Add(tensor.source->name);
    for (const uint64_t fact :
         {uint64_t{static_cast<uint8_t>(tensor.slot)}, uint64_t{tensor.layer},
          uint64_t{tensor.expert}, uint64_t{static_cast<uint32_t>(tensor.view.type)},
          uint64_t{tensor.view.rows}, uint64_t{tensor.view.cols}, uint64_t{tensor.source->part},
          tensor.source->offset, uint64_t{packing.offset}, uint64_t{packing.bytes}})
      digest.Add(fact);
  }
  for (const DType type : types) AddLayout(type, digest);
  for (const auto& [key, value] : files.metadata().values) {
    if (IsOfText(key)) continue;
    digest.Add(key);
    AddValue(value, digest);
  }
  AddSamples(files, digest);
  return digest.value();
}

std::array<uint64_t, 2> StateOf(const ModelFiles& files) {
  Digest digest;
  for (const MappedFile& map : files.maps()) {
    const FileStamp& stamp = map.stamp();
    digest.Add(stamp.inode);
    digest.Add(stamp.size);
    digest.Add(static_cast<uint64_t>(stamp.modified_ns));
    digest.Add(static_cast<uint64_t>(stamp.changed_ns));
  }
  return digest.value();
}

std::string_view Explain(PackFault fault) {
  switch (fault) {
    case PackFault::kSize: return "is truncated, or not as long as it should be";
    case PackFault::kForeign: return "is no pack cache of this version";
    case PackFault::kDamaged: return "is damaged: its head fails its checksum";
    case PackFault::kOther: return "is of another model";
    case PackFault::kStale: return "was made before the model's files changed";
    case PackFault::kNone: break;
  }
  return "";
}

}  // namespace

bool IsPackFileName(std::string_view name) {
  return name.size() == kNameDigits + kSuffix.size() && name.ends_with(kSuffix) &&
         name.find_first_not_of("0123456789abcdef") == kNameDigits;
}

PackCache::PackCache(const ModelFiles& files, const ModelPlan& plan,
                     std::span<const Packing> packings, size_t weight_bytes,
                     const PackCacheOptions& options)
    : files_(files), packings_(packings), options_(options) {
  if (!options_.tell) options_.tell = [](bool, const std::string&) {};
  head_.model = ModelKey(files, plan, packings);
  head_.stamp = StateOf(files);
  head_.weight_bytes = weight_bytes;
  path_ = options.directory + "/" + HexOf(head_.model) + std::string(kSuffix);
}

// It goes at once, so that nobody takes it for one that another process has written meanwhile.
void PackCache::MakeAnew(std::string_view reason) const {
  (void)::unlink(path_.c_str());
  Warn("the pack cache " + path_ + " " + std::string(reason) + "; it is made anew");
}

bool PackCache::FolderIsFit() {
  const std::string& folder = options_.directory;
  const auto without = [&](const std::string& reason) {
    Warn("without a pack cache: " + reason);
    return false;
  };
  for (const MappedFile& map : files_.maps()) {
    if (!map.has_change_times())
      return without(files_.path() +
                     " lies on a file system (FAT, FUSE, 9p or an unknown one) where a change of a "
                     "file might not show");
  }
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), error);
  struct stat facts;
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return without("cannot make the folder " + folder + ": " +
                   std::generic_category().message(errno));
  if (::stat(folder.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode))
    return without(folder + " is not a folder");
  const bool ours = facts.st_uid == ::geteuid() || facts.st_uid == 0;
  if (!ours || (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return without("others may write to the folder " + folder +
                   "; name one of your own (mode 0700)");
  return true;
}

std::optional<PackHead> PackCache::ReadHead(const RegularFile& file) const {
  const auto anew = [&](std::string_view reason) {
    MakeAnew(reason);
    return std::nullopt;
  };
  if (!file.IsOnlyOurs()) return anew("may be written by others");
  std::vector<std::byte> bytes(std::min(PackHeadBytes(head_.weight_bytes), file.size()));
  if (const Status read = file.ReadAt(0, bytes); !read) return anew(read.error().message);
  PackHead head = head_;
  const PackFault fault = ReadPackHead(bytes, file.size(), head);
  if (fault != PackFault::kNone) return anew(Explain(fault));
  return head;
}

// The file itself, where the kernel keeps it in huge pages: no memory of our own, nothing copied.
// Else memory in huge pages, to read it into: products from small pages are slower.
std::optional<MemoryRegion> PackCache::MapOrReserve(const RegularFile& file, bool* mapped) const {
  const size_t size = head_.weight_bytes;
  auto region = MemoryRegion::Map(file, PackWeightsOffset(size), size);
  *mapped = false;
  if (region) {
    const volatile std::byte* bytes = region->data();
    for (size_t i = 0; i < kProbes; ++i) (void)bytes[(size - 1) / kProbes * i];
    *mapped = region->IsInHugePages();
    if (*mapped) return *std::move(region);
  }
  region = MemoryRegion::Reserve(size, "the model's weights");
  if (!region) return std::nullopt;  // Packing will say so.
  return *std::move(region);
}

std::optional<MemoryRegion> PackCache::Read(ThreadTeam& team,
                                            const std::function<void(LoadProgress)>& on_progress) {
  fit_ = FolderIsFit();
  if (!fit_) return std::nullopt;
  const auto file = RegularFile::Open(path_);
  if (!file) {
    if (file.error().code != ErrorCode::kNotFound) MakeAnew(file.error().message);
    return std::nullopt;
  }
  const auto head = ReadHead(*file);
  if (!head) return std::nullopt;
  bool mapped = false;
  auto region = MapOrReserve(*file, &mapped);
  if (!region) return std::nullopt;
  if (!BlocksFit(*file, *head, mapped, region->bytes(), team, on_progress)) {
    MakeAnew("is damaged: its weights fail a checksum");
    return std::nullopt;
  }
  if (!TilesFit(region->bytes(), team)) {
    MakeAnew("does not hold what the model's files do");
    return std::nullopt;
  }
  // The time of its last use, for whoever makes room.
  (void)::utimensat(AT_FDCWD, path_.c_str(), nullptr, 0);
  options_.tell(
      false, std::string(mapped ? "mapped" : "read") + " the weights from the pack cache " + path_);
  return region;
}

bool PackCache::BlocksFit(const RegularFile& file, const PackHead& head, bool mapped,
                          std::span<std::byte> weights, ThreadTeam& team,
                          const std::function<void(LoadProgress)>& on_progress) const {
  const uint64_t offset = PackWeightsOffset(weights.size());
  std::atomic<bool> good{true};
  std::mutex mutex;
  LoadProgress progress{0, weights.size()};
  if (on_progress) on_progress(progress);
  team.ParallelFor(head.sums.size(), kBlocksAtOnce, [&](uint64_t begin, uint64_t end) {
    uint64_t done = 0;
    for (uint64_t block = begin; block < end && good.load(std::memory_order_relaxed); ++block) {
      const uint64_t at = block * kPackBlockBytes;
      const auto bytes = weights.subspan(at, std::min(kPackBlockBytes, weights.size() - at));
      // The checksum right behind, while the block is in the processor's cache.
      const bool there = mapped || file.ReadAt(offset + at, bytes).has_value();
      if (!there || FastHash(bytes) != head.sums[block]) good = false;
      done += bytes.size();
    }
    if (!on_progress) return;
    std::lock_guard lock(mutex);
    progress.bytes_done += done;
    on_progress(progress);
  });
  return good;
}

bool PackCache::TilesFit(std::span<const std::byte> weights, ThreadTeam& team) const {
  std::vector<const Packing*> checked;
  size_t made = 0;
  const size_t step = std::max<size_t>(1, packings_.size() / kCheckedTiles);
  for (size_t i = 0; i < packings_.size(); i += step)
    if (packings_[i].tensor->rows == nullptr || ++made <= kCheckedMadeTiles)
      checked.push_back(&packings_[i]);
  std::atomic<bool> good{true};
  team.ParallelFor(checked.size(), 1, [&](uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) {
      const Packing& packing = *checked[i];
      const PlannedTensor& tensor = *packing.tensor;
      const uint32_t tiles = TileCount(tensor.view.rows);
      const auto tile = static_cast<uint32_t>(
          FastHash(std::as_bytes(std::span(tensor.source->name)), tensor.expert) % tiles);
      const std::vector<std::byte> wanted = PackOneTile(packing, tile);
      const std::byte* there = weights.data() + packing.offset + tile * wanted.size();
      if (std::memcmp(there, wanted.data(), wanted.size()) != 0) good = false;
      files_.ReleasePages(*tensor.source);
      if (tensor.rows == nullptr) continue;
      for (const auto bytes : tensor.rows->stored()) files_.ReleasePages(bytes);
    }
  });
  return good;
}

std::string PackCache::WhyNotToWrite() const {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  const int64_t now_ns = int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  for (const MappedFile& map : files_.maps()) {
    const auto stamp = map.StampNow();
    if (!stamp || *stamp != map.stamp()) return files_.path() + " has changed while it was loaded";
    if (stamp->changed_ns > now_ns - options_.settle_ms * kNanosecondsPerMs)
      return files_.path() +
             " changed a moment ago, and might once more without a trace; a later start makes the "
             "cache";
  }
  return {};
}

std::unique_ptr<PackWriting> PackCache::Write(std::span<const std::byte> weights) const {
  if (!fit_) return nullptr;
  if (const std::string reason = WhyNotToWrite(); !reason.empty()) {
    Warn("without a pack cache of this model: " + reason);
    return nullptr;
  }
  options_.tell(false, "writing the pack cache " + path_ + " (" +
                           std::to_string(weights.size() >> 20) + " MiB)");
  return std::make_unique<PackWriting>(path_, head_, weights, options_);
}

}  // namespace ingle
