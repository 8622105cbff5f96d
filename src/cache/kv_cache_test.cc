#include "cache/kv_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <set>
#include <vector>

namespace ingle {
namespace {

float FromBf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

template <class T>
T At(const uint8_t* bytes, size_t index) {
  T value;
  std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
  return value;
}

TEST(KvCache, Sizes) {
  const CacheShape shape{kCacheBf16, 128, {2, 2, 4}};
  EXPECT_EQ(KvCache::BytesPerToken(shape), 8u * 2 * 128 * 2);
  EXPECT_EQ(KvCache::BytesPerToken({kCacheF32, 20, {1}}), 2u * 32 * 4);
  // A byte for each element, and two for each block of up to 32.
  EXPECT_EQ(KvCache::BytesPerToken({kCacheI8, 128, {2, 2, 4}}), 8u * 2 * (128 + 4 * 2));
  EXPECT_EQ(KvCache::BytesPerToken({kCacheI8, 80, {1}}), 2u * (80 + 3 * 2));
  EXPECT_EQ(KvCache::BytesPerToken({kCacheI8, 12, {1}}), 2u * (16 + 2));
  auto cache = KvCache::Create(shape, 33);
  ASSERT_TRUE(cache) << cache.error().message;
  EXPECT_EQ(cache->pool().capacity(), 2u);
}

TEST(KvCache, RefusesWhatNoMachineHolds) {
  const auto cache = KvCache::Create({kCacheF32, 128, {8}}, uint64_t{1} << 60);
  ASSERT_FALSE(cache);
  EXPECT_EQ(cache.error().code, ErrorCode::kTooLarge);
}

TEST(KvCache, EveryElementHasAPlaceOfItsOwn) {
  for (const CacheFormat format : {kCacheBf16, kCacheF32}) {
    auto cache = KvCache::Create({format, 32, {2, 1}}, 64);
    ASSERT_TRUE(cache);
    // Small integers are exact in bf16; each (layer, head, token) gets values of its own.
    float row[32], value_row[32];
    const auto number = [](uint32_t page, uint32_t layer, uint32_t head, uint32_t slot, uint32_t d,
                           bool value) {
      return static_cast<float>(
          (page * 97 + layer * 41 + head * 29 + slot * 7 + d * 3 + (value ? 113 : 0)) % 251);
    };
    const auto each = [&](const auto& f) {
      for (uint32_t page = 0; page < 2; ++page)
        for (uint32_t layer = 0; layer < 2; ++layer)
          for (uint32_t head = 0; head < (layer == 0 ? 2u : 1u); ++head)
            for (uint32_t slot = 0; slot < kPageTokens; ++slot) f(page, layer, head, slot);
    };
    each([&](uint32_t page, uint32_t layer, uint32_t head, uint32_t slot) {
      for (uint32_t d = 0; d < 32; ++d) {
        row[d] = number(page, layer, head, slot, d, false);
        value_row[d] = number(page, layer, head, slot, d, true);
      }
      cache->StoreKey(page, layer, head, slot, row);
      cache->StoreValue(page, layer, head, slot, value_row);
    });
    each([&](uint32_t page, uint32_t layer, uint32_t head, uint32_t slot) {
      const uint8_t* keys = cache->Keys(page, layer, head);
      const uint8_t* values = cache->Values(page, layer, head);
      const uint32_t group = slot / 16, lane = slot % 16;
      for (uint32_t d = 0; d < 32; ++d) {
        const float key =
            format == kCacheF32
                ? At<float>(keys, (group * 32 + d) * 16 + lane)
                : FromBf16(At<uint16_t>(keys, ((group * 16 + d / 2) * 16 + lane) * 2 + d % 2));
        const float value =
            format == kCacheF32
                ? At<float>(values, slot * 32 + d)
                : FromBf16(At<uint16_t>(values, (slot / 2 * 32 + d) * 2 + slot % 2));
        ASSERT_EQ(key, number(page, layer, head, slot, d, false));
        ASSERT_EQ(value, number(page, layer, head, slot, d, true));
      }
    });
  }
}

// Codes times their scales are within half a scale of what was stored, wherever it was stored, and
// no token's codes lie on another's.
TEST(KvCache, CodesHaveAPlaceOfTheirOwn) {
  for (const uint32_t dim : {16u, 48u, 64u}) {
    auto cache = KvCache::Create({kCacheI8, dim, {2, 1}}, 64);
    ASSERT_TRUE(cache);
    const auto number = [](uint32_t page, uint32_t head, uint32_t slot, uint32_t d, bool value) {
      const uint32_t mixed = page * 97 + head * 29 + slot * 131 + d * 37 + (value ? 113 : 0);
      return (static_cast<float>(mixed * 2654435761u >> 8) * 0x1p-24f - 0.5f) *
             static_cast<float>(1 + slot + 3 * d / 32);
    };
    for (uint32_t i = 0; i < 2 * 3 * kPageTokens; ++i) {
      const uint32_t page = i % 2, head = i / 2 % 3, slot = i / 6;
      std::vector<float> key(dim), value(dim);
      for (uint32_t d = 0; d < dim; ++d) {
        key[d] = number(page, head, slot, d, false);
        value[d] = number(page, head, slot, d, true);
      }
      cache->StoreKey(page, head / 2, head % 2, slot, key.data());
      cache->StoreValue(page, head / 2, head % 2, slot, value.data());
    }
    for (uint32_t i = 0; i < 2 * 3 * kPageTokens * dim; ++i) {
      const uint32_t page = i % 2, head = i / 2 % 3, slot = i / 6 % kPageTokens;
      const uint32_t d = i / 6 / kPageTokens, block = d / 32, group = slot / 16, lane = slot % 16;
      const uint32_t wide = std::min(32u, dim - block * 32);
      const uint8_t* values = cache->Values(page, head / 2, head % 2);
      const uint8_t* keys =
          cache->Keys(page, head / 2, head % 2) + group * (CacheBlockBytes(kCacheI8, dim) / 2);
      const float key_scale = FromBf16(At<uint16_t>(keys + dim * 16, block * 16 + lane));
      const float key = key_scale * At<int8_t>(keys, (d / 2 * 16 + lane) * 2 + d % 2);
      const float value_scale = FromBf16(At<uint16_t>(values + dim * 32, block * 32 + slot));
      const float value =
          value_scale *
          At<int8_t>(values, block * 32 * 32 + (slot / 2 * wide + d % 32) * 2 + slot % 2);
      ASSERT_NEAR(key, number(page, head, slot, d, false), key_scale * 0.5001f);
      ASSERT_NEAR(value, number(page, head, slot, d, true), value_scale * 0.5001f);
    }
  }
}

TEST(KvCache, Bf16RoundsToNearestEven) {
  auto cache = KvCache::Create({kCacheBf16, 16, {1}}, 32);
  ASSERT_TRUE(cache);
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              inf = std::numeric_limits<float>::infinity();
  const float in[16] = {1.0f, 1.00390625f, 1.01171875f, 1.005f, -1.00390625f,
                        inf,  -inf,        nan,         3.4e38f};
  const float out[16] = {1.0f, 1.0f, 1.015625f, 1.0078125f, -1.0f, inf, -inf, nan, inf};
  cache->StoreValue(0, 0, 0, 0, in);
  for (uint32_t d = 0; d < 16; ++d) {
    const float got = FromBf16(At<uint16_t>(cache->Values(0, 0, 0), 2 * d));
    if (out[d] != out[d])
      EXPECT_NE(got, got);
    else
      EXPECT_EQ(got, out[d]) << d;
  }
}

}  // namespace
}  // namespace ingle
