#include "base/fast_hash.h"

#include <cstring>

namespace ingle {
namespace {

constexpr size_t kLanes = 4, kLaneBytes = 16, kStripe = kLanes * kLaneBytes;
// Odd numbers without a pattern: digits of pi.
constexpr uint64_t kSecrets[kLanes + 1] = {0x243F6A8885A308D3u, 0x13198A2E03707345u,
                                           0xA4093822299F31D1u, 0x082EFA98EC4E6C89u,
                                           0x452821E638D01377u};

// Every bit of the 128-bit product.
uint64_t Fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{a} * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// The lanes depend on nothing but themselves, so that their products overlap.
void TakeStripe(const std::byte* stripe, uint64_t* lanes) {
  uint64_t words[2 * kLanes];
  std::memcpy(words, stripe, kStripe);
  for (size_t i = 0; i < kLanes; ++i)
    lanes[i] = Fold(words[2 * i] ^ lanes[i], words[2 * i + 1] ^ kSecrets[i]);
}

}  // namespace

uint64_t FastHash(std::span<const std::byte> bytes, uint64_t seed) {
  uint64_t lanes[kLanes];
  for (size_t i = 0; i < kLanes; ++i) lanes[i] = seed + kSecrets[i + 1];
  const size_t whole = bytes.size() / kStripe * kStripe;
  for (size_t at = 0; at < whole; at += kStripe) TakeStripe(bytes.data() + at, lanes);
  if (whole < bytes.size()) {
    std::byte last[kStripe]{};
    std::memcpy(last, bytes.data() + whole, bytes.size() - whole);
    TakeStripe(last, lanes);
  }
  uint64_t hash = Fold(bytes.size() ^ kSecrets[0], seed ^ kSecrets[kLanes]);
  for (const uint64_t lane : lanes) hash = Fold(hash ^ lane, lane + kSecrets[kLanes]);
  return hash;
}

void Digest::Add(std::span<const std::byte> bytes) {
  for (uint64_t& half : state_) half = FastHash(bytes, half);
}

std::string HexOf(const std::array<uint64_t, 2>& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint64_t half : digest)
    for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[half >> shift & 15];
  return text;
}

}  // namespace ingle
