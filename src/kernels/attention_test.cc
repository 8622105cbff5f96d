#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/cache_codes.h"
#include "kernels/dispatch.h"

namespace ingle {
namespace {

// Keys and values of `count` tokens in the pages' layouts, and as the floats that those hold.
struct Cached {
  CacheFormat format;
  uint32_t dim, count;
  std::vector<float> keys, values;  // [count][dim]
  std::vector<std::vector<uint8_t>> key_pages, value_pages;

  Cached(CacheFormat cache_format, uint32_t head_dim, uint32_t tokens, uint32_t seed)
      : format(cache_format), dim(head_dim), count(tokens) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    const size_t bytes = CacheBlockBytes(format, dim);
    for (uint32_t page = 0; page * kPageTokens < count; ++page) {
      // Whatever lies behind the last token must not matter: not-a-numbers everywhere.
      key_pages.emplace_back(bytes, uint8_t{0xff});
      value_pages.emplace_back(bytes, uint8_t{0xff});
    }
    for (uint32_t token = 0; token < count; ++token) {
      if (format == kCacheI8) {
        PutCodes(token, generator, false);
        PutCodes(token, generator, true);
        continue;
      }
      for (uint32_t d = 0; d < dim; ++d) {
        keys.push_back(Rounded(normal(generator)));
        values.push_back(Rounded(normal(generator)));
        PutKey(token, d, keys.back());
        PutValue(token, d, values.back());
      }
    }
  }

  float Rounded(float x) const {
    // (Not `format == ... ? bit_cast(bits & mask) : x`, which GCC 12 turns into x.)
    const uint32_t mask = format == kCacheBf16 ? 0xffff0000u : 0xffffffffu;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(x) & mask);
  }
  void Put(std::vector<uint8_t>& page, size_t index, float x) const {
    if (format == kCacheBf16) {
      const auto half = static_cast<uint16_t>(std::bit_cast<uint32_t>(x) >> 16);
      std::memcpy(&page[2 * index], &half, 2);
    } else {
      std::memcpy(&page[4 * index], &x, 4);
    }
  }
  void PutKey(uint32_t token, uint32_t d, float x) {
    const uint32_t slot = token % kPageTokens, group = slot / 16, lane = slot % 16;
    auto& page = key_pages[token / kPageTokens];
    if (format == kCacheBf16)
      Put(page, ((group * (dim / 2) + d / 2) * 16 + lane) * 2 + d % 2, x);
    else
      Put(page, (group * dim + d) * 16 + lane, x);
  }
  void PutValue(uint32_t token, uint32_t d, float x) {
    const uint32_t slot = token % kPageTokens;
    auto& page = value_pages[token / kPageTokens];
    if (format == kCacheBf16)
      Put(page, (slot / 2 * dim + d) * 2 + slot % 2, x);
    else
      Put(page, slot * dim + d, x);
  }

  // A key or value of one token in blocks of codes, as the comment of CacheFormat says.
  void PutCodes(uint32_t token, std::mt19937& generator, bool value) {
    std::normal_distribution<float> normal;
    const uint32_t slot = token % kPageTokens, group = slot / 16, lane = slot % 16;
    uint8_t* page = (value ? value_pages : key_pages)[token / kPageTokens].data();
    uint8_t* of_group = page + group * (CacheBlockBytes(format, dim) / 2);
    for (uint32_t d = 0; d < dim; d += 32) {
      const uint32_t wide = std::min(32u, dim - d);
      float x[32];
      int8_t codes[32];
      for (uint32_t i = 0; i < wide; ++i) x[i] = normal(generator);
      const uint16_t scale = QuantizeCodes(x, wide, codes);
      std::memcpy(value ? page + dim * 32 + (d / 32 * 32 + slot) * 2
                        : of_group + dim * 16 + (d / 32 * 16 + lane) * 2,
                  &scale, 2);
      for (uint32_t i = 0; i < wide; ++i) {
        uint8_t* to = value ? page + d * 32 + (slot / 2 * wide + i) * 2 + slot % 2
                            : of_group + ((d + i) / 2 * 16 + lane) * 2 + i % 2;
        *to = static_cast<uint8_t>(codes[i]);
        (value ? values : keys)
            .push_back(static_cast<float>(codes[i]) * std::bit_cast<float>(uint32_t{scale} << 16));
      }
    }
  }

