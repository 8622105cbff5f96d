#pragma once
// `ingle bench --profile`: where the time of steps went, operation by operation, beside what this
// machine could do at most.

#include <string>

#include "base/json.h"
#include "model/model.h"
#include "os/machine_limits.h"

namespace ingle {

// Steps of one kind: what the model counted during them, and the time as seen from outside.
struct ProfiledSteps {
  StepProfile profile;
  double seconds = 0;

  void Add(const ProfiledSteps& other);
};

// What came between two readings of a model's profile.
StepProfile Difference(const StepProfile& after, const StepProfile& before);

// Operations in order, the sum last: milliseconds of a step and the rest as in the printed table.
json::array ProfileJson(const ProfiledSteps& steps, const MachineLimits& limits);
json::object LimitsJson(const MachineLimits& limits);

// A table on stdout. what: "prefill" or "decode".
void PrintProfile(const std::string& what, const ProfiledSteps& steps, const MachineLimits& limits);
void PrintLimits(const MachineLimits& limits);

}  // namespace ingle
