#pragma once
// Hashes at the speed of memory, to find damage and to tell files apart. They are no defence
// against somebody who chooses the bytes.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ingle {

// The same on every little-endian machine; files hold it.
uint64_t FastHash(std::span<const std::byte> bytes, uint64_t seed = 0);

// 128 bits of a list of fields; the border between two fields counts.
class Digest {
 public:
  void Add(std::span<const std::byte> bytes);
  void Add(std::string_view text) { Add(std::as_bytes(std::span(text))); }
  void Add(uint64_t number) { Add(std::as_bytes(std::span(&number, 1))); }

  const std::array<uint64_t, 2>& value() const { return state_; }

 private:
  std::array<uint64_t, 2> state_{1, 2};
};

// 32 digits.
std::string HexOf(const std::array<uint64_t, 2>& digest);

}  // namespace ingle