  AttentionArgs Args(uint32_t split) const {
    AttentionArgs args{};
    args.dim = dim;
    for (uint32_t i = 0; i < kSplitPages; ++i) {
      const uint32_t page = split * kSplitPages + i;
      const size_t there = page < key_pages.size() ? page : split * kSplitPages;
      args.keys[i] = key_pages[there].data();
      args.values[i] = value_pages[there].data();
    }
    return args;
  }
};

struct Rows {
  std::vector<float> maximum, sum, out;
  Rows(uint32_t rows, uint32_t dim) : maximum(rows), sum(rows), out(size_t{rows} * dim) {}
  AttentionState State() { return {maximum.data(), sum.data(), out.data()}; }
  AttentionState From(uint32_t row, uint32_t dim) {
    return {&maximum[row], &sum[row], &out[size_t{row} * dim]};
  }
};

std::vector<float> Queries(uint32_t rows, uint32_t dim, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, 1.0f / std::sqrt(static_cast<float>(dim)));
  std::vector<float> queries(size_t{rows} * dim);
  for (float& q : queries) q = normal(generator);
  return queries;
}

// Attention of row r to keys [0, counts[r]), in splits.
std::vector<float> Attend(const AttentionKernels& kernels, const Cached& cached,
                          const std::vector<float>& queries, const std::vector<uint32_t>& counts) {
  const auto rows = static_cast<uint32_t>(counts.size());
  Rows all(rows, cached.dim), next(rows, cached.dim);
  for (uint32_t split = 0; split * kSplitTokens < counts.back(); ++split) {
    AttentionArgs args = cached.Args(split);
    uint32_t first = 0;  // Rows that see nothing of this split come first.
    while (counts[first] <= split * kSplitTokens) ++first;
    std::vector<uint32_t> seen;
    for (uint32_t r = first; r < rows; ++r)
      seen.push_back(std::min(kSplitTokens, counts[r] - split * kSplitTokens));
    args.rows = rows - first;
    args.counts = seen.data();
    args.queries = queries.data() + size_t{first} * cached.dim;
    kernels.split[cached.format](args, split == 0 ? all.State() : next.State());
    if (split > 0) kernels.merge(next.State(), all.From(first, cached.dim), args.rows, cached.dim);
  }
  kernels.finish(all.State(), rows, cached.dim);
  return all.out;
}

std::vector<double> Oracle(const Cached& cached, const float* query, uint32_t count) {
  std::vector<double> scores(count), out(cached.dim, 0.0);
  double top = -1e300, sum = 0;
  for (uint32_t j = 0; j < count; ++j) {
    for (uint32_t d = 0; d < cached.dim; ++d)
      scores[j] += double{query[d]} * cached.keys[size_t{j} * cached.dim + d];
    top = std::max(top, scores[j]);
  }
  for (double& score : scores) sum += score = std::exp(score - top);
  for (uint32_t j = 0; j < count; ++j)
    for (uint32_t d = 0; d < cached.dim; ++d)
      out[d] += scores[j] / sum * cached.values[size_t{j} * cached.dim + d];
  return out;
}

class AttentionTest : public testing::TestWithParam<std::tuple<CacheFormat, uint32_t>> {
 protected:
  void SetUp() override { EnterKernelThread(); }
  CacheFormat format() const { return std::get<0>(GetParam()); }
  uint32_t dim() const { return std::get<1>(GetParam()); }
  // Of an output, against double precision on what the cache holds: 16-bit words beside codes.
  double tolerance() const { return format() == kCacheI8 ? 1e-4 : 2e-6; }
};

