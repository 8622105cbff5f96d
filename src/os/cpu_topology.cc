#include "os/cpu_topology.h"

#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string_view>
#include <utility>

namespace ingle {
namespace {

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

uint32_t QuotaInCpus(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return 0;
  const double cpus = quota / period;
  if (cpus >= 1e6) return 0;
  const auto whole = static_cast<uint32_t>(cpus);
  return std::max(1U, whole + (cpus > whole ? 1 : 0));
}

// cpu.max holds "max 100000" or "150000 100000" (microseconds per period); the old hierarchy has
// one file each.
uint32_t OneGroupQuota(const std::string& folder) {
  const std::string both = FirstLine(folder + "/cpu.max");
  if (!both.empty()) {
    char* rest = nullptr;
    const double quota = std::strtod(both.c_str(), &rest);
    return QuotaInCpus(quota, std::strtod(rest, nullptr));
  }
  return QuotaInCpus(std::strtod(FirstLine(folder + "/cpu.cfs_quota_us").c_str(), nullptr),
                     std::strtod(FirstLine(folder + "/cpu.cfs_period_us").c_str(), nullptr));
}

uint32_t OwnQuota() {
  uint32_t quota = 0;
  std::ifstream file(
      "/proc/self/cgroup");  // Lines "id:controllers:path"; the unified hierarchy is "0::path".
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1),
                      path = line.substr(second + 1);
    uint32_t found = 0;
    if (controllers.empty())
      found = GroupQuota("/sys/fs/cgroup", path);
    else if (("," + controllers + ",").find(",cpu,") != std::string::npos)
      found = GroupQuota("/sys/fs/cgroup/cpu", path);
    if (found != 0) quota = quota == 0 ? found : std::min(quota, found);
  }
  return quota;
}

struct Affinity {
  uint32_t cpus = 0, cores = 0;
};

Affinity CountAffinity() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return {1, 1};
  std::set<std::pair<std::string, std::string>>
      cores;  // Package and core ids of the allowed processors.
  Affinity found;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    ++found.cpus;
    const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    const std::string core = FirstLine(folder + "core_id");
    cores.insert(core.empty() ? std::pair("cpu", std::to_string(cpu))
                              : std::pair(FirstLine(folder + "physical_package_id"), core));
  }
  found.cores = static_cast<uint32_t>(cores.size());
  return found;
}

uint32_t Cut(uint32_t count) {
  const uint32_t quota = OwnQuota();
  return std::max(1U, quota == 0 ? count : std::min(count, quota));
}

}  // namespace

uint32_t GroupQuota(const std::string& root, const std::string& group) {
  uint32_t quota = 0;
  std::string_view path = group == "/" ? std::string_view() : std::string_view(group);
  while (true) {
    const uint32_t found = OneGroupQuota(root + std::string(path));
    if (found != 0) quota = quota == 0 ? found : std::min(quota, found);
    const size_t slash = path.rfind('/');
    if (path.empty() || slash == std::string_view::npos) return quota;
    path = path.substr(0, slash);
  }
}

uint32_t UsableCpus() { return Cut(CountAffinity().cpus); }
uint32_t UsableCores() { return Cut(CountAffinity().cores); }

}  // namespace ingle
