// First byte chooses the direction; what decodes must survive a round trip unchanged.
#include <cstdint>
#include <cstdlib>

#include "wire/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    if (auto request = ingle::DecodeRequest(bytes)) {
      const std::string once = ingle::EncodeRequest(*request);
      auto again = ingle::DecodeRequest(once);
      if (!again || ingle::EncodeRequest(*again) != once) abort();
    }
  } else if (auto report = ingle::DecodeReport(bytes)) {
    const std::string once = ingle::EncodeReport(*report);
    auto again = ingle::DecodeReport(once);
    if (!again || ingle::EncodeReport(*again) != once) abort();
  }
  return 0;
}
