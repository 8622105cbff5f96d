#pragma once
// How many processors this process may really use: affinity, hyper-threads, and the share its
// control group allows.

#include <cstdint>
#include <string>

namespace ingle {

// Logical processors that this process may run on at once: its affinity mask, cut by its control
// group's quota (rounded up). At least 1.
uint32_t UsableCpus();

// The same in physical cores: the default size of a thread team, since two threads on one core
// share its arithmetic.
uint32_t UsableCores();

// The quota, in CPUs rounded up, of the control group `group` and its parents under `root` (the
// mount point of the unified hierarchy, or of the cpu controller of the old one). 0: none is set.
uint32_t GroupQuota(const std::string& root, const std::string& group);

}  // namespace ingle
