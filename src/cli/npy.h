#pragma once
// NumPy's file format, version 1.0, for one array of float32.

#include <span>
#include <string>

#include "base/result.h"

namespace ingle {

// values: [rows, cols], row-major.
Status WriteNpy(const std::string& path, std::span<const float> values, size_t rows, size_t cols);

}  // namespace ingle
