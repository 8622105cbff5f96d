#pragma once
// What a GGUF file says about its model, and the check that it says all of it.

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "convert/output_tensor.h"
#include "files/gguf_writer.h"
#include "model/weights.h"

namespace ingle {

// The name under which files of an architecture are written: Mistral's are "llama".
std::string_view WrittenName(const Architecture& architecture);

// The keys "NAME.*" of the blueprint; all but the vocabulary's.
void AddModelKeys(std::string_view name, const Blueprint& blueprint, GgufKeys& keys);

// Divisors of frequencies, as they are written as tensors; empty: the model has none.
struct RopeFactors {
  std::vector<float> all, up_to_original, past_original;  // The last two: LongRoPE.
};
RopeFactors RopeFactorsOf(const RopeBlueprint& rope);

// The model as the keys describe it. kUnsupported, naming what is lost, where they cannot say all
// that `wanted` says.
Result<Blueprint> DescribeWritten(const Metadata& keys, const Blueprint& wanted,
                                  const RopeFactors& factors);

}  // namespace ingle
