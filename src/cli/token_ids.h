#pragma once
// Token ids on the command line or on stdin.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace ingle {

// "1,2,3" or a JSON array; every id below `vocab`. `what` names the text in messages.
Result<std::vector<int32_t>> ParseTokenIds(const std::string& text, size_t vocab,
                                           const std::string& what);

}  // namespace ingle
