#pragma once
// How `ingle` ends. Printed by `ingle --help`.

#include "base/result.h"

namespace ingle {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;         // Refused or failed; the message says why.
inline constexpr int kExitUsage = 2;          // A wrong command line.
inline constexpr int kExitModelFile = 65;     // The model file is damaged or not supported.
inline constexpr int kExitInterrupted = 130;  // Ctrl-C.

inline constexpr const char* kExitCodesHelp =
    "Exit codes: 0 done, 1 failed or refused (the message says why), 2 wrong command line,\n"
    "65 model file damaged or not supported, 78 refused configuration (serve), 130 interrupted.";

// Prints "ingle COMMAND: message" to stderr and returns the code for it.
int Complain(const char* command, const Error& error);

}  // namespace ingle
