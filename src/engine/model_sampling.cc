#include "engine/model_sampling.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "files/model_files.h"
#include "request/request_limits.h"
#include "sampling/effective_sampling.h"

namespace ingle {
namespace {

// The keys that llama.cpp's converter writes, and the names in Hugging Face's generation_config.
constexpr std::array<SamplingKey, 12> kSamplingKeys{{
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

// Settings that would change the answer and that there are none of here. neutral: the value with
// which they do nothing.
struct MissingSetting {
  std::string_view key;
  double neutral = 0;
};
constexpr MissingSetting kMissingSettings[] = {
    {"general.sampling.xtc_probability", 0}, {"general.sampling.mirostat", 0},
    {"generation_config.num_beams", 1},      {"generation_config.no_repeat_ngram_size", 0},
    {"generation_config.penalty_alpha", 0},  {"generation_config.epsilon_cutoff", 0},
    {"generation_config.eta_cutoff", 0},     {"generation_config.encoder_repetition_penalty", 1},
    {"generation_config.guidance_scale", 1}, {"generation_config.min_length", 0},
    {"generation_config.min_new_tokens", 0},
};
// The same, whatever their value.
constexpr std::string_view kMissingLists[] = {
    "general.sampling.sequence",
    "generation_config.bad_words_ids",
    "generation_config.suppress_tokens",
    "generation_config.begin_suppress_tokens",
    "generation_config.forced_bos_token_id",
    "generation_config.sequence_bias",
    "generation_config.exponential_decay_length_penalty",
};

const SamplingField& FieldNamed(std::string_view name) {
  return *std::ranges::find(SamplingFields(), name, &SamplingField::name);
}

void Warn(std::string_view field, std::string_view key, const std::string& why,
          ModelDefaults* out) {
  out->warnings.push_back({"model_value_ignored", std::string(field),
                           "the model's " + std::string(key) + " is not used: " + why});
}

void Set(const SamplingKey& key, double value, ModelDefaults* out) {
  const SamplingField& field = FieldNamed(key.field);
  if (const Status inside = CheckRange(field, value); !inside)
    return Warn(key.field, key.key, inside.error().message, out);
  if (field.number != nullptr) out->sampling.*field.number = value;
  if (field.whole != nullptr) out->sampling.*field.whole = static_cast<int64_t>(value);
  std::erase_if(out->origins, [&](const ModelDefault& other) { return other.field == key.field; });
  out->origins.push_back({std::string(key.field), std::string(key.key)});
}

void Read(const Metadata& metadata, const SamplingKey& key, ModelDefaults* out) {
  const auto values = metadata.Numbers(key.key);
  if (!values) return Warn(key.field, key.key, values.error().message, out);
  if (!values->empty()) Set(key, ShortestDouble(values->front()), out);
}

// What transformers makes of a generation_config.json besides its numbers.
void ReadDirectory(const Metadata& metadata, ModelDefaults* out) {
  // do_sample: false takes the likeliest token, whatever the temperature.
  constexpr std::string_view kSample = "generation_config.do_sample";
  const auto sample = metadata.Bool(kSample);
  if (!sample) Warn("temperature", kSample, sample.error().message, out);
  if (sample && *sample && !**sample) Set({kSample, "temperature"}, 0, out);
  // Its penalty looks at the whole text.
  if (out->sampling.repetition_penalty.value_or(1) != 1)
    Set({"generation_config.repetition_penalty", "repeat_last_n"}, -1, out);
}

// transformers gives its own argument for these; here it is a request's "stop".
void ReadStopStrings(const Metadata& metadata, ModelDefaults* out) {
  if (!metadata.Has(kStopStringsKey)) return;
  const auto list = metadata.Strings(kStopStringsKey);
  const auto* one = std::get_if<std::string>(metadata.Find(kStopStringsKey));
  if (!list && one == nullptr) return Warn("stop", kStopStringsKey, list.error().message, out);
  GenerateRequest request;
  request.stop = one != nullptr ? std::vector{*one} : **list;
  if (const Status inside = CheckRequest(request); !inside)
    return Warn("stop", kStopStringsKey, inside.error().message, out);
  out->stop = std::move(request.stop);
  out->origins.push_back({"stop", std::string(kStopStringsKey)});
}

// A limit would cut answers short that nobody asked to be short.
void WarnOfLimits(const Metadata& metadata, ModelDefaults* out) {
  constexpr char kWhy[] =
      "an answer ends by itself, at the request's max_tokens, or where the context is full";
  const auto context = metadata.Numbers("max_position_embeddings");
  for (const std::string_view key :
       {"generation_config.max_new_tokens", "generation_config.max_length"}) {
    const auto tokens = metadata.Numbers(key);
    if (!tokens || tokens->empty()) continue;
    if (context && !context->empty() && tokens->front() >= context->front()) continue;
    Warn("max_tokens", key, kWhy, out);
  }
}

void WarnOfMissing(const Metadata& metadata, ModelDefaults* out) {
  constexpr char kWhy[] = "this program has no such setting";
  for (const MissingSetting& missing : kMissingSettings) {
    const auto values = metadata.Numbers(missing.key);
    if (values && !values->empty() && values->front() != missing.neutral)
      Warn("sampling", missing.key, kWhy, out);
  }
  for (const std::string_view key : kMissingLists) {
    const auto at = metadata.values.lower_bound(key);
    if (at != metadata.values.end() && at->first.starts_with(key)) Warn("sampling", key, kWhy, out);
  }
}

template <class T>
void Describe(std::string_view field, const Sourced<T>& value, const ModelDefaults& defaults,
              json::object* out) {
  json::object entry = {{"value", value.value}, {"origin", OriginName(value.origin)}};
  for (const ModelDefault& each : defaults.origins)
    if (value.origin == Origin::kModel && each.field == field) entry["key"] = each.key;
  (*out)[field] = std::move(entry);
}

}  // namespace

std::span<const SamplingKey> SamplingKeys() { return kSamplingKeys; }

json::object DescribeDefaults(const ModelDefaults& defaults, const SamplingRequest& server) {
  const EffectiveSampling sampling = ResolveSampling({}, server, defaults.sampling, 0);
  json::object out;
  Describe("temperature", sampling.temperature, defaults, &out);
  Describe("top_k", sampling.top_k, defaults, &out);
  Describe("top_p", sampling.top_p, defaults, &out);
  Describe("min_p", sampling.min_p, defaults, &out);
  Describe("typical_p", sampling.typical_p, defaults, &out);
  Describe("repetition_penalty", sampling.repetition_penalty, defaults, &out);
  Describe("frequency_penalty", sampling.frequency_penalty, defaults, &out);
  Describe("presence_penalty", sampling.presence_penalty, defaults, &out);
  Describe("repeat_last_n", sampling.repeat_last_n, defaults, &out);
  if (defaults.stop.empty()) return out;
  json::array stop;
  for (const std::string& text : defaults.stop) stop.emplace_back(text);
  Describe("stop", Sourced<json::array>{std::move(stop), Origin::kModel}, defaults, &out);
  return out;
}

ModelDefaults FindModelDefaults(const Metadata& metadata) {
  ModelDefaults defaults;
  for (const SamplingKey& key : kSamplingKeys) Read(metadata, key, &defaults);
  if (metadata.container == Container::kHuggingFace) ReadDirectory(metadata, &defaults);
  ReadStopStrings(metadata, &defaults);
  WarnOfLimits(metadata, &defaults);
  WarnOfMissing(metadata, &defaults);
  return defaults;
}

}  // namespace ingle
