#pragma once
// An engine without a model, for whole-program tests of the gateway and HTTP: token i of an answer
// is a pure function of the prompt, the seed and i, so that a lost, repeated or foreign token shows
// at once.
//
// The last user message (or the text prompt) may begin with a command:
//   #count N         N tokens: "1 ", "2 ", ...
//   #wide N BYTES    as #count, each token of so many bytes
//   #hash N          N tokens that depend on prompt, seed and position
//   #prefill MS ...  the prompt takes so long, with progress, then as without
//   #crash / #hang / #fail   after three tokens: abort once there is the flag "crash", a step that
//                    never ends, an Error
//   #slow MS         after three tokens: a step of that length that counts progress
//   #shout           after three tokens: 4 MiB to stderr
//   #garble / #nan   after three tokens: a report that cannot be parsed, one that breaks a rule
//   #utf8            text with U+2028, U+0085, emoji, CJK
// Anything else is said back word by word.
//
// Flags are files in a folder that a test makes and removes, so that nothing depends on how quick
// anybody is. "steps": no step is made but to end what was cancelled.

#include <memory>
#include <string>

#include "engine/engine.h"

namespace ingle {

struct FakeEngineOptions {
  int step_ms = 2;
  uint32_t max_sequences = 256;
  uint32_t context = 4096;
  bool ignores_pauses = false;  // As a worker that has gone wrong.
  std::string flags;            // The folder of flags; empty: none.
};

// Whether there is a flag of this name.
bool HasFlag(const std::string& folder, const char* name);

std::unique_ptr<Engine> MakeFakeEngine(const FakeEngineOptions& options);

}  // namespace ingle
