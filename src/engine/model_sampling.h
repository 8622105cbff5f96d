#pragma once
// The sampling values that a model's author put into its file.

#include <vector>

#include "files/metadata.h"
#include "request/event.h"
#include "request/generate_request.h"

namespace ingle {

// Values of another kind or out of range are left out, with a warning that names the key.
SamplingRequest ModelSampling(const Metadata& metadata, std::vector<Warning>* warnings);

}  // namespace ingle
