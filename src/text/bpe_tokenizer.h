#pragma once
// Byte-level BPE (GPT-2 and most since). Needs tokenizer.ggml.merges and a known
// tokenizer.ggml.pre.

#include <memory>

#include "base/result.h"
#include "files/metadata.h"
#include "text/tokenizer.h"

namespace ingle {

Result<std::unique_ptr<Tokenizer>> LoadBpeTokenizer(const Metadata& metadata);

}  // namespace ingle
