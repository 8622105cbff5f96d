#include "cli/exit_codes.h"

#include <cstdio>

namespace ingle {

int Complain(const char* command, const Error& error) {
  std::fprintf(stderr, "ingle %s: %s\n", command, error.message.c_str());
  switch (error.code) {
    case ErrorCode::kCorruptFile:
    case ErrorCode::kUnsupported: return kExitModelFile;
    case ErrorCode::kCancelled: return kExitInterrupted;
    default: return kExitFailed;
  }
}

}  // namespace ingle
