#pragma once
// Writes tensors one after the other, some megabytes at a time. Rows are shared out to threads;
// which thread makes a row never changes its bytes.

#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"
#include "convert/output_tensor.h"
#include "os/atomic_file.h"

namespace ingle {

struct StreamOptions {
  uint32_t threads = 1;
  // After each batch: the tensor, and the bytes that are in the file. False: give up (kCancelled).
  std::function<bool(const OutputTensor&, uint64_t written)> progress;
};

// `files`: whose pages are dropped behind; layout: of exactly these tensors.
Status WriteTensors(const ModelFiles& files, std::span<const OutputTensor> tensors,
                    const GgufLayout& layout, const StreamOptions& options, AtomicFile& out);

}  // namespace ingle
