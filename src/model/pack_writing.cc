#include "model/pack_writing.h"

#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/fast_hash.h"
#include "model/pack_cache.h"
#include "os/atomic_file.h"
#include "os/mapped_file.h"

namespace ingle {
namespace {

namespace fs = std::filesystem;

constexpr size_t kWriteBytes = size_t{8} << 20;  // At a time: whole huge pages.
constexpr int kLowestPriority = 19;

// The model answers meanwhile. Signals are for other threads; one for a file that is too large
// (ulimit -f) would end the process where an error says the same.
void StandBack() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  setpriority(PRIO_PROCESS, 0, kLowestPriority);  // On Linux: of this thread.
}

struct CacheFile {
  fs::path path;
  fs::file_time_type used;
  uint64_t bytes = 0;
};

std::vector<CacheFile> CacheFilesIn(const fs::path& folder) {
  std::vector<CacheFile> files;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    CacheFile file{entry->path(), {}, 0};
    std::error_code gone;
    if (!IsPackFileName(file.path.filename().string()) || !entry->is_regular_file(gone)) continue;
    file.bytes = entry->file_size(gone);
    if (!gone) file.used = entry->last_write_time(gone);
    if (!gone) files.push_back(std::move(file));
  }
  std::ranges::sort(files, {}, &CacheFile::used);
  return files;
}

}  // namespace

PackWriting::PackWriting(std::string path, PackHead head, std::span<const std::byte> weights,
                         PackCacheOptions options)
    : path_(std::move(path)),
      head_(std::move(head)),
      weights_(weights),
      options_(std::move(options)),
      thread_([this] { Run(); }) {}

PackWriting::~PackWriting() {
  if (!done_) options_.tell(true, "waiting until the pack cache " + path_ + " is written");
  thread_.join();
}

void PackWriting::Run() {
  StandBack();
  if (!IsWritten()) {
    if (const Status written = Write(); written)
      options_.tell(false, "wrote the pack cache " + path_);
    else
      options_.tell(true, "without a pack cache of this model: " + written.error().message);
  }
  done_ = true;
}

bool PackWriting::IsWritten() const {
  const auto file = RegularFile::Open(path_);
  if (!file || !file->IsOnlyOurs()) return false;
  std::vector<std::byte> bytes(PackHeadBytes(weights_.size()));
  PackHead head = head_;
  return file->size() >= bytes.size() && file->ReadAt(0, bytes) &&
         ReadPackHead(bytes, file->size(), head) == PackFault::kNone;
}

// Those that no model was loaded from for longest go.
Status PackWriting::MakeRoom() const {
  const uint64_t wanted = PackFileBytes(weights_.size());
  if (options_.bytes_max == 0) return {};
  if (wanted > options_.bytes_max)
    return Fail(ErrorCode::kTooLarge, path_ + " would have " + std::to_string(wanted >> 20) +
                                          " MiB, more than the " +
                                          std::to_string(options_.bytes_max >> 20) +
                                          " MiB that the cache may have (--pack-cache-gb)");
  const fs::path own = path_;
  std::vector<CacheFile> files = CacheFilesIn(own.parent_path());
  std::erase_if(files, [&](const CacheFile& file) { return file.path == own; });
  uint64_t bytes = wanted;
  for (const CacheFile& file : files) bytes += file.bytes;
  for (const CacheFile& file : files) {
    if (bytes <= options_.bytes_max) break;
    std::error_code error;
    if (!fs::remove(file.path, error)) continue;
    bytes -= file.bytes;
    options_.tell(false, "removed " + file.path.string() + ", unused for longest, from the cache");
  }
  return {};
}

Status PackWriting::Write() {
  INGLE_RETURN_IF_ERROR(MakeRoom());
  INGLE_TRY(AtomicFile file, AtomicFile::CreatePrivate(path_, PackFileBytes(weights_.size())));
  for (size_t at = 0; at < weights_.size(); at += kPackBlockBytes)
    head_.sums.push_back(
        FastHash(weights_.subspan(at, std::min<size_t>(kPackBlockBytes, weights_.size() - at))));
  std::vector<std::byte> head = WritePackHead(head_);
  head.resize(PackWeightsOffset(weights_.size()));
  INGLE_RETURN_IF_ERROR(file.Write(head));
  for (size_t at = 0; at < weights_.size(); at += kWriteBytes)
    INGLE_RETURN_IF_ERROR(
        file.Write(weights_.subspan(at, std::min(kWriteBytes, weights_.size() - at))));
  return file.Commit();
}

}  // namespace ingle
