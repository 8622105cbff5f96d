#pragma once
// Packed weights on their way to a cache file, behind the back of a model that answers already.

#include <atomic>
#include <cstddef>
#include <span>
#include <string>
#include <thread>

#include "base/result.h"
#include "model/model.h"
#include "model/pack_file.h"

namespace ingle {

class PackWriting {
 public:
  // weights must stay as they are while this lives. head: without checksums.
  PackWriting(std::string path, PackHead head, std::span<const std::byte> weights,
              PackCacheOptions options);
  // Waits for the end, and says so where that takes a while.
  ~PackWriting();
  PackWriting(const PackWriting&) = delete;
  PackWriting& operator=(const PackWriting&) = delete;

 private:
  void Run();
  // By another process, meanwhile.
  bool IsWritten() const;
  Status Write();
  Status MakeRoom() const;

  std::string path_;
  PackHead head_;
  std::span<const std::byte> weights_;
  PackCacheOptions options_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace ingle
