#pragma once
// The head of a pack cache file: what the packed weights behind it were made of, and a checksum for
// every run of them. A reader knows from its own plan what every field must be, so that no size in
// the file is ever believed.
//
// Layout, little endian: the head (32-byte numbers below, then one checksum per block), zeros up to
// a multiple of 2 MiB, then the packed weights as they lie in memory.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace ingle {

// To be raised when the head changes, or what a plan's matrices are packed into.
inline constexpr uint64_t kPackFormat = 1;
inline constexpr uint64_t kPackBlockBytes = uint64_t{256} << 10;  // With a checksum of its own.
inline constexpr uint64_t kPackAlignment = uint64_t{2} << 20;     // Of the weights in the file.

struct PackHead {
  std::array<uint64_t, 2> model{};  // Which weights, packed how: the file's name too.
  std::array<uint64_t, 2> stamp{};  // The state of the model's files.
  uint64_t weight_bytes = 0;
  std::vector<uint64_t> sums;  // Of each block of weights, the last of which may be shorter.
};

uint64_t PackBlocks(uint64_t weight_bytes);
uint64_t PackHeadBytes(uint64_t weight_bytes);
uint64_t PackWeightsOffset(uint64_t weight_bytes);  // In the file.
uint64_t PackFileBytes(uint64_t weight_bytes);

// head.sums must have its length.
std::vector<std::byte> WritePackHead(const PackHead& head);

// Why a file cannot be used.
enum class PackFault : uint8_t {
  kNone,
  kSize,     // Truncated, or of another model.
  kForeign,  // Not a pack cache, or one of another version.
  kDamaged,  // The head's checksum.
  kOther,    // Of other weights.
  kStale,    // Of the same weights in an earlier state of their files.
};

// bytes: the file's first PackHeadBytes(expected.weight_bytes); sums are taken over from them.
PackFault ReadPackHead(std::span<const std::byte> bytes, uint64_t file_bytes, PackHead& expected);

}  // namespace ingle
