#pragma once
// The sampling values that a model's author put into its files: GGUF keys general.sampling.*, or
// generation_config.json of a directory.

#include <string>
#include <vector>

#include "base/json.h"
#include "files/metadata.h"
#include "request/event.h"
#include "request/generate_request.h"

namespace ingle {

struct ModelDefault {
  std::string field;  // Of a request: "temperature".
  std::string key;    // Of the file: "generation_config.temperature".
};

struct ModelDefaults {
  SamplingRequest sampling;
  std::vector<ModelDefault> origins;  // One for each field that is set.
  // Values of another kind, out of range, or of settings that this program does not have: left out,
  // each named with its key.
  std::vector<Warning> warnings;
};

ModelDefaults FindModelDefaults(const Metadata& metadata);

// Every value that holds without a request and server settings, whose it is, and the key that sets
// it: {"temperature": {"value": 0.6, "origin": "model", "key": "generation_config.temperature"}}.
json::object DescribeDefaults(const ModelDefaults& defaults);

}  // namespace ingle
