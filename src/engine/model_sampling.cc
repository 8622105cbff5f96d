#include "engine/model_sampling.h"

#include <array>
#include <cmath>

#include "request/request_limits.h"

namespace ingle {
namespace {

struct ModelKey {
  std::string_view key, field;
};
// The keys that llama.cpp's converter writes, and the names in Hugging Face's generation_config.
constexpr std::array<ModelKey, 12> kModelKeys{{
    {"general.sampling.temp", "temperature"},
    {"general.sampling.top_k", "top_k"},
    {"general.sampling.top_p", "top_p"},
    {"general.sampling.min_p", "min_p"},
    {"general.sampling.penalty_repeat", "repetition_penalty"},
    {"general.sampling.penalty_last_n", "repeat_last_n"},
    {"generation_config.temperature", "temperature"},
    {"generation_config.top_k", "top_k"},
    {"generation_config.top_p", "top_p"},
    {"generation_config.min_p", "min_p"},
    {"generation_config.typical_p", "typical_p"},
    {"generation_config.repetition_penalty", "repetition_penalty"},
}};

// Files keep these as 32-bit floats; 0.95f must read as 0.95.
double ShortestDouble(double value) {
  auto narrow = static_cast<float>(value);
  if (static_cast<double>(narrow) != value) return value;
  double rounded = std::round(value * 1e6) / 1e6;
  return static_cast<float>(rounded) == narrow ? rounded : value;
}

Status Read(const Metadata& metadata, const ModelKey& key, const SamplingField& field,
            SamplingRequest* out) {
  INGLE_TRY(std::vector<double> values, metadata.Numbers(key.key));
  if (values.empty()) return {};
  double value = ShortestDouble(values[0]);
  INGLE_RETURN_IF_ERROR(CheckRange(field, value));
  if (field.number != nullptr) out->*field.number = value;
  if (field.whole != nullptr) out->*field.whole = static_cast<int64_t>(value);
  return {};
}

}  // namespace

SamplingRequest ModelSampling(const Metadata& metadata, std::vector<Warning>* warnings) {
  SamplingRequest sampling;
  for (const ModelKey& key : kModelKeys)
    for (const SamplingField& field : SamplingFields()) {
      if (field.name != key.field) continue;
      Status read = Read(metadata, key, field, &sampling);
      if (read) continue;
      warnings->push_back(
          {"model_value_ignored", std::string(field.name),
           "the model file's " + std::string(key.key) + " is not used: " + read.error().message});
    }
  return sampling;
}

}  // namespace ingle
