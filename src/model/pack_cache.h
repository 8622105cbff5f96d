#pragma once
// A model's packed weights in a file, so that the next start reads them instead of packing.
//
// A changed model is never served from an old cache: the file is named after what the weights are
// packed from and into (plan, metadata, samples of the stored bytes, this program's version) and
// says in which state the model's files were (inode, size, times of the last write and the last
// change, the second of which nobody can set). Every byte that is read has a checksum, and some
// rows of the weights are packed anew and compared. Whatever does not fit is told, and packed.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/pack_writing.h"
#include "model/packing.h"
#include "os/mapped_file.h"
#include "os/memory_region.h"
#include "os/thread_team.h"

namespace ingle {

bool IsPackFileName(std::string_view name);

class PackCache {
 public:
  // Where matrices lie among the packed weights is part of what the cache is of.
  PackCache(const ModelFiles& files, const ModelPlan& plan, std::span<const Packing> packings,
            size_t weight_bytes, const PackCacheOptions& options);

  // The weights; nothing: they have to be packed.
  std::optional<MemoryRegion> Read(ThreadTeam& team,
                                   const std::function<void(LoadProgress)>& on_progress);
  // Packed weights into the cache, in the background; null where there is a reason not to. They
  // must stay as they are until the writing ends.
  std::unique_ptr<PackWriting> Write(std::span<const std::byte> weights) const;

  const std::string& path() const { return path_; }

 private:
  bool FolderIsFit();
  std::optional<PackHead> ReadHead(const RegularFile& file) const;
  std::optional<MemoryRegion> MapOrReserve(const RegularFile& file, bool* mapped) const;
  bool BlocksFit(const RegularFile& file, const PackHead& head, bool mapped,
                 std::span<std::byte> weights, ThreadTeam& team,
                 const std::function<void(LoadProgress)>& on_progress) const;
  bool TilesFit(std::span<const std::byte> weights, ThreadTeam& team) const;
  void Warn(const std::string& reason) const { options_.tell(true, reason); }
  void MakeAnew(std::string_view reason) const;
  std::string WhyNotToWrite() const;

  const ModelFiles& files_;
  std::span<const Packing> packings_;
  PackCacheOptions options_;
  PackHead head_;  // Without checksums.
  std::string path_;
  bool fit_ = false;  // The folder, and the file system of the model.
};

}  // namespace ingle
