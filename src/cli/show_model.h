#pragma once
// A model file as JSON, without loading its weights.

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "model/model.h"

namespace ingle {

// Keys: path, file_bytes, runs ("yes" or why not), architecture, tokenizer, end_tokens, parameters,
// tensor_types, memory, metadata, chat_template, template_error, warnings. A file that this build
// cannot run is described as far as it can be read; a damaged one is an error.
Result<json::object> DescribeModel(const std::string& path, CacheType cache, uint32_t context);

}  // namespace ingle
