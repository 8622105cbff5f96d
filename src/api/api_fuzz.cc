// Any body through every endpoint's parser: no crash, and what is accepted is within the limits
// that the engine trusts.
#include <cstdint>
#include <cstdlib>

#include "api/chat_completions.h"
#include "api/completions.h"
#include "api/generate.h"
#include "request/request_limits.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ingle::JsonLimits limits;
  limits.unique_keys = limits.big_integers = true;
  auto body = ingle::ParseJson(text, "the body", limits);
  if (!body || ingle::IfObject(*body) == nullptr) return 0;
  using Parse = ingle::Result<ingle::GenerationCall> (*)(const ingle::json::object&);
  for (const Parse parse : {Parse{&ingle::ParseChatCompletion}, Parse{&ingle::ParseCompletion},
                            Parse{&ingle::ParseGenerate}}) {
    auto call = parse(body->get_object());
    if (!call) {
      if (call.error().message.empty()) abort();
      continue;
    }
    if (call->requests.empty() || call->choices_per_prompt == 0) abort();
    for (const ingle::GenerateRequest& request : call->requests)
      if (!ingle::CheckRequest(request)) abort();
  }
  return 0;
}
