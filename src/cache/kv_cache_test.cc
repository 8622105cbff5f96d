#include "cache/kv_cache.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <limits>
#include <set>

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