TEST_P(AttentionTest, AgreesWithDoublePrecisionAndAcrossTiers) {
  const Cached cached(format(), dim(), 700, 1);
  const std::vector<std::vector<uint32_t>> cases = {
      {1},
      {2, 3},
      {16, 16, 16},
      {255, 256, 257},
      {512},
      {513, 514, 515, 516, 517},
      {700, 700, 700, 700, 700, 700, 700, 700, 700},
      {5, 31, 32, 33, 64, 250, 256, 300, 511, 512, 699}};
  for (const auto& counts : cases) {
    const auto queries = Queries(static_cast<uint32_t>(counts.size()), dim(), 2);
    const auto expected = Attend(SupportedKernels().back()->attention, cached, queries, counts);
    for (size_t r = 0; r < counts.size(); ++r) {
      const auto exact = Oracle(cached, &queries[r * dim()], counts[r]);
      for (uint32_t d = 0; d < dim(); ++d)
        ASSERT_NEAR(expected[r * dim() + d], exact[d], tolerance());
    }
    for (const Kernels* tier : SupportedKernels()) {
      const auto got = Attend(tier->attention, cached, queries, counts);
      ASSERT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
          << tier->name;
    }
  }
}

TEST_P(AttentionTest, ARowDoesNotKnowTheOthers) {
  const Cached cached(format(), dim(), 600, 3);
  for (const uint32_t rows : {2u, 3u, 5u, 8u, 9u, 13u, 24u}) {
    const auto queries = Queries(rows, dim(), rows);
    std::vector<uint32_t> counts;
    for (uint32_t r = 0; r < rows; ++r) counts.push_back(250 + 7 * r + r % 3);
    for (const Kernels* tier : SupportedKernels()) {
      const auto together = Attend(tier->attention, cached, queries, counts);
      for (uint32_t r = 0; r < rows; ++r) {
        const std::vector<float> query(&queries[r * dim()], &queries[r * dim()] + dim());
        const auto alone = Attend(tier->attention, cached, query, {counts[r]});
        ASSERT_EQ(std::memcmp(alone.data(), &together[r * dim()], dim() * sizeof(float)), 0)
            << tier->name << ", row " << r << " of " << rows;
      }
    }
  }
}

// Row r sees keys [begins[r], counts[r]) of one split.
std::vector<float> AttendWindow(const AttentionKernels& kernels, const Cached& cached,
                                const std::vector<float>& queries,
                                const std::vector<uint32_t>& begins,
                                const std::vector<uint32_t>& counts, float softcap) {
  const auto rows = static_cast<uint32_t>(counts.size());
  Rows all(rows, cached.dim);
  AttentionArgs args = cached.Args(0);
  args.rows = rows;
  args.counts = counts.data();
  args.begins = begins.data();
  args.softcap = softcap;
  args.queries = queries.data();
  kernels.split[cached.format](args, all.State());
  kernels.finish(all.State(), rows, cached.dim);
  return all.out;
}

double WindowOracle(const Cached& cached, const float* query, uint32_t begin, uint32_t count,
                    float softcap, uint32_t d) {
  double sum = 0, out = 0;
  for (uint32_t j = begin; j < count; ++j) {
    double score = 0;
    for (uint32_t k = 0; k < cached.dim; ++k)
      score += double{query[k]} * cached.keys[size_t{j} * cached.dim + k];
    if (softcap != 0) score = softcap * std::tanh(score / softcap);
    sum += std::exp(score);
    out += std::exp(score) * cached.values[size_t{j} * cached.dim + d];
  }
  return out / sum;
}

