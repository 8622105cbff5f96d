// Heads and targets: no crash; an accepted target has no dot segments and no NUL.
#include <cstdint>
#include <cstdlib>

#include "http/message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)ingle::CheckHead(text, {});
  ingle::HttpRequest request;
  if (!ingle::SetTarget(text, request)) return 0;
  for (const std::string& segment : request.segments)
    if (segment.empty() || segment == "." || segment == ".." ||
        segment.find('\0') != std::string::npos)
      abort();
  return 0;
}
