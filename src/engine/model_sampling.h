#pragma once
// The sampling values and stop strings that a model's author put into its files: GGUF keys
// general.sampling.*, or generation_config.json of a directory.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "files/metadata.h"
#include "request/event.h"
#include "request/generate_request.h"

namespace ingle {

// Where a file says a field of a request. The first key of a field is the one that GGUF files have;
// all are read from either container.
struct SamplingKey {
  std::string_view key, field;
};
std::span<const SamplingKey> SamplingKeys();
inline constexpr std::string_view kStopStringsKey = "generation_config.stop_strings";

struct ModelDefault {
  std::string field;  // Of a request: "temperature".
  std::string key;    // Of the file: "generation_config.temperature".
};

struct ModelDefaults {
  SamplingRequest sampling;
  std::vector<std::string> stop;      // For requests that have none of their own.
  std::vector<ModelDefault> origins;  // One for each field that is set.
  // Values of another kind, out of range, or of settings that this program does not have: left out,
  // each named with its key.
  std::vector<Warning> warnings;
};

ModelDefaults FindModelDefaults(const Metadata& metadata);

// Every value that holds for a request without settings, whose it is, and the key that sets it:
// {"temperature": {"value": 0.6, "origin": "model", "key": "generation_config.temperature"}}.
// server: the settings that win over the model's. "stop" is there only when the model has some.
json::object DescribeDefaults(const ModelDefaults& defaults, const SamplingRequest& server);

}  // namespace ingle
