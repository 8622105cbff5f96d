#pragma once
// The ranges of the fields of a GenerateRequest: one table for the API, the commands and the
// engine.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "request/generate_request.h"

namespace ingle {

inline constexpr size_t kStopStringsMax = 64;
inline constexpr size_t kStopStringBytesMax = 4096;
inline constexpr size_t kLogitBiasMax = 1024;
inline constexpr size_t kCacheSaltBytesMax = 512;
inline constexpr uint32_t kTopLogprobsMax = 20;
inline constexpr uint32_t kQueuedRequestsMax = 256;  // Waiting in a worker, besides those running.

struct SamplingField {
  std::string_view name;  // As in the API.
  double min = 0, max = 0;
  bool min_excluded = false;
  bool integer = false;
  std::string_view meaning;
  // One of the two is set.
  std::optional<double> SamplingRequest::* number = nullptr;
  std::optional<int64_t> SamplingRequest::* whole = nullptr;
};

std::span<const SamplingField> SamplingFields();
// "0 (excluded) to 1", for messages and help.
std::string RangeText(const SamplingField& field);
// kInvalidRequest with `param` when `value` is outside.
Status CheckRange(const SamplingField& field, double value);
Status CheckSampling(const SamplingRequest& sampling);
// Everything that can be checked without a model.
Status CheckRequest(const GenerateRequest& request);

}  // namespace ingle
