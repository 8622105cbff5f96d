#pragma once
// What this machine can do at most, measured: the ceilings that a profile is compared with, and the
// canary of a benchmark (a busy or throttled machine shows in it).

#include <cstdint>
#include <string>

#include "base/result.h"

namespace ingle {

struct MachineLimits {
  std::string tier;  // See MachineLimitsOptions.
  uint32_t threads = 0;
  // The best of several passes: a ceiling.
  double read_gb_per_s = 0;       // Plain reading of memory far larger than the caches.
  double integer_gmac_per_s = 0;  // int8 multiply-adds from registers, with the tier's instruction,
  double float_gmac_per_s = 0;    // and its floating ones: BF16 where it has them, else float FMA.
  // Their medians: a canary, which sees who else uses the machine.
  double usual_read_gb_per_s = 0, usual_integer_gmac_per_s = 0, usual_float_gmac_per_s = 0;
};

struct MachineLimitsOptions {
  uint32_t threads = 0;  // 0: one per core that this process may use.
  std::string tier;      // Of kernels (Kernels::name), which this machine must support.
  uint64_t read_bytes = uint64_t{1} << 30;
  double seconds_each = 0.1;
};

// On all threads together. kOutOfMemory without room for read_bytes; an
// unsupported INGLE_FORCE_ISA is an error.
Result<MachineLimits> MeasureMachineLimits(const MachineLimitsOptions& options);

}  // namespace ingle
