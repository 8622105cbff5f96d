#include "sampling/effective_sampling.h"

#include <array>
#include <optional>
#include <random>

namespace ingle {
namespace {

struct Source {
  const SamplingRequest* values;
  Origin origin;
};
using Sources = std::array<Source, 3>;

// Leaves the built-in value when no source has the member.
template <class T>
void Resolve(const Sources& sources, std::optional<T> SamplingRequest::* member, Sourced<T>* out) {
  for (const Source& source : sources) {
    const std::optional<T>& value = source.values->*member;
    if (!value.has_value()) continue;
    *out = {*value, source.origin};
    return;
  }
}

}  // namespace

EffectiveSampling ResolveSampling(const SamplingRequest& request, const SamplingRequest& server,
                                  const SamplingRequest& model, uint64_t drawn_seed) {
  const Sources sources{
      {{&request, Origin::kRequest}, {&server, Origin::kServer}, {&model, Origin::kModel}}};
  EffectiveSampling effective;
  effective.seed = {drawn_seed, Origin::kDrawn};
  Resolve(sources, &SamplingRequest::temperature, &effective.temperature);
  Resolve(sources, &SamplingRequest::top_p, &effective.top_p);
  Resolve(sources, &SamplingRequest::min_p, &effective.min_p);
  Resolve(sources, &SamplingRequest::typical_p, &effective.typical_p);
  Resolve(sources, &SamplingRequest::repetition_penalty, &effective.repetition_penalty);
  Resolve(sources, &SamplingRequest::frequency_penalty, &effective.frequency_penalty);
  Resolve(sources, &SamplingRequest::presence_penalty, &effective.presence_penalty);
  Resolve(sources, &SamplingRequest::top_k, &effective.top_k);
  Resolve(sources, &SamplingRequest::repeat_last_n, &effective.repeat_last_n);
  Resolve(sources, &SamplingRequest::seed, &effective.seed);
  for (const Source& source : sources) {
    if (source.values->logit_bias.empty()) continue;
    effective.logit_bias = source.values->logit_bias;
    break;
  }
  return effective;
}

uint64_t DrawSeed() {
  std::random_device device;  // The system's generator; the only place where chance enters.
  uint64_t high = device(), low = device();
  return (high << 32 | low) >> 11;
}

}  // namespace ingle
