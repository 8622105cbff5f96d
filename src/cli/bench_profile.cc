#include "cli/bench_profile.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace ingle {
namespace {

struct Operation {
  std::string name;
  double seconds = 0;
  PhaseWork work;
};

void AddWork(const PhaseWork& from, PhaseWork& to) {
  to.bytes += from.bytes;
  to.integer_products += from.integer_products;
  to.floating_products += from.floating_products;
}

// What the machine needs at least for this work: its bytes or its products, whichever take longer.
struct Least {
  double bytes_s, products_s;
  double seconds() const { return std::max(bytes_s, products_s); }
};
Least LeastOf(const PhaseWork& work, const MachineLimits& limits) {
  return {work.bytes / (limits.read_gb_per_s * 1e9),
          work.integer_products / (limits.integer_gmac_per_s * 1e9) +
              work.floating_products / (limits.float_gmac_per_s * 1e9)};
}

// The phases without what is the same in all of them, which follows as operations of its own.
std::vector<Operation> Operations(const ProfiledSteps& steps) {
  const StepProfile& p = steps.profile;
  std::vector<Operation> all;
  Operation inputs{"norm and quantise", 0, {}}, waiting{"waiting", 0, {}};
  double inside = 0;
  for (size_t i = 0; i < kStepPhases; ++i) {
    const double inputs_s = p.inputs_seconds[i], waiting_s = p.waiting_seconds[i];
    all.push_back(
        {std::string(kStepPhaseNames[i]), p.seconds[i] - inputs_s - waiting_s, p.work[i]});
    inputs.seconds += inputs_s;
    waiting.seconds += waiting_s;
    inside += p.seconds[i];
  }
  all.insert(all.begin() + 1, inputs);  // Behind "embed".
  all.push_back(waiting);
  all.push_back({"outside", std::max(0.0, steps.seconds - inside), {}});
  return all;
}

// One line of the report.
struct Line {
  std::string name;
  double milliseconds, share, bytes, products, gb_per_s, gmac_per_s, limit_share;
  const char* bound;  // "" where nothing is counted.
};
Line LineOf(const Operation& operation, const ProfiledSteps& steps, double least_s,
            const char* bound) {
  const PhaseWork& work = operation.work;
  const auto count = static_cast<double>(std::max<uint64_t>(steps.profile.steps, 1));
  const double products = work.integer_products + work.floating_products;
  const auto per = [](double amount, double of) { return of > 0 ? amount / of : 0; };
  return {operation.name,
          operation.seconds * 1e3 / count,
          per(operation.seconds, steps.seconds),
          work.bytes / count,
          products / count,
          per(work.bytes / 1e9, operation.seconds),
          per(products / 1e9, operation.seconds),
          per(least_s, operation.seconds),
          bound};
}

std::vector<Line> Lines(const ProfiledSteps& steps, const MachineLimits& limits) {
  std::vector<Line> lines;
  Operation sum{"all", steps.seconds, {}};
  double least_s = 0;
  for (const Operation& operation : Operations(steps)) {
    const Least least = LeastOf(operation.work, limits);
    const char* bound = least.bytes_s > least.products_s ? "memory" : "products";
    lines.push_back(LineOf(operation, steps, least.seconds(), least.seconds() > 0 ? bound : ""));
    AddWork(operation.work, sum.work);
    least_s += least.seconds();
  }
  lines.push_back(LineOf(sum, steps, least_s, ""));
  return lines;
}

}  // namespace

void ProfiledSteps::Add(const ProfiledSteps& other) {
  StepProfile& p = profile;
  const StepProfile& o = other.profile;
  p.steps += o.steps;
  p.tokens += o.tokens;
  p.barriers += o.barriers;
  for (size_t i = 0; i < kStepPhases; ++i) {
    p.seconds[i] += o.seconds[i];
    p.inputs_seconds[i] += o.inputs_seconds[i];
    p.waiting_seconds[i] += o.waiting_seconds[i];
    AddWork(o.work[i], p.work[i]);
  }
  seconds += other.seconds;
}

StepProfile Difference(const StepProfile& after, const StepProfile& before) {
  StepProfile d;
  d.steps = after.steps - before.steps;
  d.tokens = after.tokens - before.tokens;
  d.barriers = after.barriers - before.barriers;
  for (size_t i = 0; i < kStepPhases; ++i) {
    d.seconds[i] = after.seconds[i] - before.seconds[i];
    d.inputs_seconds[i] = after.inputs_seconds[i] - before.inputs_seconds[i];
    d.waiting_seconds[i] = after.waiting_seconds[i] - before.waiting_seconds[i];
    const PhaseWork &a = after.work[i], &b = before.work[i];
    d.work[i] = {a.bytes - b.bytes, a.integer_products - b.integer_products,
                 a.floating_products - b.floating_products};
  }
  return d;
}

json::object LimitsJson(const MachineLimits& limits) {
  return {{"tier", limits.tier},
          {"threads", limits.threads},
          {"read_gb_per_second", limits.read_gb_per_s},
          {"integer_gmac_per_second", limits.integer_gmac_per_s},
          {"float_gmac_per_second", limits.float_gmac_per_s},
          {"usual_read_gb_per_second", limits.usual_read_gb_per_s},
          {"usual_integer_gmac_per_second", limits.usual_integer_gmac_per_s},
          {"usual_float_gmac_per_second", limits.usual_float_gmac_per_s}};
}

json::array ProfileJson(const ProfiledSteps& steps, const MachineLimits& limits) {
  json::array all;
  for (const Line& line : Lines(steps, limits))
    all.push_back(json::object{{"operation", line.name},
                               {"milliseconds", line.milliseconds},
                               {"share", line.share},
                               {"bytes", line.bytes},
                               {"products", line.products},
                               {"gb_per_second", line.gb_per_s},
                               {"gmac_per_second", line.gmac_per_s},
                               {"limit_share", line.limit_share},
                               {"bound", line.bound}});
  return all;
}

void PrintProfile(const std::string& what, const ProfiledSteps& steps,
                  const MachineLimits& limits) {
  const StepProfile& p = steps.profile;
  const auto count = static_cast<double>(std::max<uint64_t>(p.steps, 1));
  std::printf("\n%s: a step of %.0f tokens, mean of %llu, %.0f barriers\n", what.c_str(),
              static_cast<double>(p.tokens) / count, static_cast<unsigned long long>(p.steps),
              static_cast<double>(p.barriers) / count);
  std::printf("%-18s %9s %7s %9s %9s %8s %8s %9s  %s\n", "operation", "ms", "share", "MB", "MMAC",
              "GB/s", "GMAC/s", "of limit", "bound by");
  for (const Line& line : Lines(steps, limits)) {
    std::printf("%-18s %9.3f %6.1f%%", line.name.c_str(), line.milliseconds, line.share * 100);
    if (line.bytes > 0)
      std::printf(" %9.1f %9.1f %8.1f %8.1f %8.1f%%  %s", line.bytes / 1e6, line.products / 1e6,
                  line.gb_per_s, line.gmac_per_s, line.limit_share * 100, line.bound);
    std::printf("\n");
  }
}

void PrintLimits(const MachineLimits& limits) {
  std::printf(
      "this machine at most (%s, %u threads): reads %.1f GB/s, multiplies %.0f GMAC/s in int8, "
      "%.0f in float\n",
      limits.tier.c_str(), limits.threads, limits.read_gb_per_s, limits.integer_gmac_per_s,
      limits.float_gmac_per_s);
}

}  // namespace ingle
