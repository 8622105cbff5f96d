#pragma once
// What `ingle convert` and `ingle quantize` have in common: options, progress, the summary.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "convert/convert.h"

namespace ingle {

struct ConversionFlags {
  std::string type;  // Empty: as the model has it.
  bool force = false, allow_requantize = false, quiet = false;
  uint32_t threads = 0;
};
// --type, --force, --threads, --quiet.
void AddConversionFlags(CLI::App* parser, ConversionFlags* flags);

// Runs the conversion with progress on stderr; prints warnings and sizes. Ctrl-C gives up, and
// nothing is left.
int RunConversion(const char* command, const std::string& output, const ConversionFlags& flags,
                  const std::function<Result<ConvertReport>(const ConvertOptions&)>& convert);

}  // namespace ingle
