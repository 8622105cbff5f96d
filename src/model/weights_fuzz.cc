// Any bytes as a model file: PlanModel answers with a plan whose every weight can be read, or with
// an error.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "model/weights.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int descriptor = ::memfd_create("model", MFD_CLOEXEC);
  if (descriptor < 0 || ::write(descriptor, data, size) != static_cast<ssize_t>(size)) std::abort();
  const auto file = ingle::OpenModelFiles("/proc/self/fd/" + std::to_string(descriptor));
  if (file) {
    const auto plan = ingle::PlanModel(*file);
    if (!plan && plan.error().message.empty()) std::abort();
    if (plan) {
      for (const ingle::PlannedTensor& tensor : plan->tensors) (void)ingle::ReadFloats(tensor);
      const ingle::PlannedTensor* factors = plan->Find(ingle::Slot::kRopeFactors);
      (void)ingle::MakeRopeTable(plan->blueprint.rope, factors == nullptr
                                                           ? std::vector<float>{}
                                                           : ingle::ReadFloats(*factors));
    }
  }
  ::close(descriptor);
  return 0;
}