TEST_P(AttentionTest, WindowsAndSoftcap) {
  const Cached cached(format(), dim(), 256, 6);
  for (const uint32_t rows : {1u, 2u, 5u, 8u, 11u, 24u}) {
    for (const uint32_t window : {1u, 2u, 5u, 16u, 100u, 255u}) {
      const float softcap = window % 2 == 0 ? 0.0f : 1.5f;
      const auto queries = Queries(rows, dim(), rows);
      std::vector<uint32_t> begins, counts;
      for (uint32_t r = 0; r < rows; ++r) {
        counts.push_back(std::min(256u, 90 + 7 * r + r % 3));
        begins.push_back(counts[r] > window ? counts[r] - window : 0);
      }
      const auto expected = AttendWindow(SupportedKernels().back()->attention, cached, queries,
                                         begins, counts, softcap);
      for (uint32_t r = 0; r < rows; ++r)
        for (const uint32_t d : {0u, dim() - 1})
          ASSERT_NEAR(expected[r * dim() + d],
                      WindowOracle(cached, &queries[r * dim()], begins[r], counts[r], softcap, d),
                      2 * tolerance());
      for (const Kernels* tier : SupportedKernels()) {
        const auto got = AttendWindow(tier->attention, cached, queries, begins, counts, softcap);
        ASSERT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
            << tier->name << ", window " << window;
        for (uint32_t r = 0; r < rows; ++r) {
          const std::vector<float> query(&queries[r * dim()], &queries[r * dim()] + dim());
          const auto alone =
              AttendWindow(tier->attention, cached, query, {begins[r]}, {counts[r]}, softcap);
          ASSERT_EQ(std::memcmp(alone.data(), &got[r * dim()], dim() * sizeof(float)), 0)
              << tier->name << ", row " << r << " of " << rows << ", window " << window;
        }
      }
    }
  }
}

// A value that is not finite shows in the rows that see it, and in no other.
TEST_P(AttentionTest, NothingHidesAValueThatIsNotFinite) {
  Cached cached(format(), dim(), 100, 7);
  const uint16_t nan = 0x7fc0;
  uint8_t* page = cached.value_pages[1].data();
  if (format() == kCacheI8)  // Of token 50: the scale of its first block, or its first element.
    std::memcpy(page + dim() * 32 + 18 * 2, &nan, 2);
  else if (format() == kCacheBf16)
    std::memcpy(page + 9 * dim() * 4, &nan, 2);
  else
    std::memcpy(page + 18 * dim() * 4 + 2, &nan, 2);
  const auto queries = Queries(3, dim(), 8);
  for (const Kernels* tier : SupportedKernels()) {
    const auto got = Attend(tier->attention, cached, queries, {49, 50, 51});
    for (uint32_t d = 0; d < dim(); ++d) {
      ASSERT_TRUE(std::isfinite(got[d]) && std::isfinite(got[dim() + d])) << tier->name;
      ASSERT_EQ(std::isnan(got[2 * dim() + d]), d < (format() == kCacheI8 ? 32 : 1)) << tier->name;
    }
  }
}

TEST_P(AttentionTest, QueriesThatAreNotFiniteShow) {
  const Cached cached(format(), dim(), 40, 7);
  for (const float bad :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    auto queries = Queries(2, dim(), 8);
    queries[dim() + dim() - 1] = bad;
    for (const Kernels* tier : SupportedKernels()) {
      const auto got = Attend(tier->attention, cached, queries, {40, 40});
      ASSERT_TRUE(std::isfinite(got[0])) << tier->name;
      ASSERT_FALSE(std::isfinite(got[dim()])) << tier->name;
    }
  }
}

TEST_P(AttentionTest, LargeScoresStayFinite) {
  const Cached cached(format(), dim(), 300, 4);
  auto queries = Queries(2, dim(), 5);
  for (float& q : queries) q *= 1e4f;
  for (const Kernels* tier : SupportedKernels())
    for (const float x : Attend(tier->attention, cached, queries, {300, 300}))
      ASSERT_TRUE(std::isfinite(x)) << tier->name;
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionTest,
                         testing::Combine(testing::Values(kCacheBf16, kCacheF32, kCacheI8),
                                          testing::Values(16u, 48u, 64u, 80u, 128u, 256u, 1024u)));

}  // namespace
}  // namespace ingle
