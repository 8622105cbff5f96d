// What every tier of this machine computes, as digests: one line `tier name digest` for each weight
// type and number of tokens, each function of a vector and each shape of attention. Inputs are made
// without the C library's functions, so that two machines, whatever their processors, must print
// the same digest for the same name. Fails where tiers of this machine differ.
#include <bit>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kernels/cache_codes.h"
#include "kernels/dispatch.h"
#include "tensor/packed_matrix.h"
#include "tensor/test_matrix.h"

namespace ingle {
namespace {

// FNV-1a of 64 bits.
uint64_t Digest(const void* bytes, size_t count) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < count; ++i)
    hash = (hash ^ static_cast<const uint8_t*>(bytes)[i]) * 0x100000001b3u;
  return hash;
}

struct Report {
  std::map<std::string, uint64_t> digests;
  bool same = true;

  void Add(const Kernels& tier, const std::string& name, const void* bytes, size_t count) {
    const uint64_t digest = Digest(bytes, count);
    std::printf("%s %s %016llx\n", tier.name, name.c_str(),
                static_cast<unsigned long long>(digest));
    same = digests.emplace(name, digest).first->second == digest && same;
  }
  void Add(const Kernels& tier, const std::string& name, const std::vector<float>& out) {
    Add(tier, name, out.data(), out.size() * sizeof(float));
  }
};

constexpr DType kTypes[] = {DType::kF32,  DType::kF16,    DType::kBF16,   DType::kQ8_0,
                            DType::kQ4_0, DType::kQ4_1,   DType::kQ5_0,   DType::kQ5_1,
                            DType::kQ4_K, DType::kQ5_K,   DType::kQ6_K,   DType::kQ2_K,
                            DType::kQ3_K, DType::kIQ4_NL, DType::kIQ4_XS, DType::kMXFP4};

void Product(const Kernels& tier, DType type, bool parts, uint32_t cols, Report& report) {
  constexpr uint32_t kRows = 37, kTokens = 41;
  Sample sample(type, kRows, cols, cols);
  if (parts) FeedParts(sample.matrix);
  const auto x = RandomActivations(kTokens, cols, cols + 1);
  Activations a(tier, sample.matrix.activation, x, kTokens, cols);
  const std::string name = std::string(Info(type).name) + (parts ? "-parts" : "") + "-" +
                           std::to_string(cols) + "-columns";
  for (const uint32_t tokens : {1u, 2u, 3u, 5u, 8u, 32u, kTokens}) {
    std::vector<float> out(tokens * kRows);
    Multiply(tier, sample.matrix, a.bytes.get(), tokens, 0, kRows, out.data(), kRows);
    report.Add(tier, name + "-" + std::to_string(tokens) + "-tokens", out);
  }
  a.SortBf16(sample.matrix.activation, kTokens);
  report.Add(tier, name + "-inputs", a.bytes.get(), a.stride * kTokens);
}

void Products(const Kernels& tier, Report& report) {
  for (const DType type : kTypes) {
    const bool floats = Info(type).block_weights == 1;
    const bool super = Info(type).block_weights == 256;
    for (const uint32_t cols : {256u, floats ? 300u : super ? 512u : 288u})
      Product(tier, type, false, cols, report);
  }
  Product(tier, DType::kQ4_0, true, 288, report);
  Product(tier, DType::kQ5_0, true, 256, report);
}

// Of about the given size, from -4 to 4 times that.
std::vector<float> Vector(uint32_t n, uint32_t seed, float size) {
  std::mt19937 random(seed);
  std::vector<float> x(n);
  for (float& v : x) v = Bell(random) * size;
  return x;
}

// Subnormal numbers and the smallest normal ones.
std::vector<float> TinyVector(uint32_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> x(n);
  for (float& v : x) v = std::bit_cast<float>(static_cast<uint32_t>(random()) & 0x81ffffffu);
  return x;
}

struct Named {
  const char* name;
  void (*run)(const ElementwiseKernels& k, const std::vector<float>& x, const std::vector<float>& w,
              uint32_t n, float* y);
};

constexpr Named kFunctions[] = {
    {"rms_norm", [](const auto& k, const auto& x, const auto& w, uint32_t n,
                    float* y) { k.rms_norm(x.data(), w.data(), n, 1e-6f, y); }},
    {"layer_norm", [](const auto& k, const auto& x, const auto& w, uint32_t n,
                      float* y) { k.layer_norm(x.data(), w.data(), x.data(), n, 1e-5f, y); }},
    {"silu_multiply", [](const auto& k, const auto& x, const auto& w, uint32_t n,
                         float* y) { k.silu_multiply(x.data(), w.data(), n, y); }},
    {"gelu_tanh_multiply", [](const auto& k, const auto& x, const auto& w, uint32_t n,
                              float* y) { k.gelu_tanh_multiply(x.data(), w.data(), n, y); }},
    {"silu", [](const auto& k, const auto& x, const auto&, uint32_t n,
                float* y) { k.silu(x.data(), n, y); }},
    {"gelu_tanh", [](const auto& k, const auto& x, const auto&, uint32_t n,
                     float* y) { k.gelu_tanh(x.data(), n, y); }},
    {"softcap",
     [](const auto& k, const auto&, const auto&, uint32_t n, float* y) { k.softcap(y, 1.5f, n); }},
    {"sigmoid",
     [](const auto& k, const auto&, const auto&, uint32_t n, float* y) { k.sigmoid(y, n); }},
    {"softmax",
     [](const auto& k, const auto&, const auto&, uint32_t n, float* y) { k.softmax(y, n); }},
    {"dot", [](const auto& k, const auto& x, const auto& w, uint32_t n,
               float* y) { y[0] = k.dot(x.data(), w.data(), n); }},
    {"dot_rows", [](const auto& k, const auto& x, const auto& w, uint32_t n,
                    float* y) { k.dot_rows(x.data(), w.data(), n / 11, 11, y); }},
    {"multiply", [](const auto& k, const auto& x, const auto& w, uint32_t n,
                    float* y) { k.multiply(x.data(), w.data(), n, y); }},
    {"multiply_add", [](const auto& k, const auto& x, const auto& w, uint32_t n,
                        float* y) { k.multiply_add(x.data(), w.data(), n, y); }},
    {"add_scaled", [](const auto& k, const auto&, const auto& w, uint32_t n,
                      float* y) { k.add_scaled(y, w.data(), 0.3f, n); }},
    {"add", [](const auto& k, const auto&, const auto& w, uint32_t n,
               float* y) { k.add(y, w.data(), n); }},
    {"scale",
     [](const auto& k, const auto&, const auto&, uint32_t n, float* y) { k.scale(y, 0.3f, n); }},
    {"rope_split_halves", [](const auto& k, const auto& x, const auto& w, uint32_t n,
                             float* y) { k.rope_split_halves(y, x.data(), w.data(), n / 2); }},
    {"rope_adjacent_pairs", [](const auto& k, const auto& x, const auto& w, uint32_t n,
                               float* y) { k.rope_adjacent_pairs(y, x.data(), w.data(), n / 2); }},
};

void Functions(const Kernels& tier, Report& report) {
  for (const Named& function : kFunctions) {
    for (const uint32_t n : {11u, 176u, 257u}) {
      const auto w = Vector(n, n + 1, 1.0f);
      const std::pair<const char*, std::vector<float>> inputs[] = {{"small", Vector(n, n, 0.1f)},
                                                                   {"medium", Vector(n, n, 4.0f)},
                                                                   {"large", Vector(n, n, 60.0f)},
                                                                   {"tiny", TinyVector(n, n)}};
      for (const auto& [size, x] : inputs) {
        auto y = x;
        function.run(tier.elementwise, x, w, n, y.data());
        report.Add(tier, std::string(function.name) + "-" + std::to_string(n) + "-" + size, y);
      }
    }
  }
}

// A page of keys has two groups of codes, each with its scales behind it, one of values one.
std::vector<uint8_t> CodePage(uint32_t dim, uint32_t seed, bool keys) {
  std::mt19937 random(seed);
  const uint32_t parts = keys ? 2 : 1, tokens = kPageTokens / parts;
  std::vector<uint8_t> page;
  for (uint32_t part = 0; part < parts; ++part) {
    std::vector<uint8_t> scales;
    for (uint32_t block = 0; block < CodeBlocks(dim) * tokens; ++block) {
      const uint32_t count =
          (block / tokens + 1) * kCodeBlock > dim ? dim % kCodeBlock : kCodeBlock;
      float x[kCodeBlock];
      int8_t codes[kCodeBlock];
      for (uint32_t i = 0; i < count; ++i) x[i] = Bell(random);
      const uint16_t scale = QuantizeCodes(x, count, codes);
      for (uint32_t i = 0; i < count; ++i) page.push_back(static_cast<uint8_t>(codes[i]));
      for (const int shift : {0, 8}) scales.push_back(static_cast<uint8_t>(scale >> shift));
    }
    page.insert(page.end(), scales.begin(), scales.end());
  }
  return page;
}

// Pages of random keys or values.
std::vector<uint8_t> Page(CacheFormat format, uint32_t dim, uint32_t seed, bool keys) {
  if (format == kCacheI8) return CodePage(dim, seed, keys);
  const auto x = Vector(kPageTokens * dim, seed, 1.0f);
  std::vector<uint8_t> page;
  for (const float v : x) {
    const auto bits = std::bit_cast<uint32_t>(v);
    for (int shift = format == kCacheBf16 ? 16 : 0; shift < 32; shift += 8)
      page.push_back(static_cast<uint8_t>(bits >> shift));
  }
  return page;
}

// Two splits merged: rows that see all of the first and a part of the second.
void Attend(const Kernels& tier, CacheFormat format, uint32_t dim, float softcap, Report& report) {
  constexpr uint32_t kRows = 7;
  const auto queries = Vector(kRows * dim, dim, 0.3f);
  std::vector<std::vector<uint8_t>> pages;
  for (uint32_t i = 0; i < 4 * kSplitPages; ++i)
    pages.push_back(Page(format, dim, i, i < 2 * kSplitPages));
  std::vector<float> parts[2];
  AttentionState states[2];
  for (uint32_t split = 0; split < 2; ++split) {
    std::vector<float>& part = parts[split];
    part.resize(kRows * (dim + 2));
    states[split] = {part.data(), part.data() + kRows, part.data() + 2 * kRows};
    uint32_t begins[kRows], counts[kRows];
    for (uint32_t r = 0; r < kRows; ++r) {
      begins[r] = split == 0 ? 3 * r : 0;
      counts[r] = split == 0 ? kSplitTokens : 30 + 17 * r;
    }
    AttentionArgs args{};
    args.queries = queries.data();
    args.rows = kRows;
    args.dim = dim;
    args.counts = counts;
    args.begins = split == 0 ? begins : nullptr;
    args.softcap = softcap;
    for (uint32_t i = 0; i < kSplitPages; ++i) {
      args.keys[i] = pages[split * kSplitPages + i].data();
      args.values[i] = pages[(2 + split) * kSplitPages + i].data();
    }
    tier.attention.split[format](args, states[split]);
  }
  tier.attention.merge(states[1], states[0], kRows, dim);
  tier.attention.finish(states[0], kRows, dim);
  report.Add(tier,
             std::string("attention-") + kCacheFormatNames[format] + "-" + std::to_string(dim) +
                 (softcap != 0 ? "-softcap" : ""),
             parts[0]);
}

int Run() {
  Report report;
  EnterKernelThread();
  for (const Kernels* tier : SupportedKernels()) {
    Products(*tier, report);
    Functions(*tier, report);
    for (const CacheFormat format : {kCacheBf16, kCacheF32, kCacheI8})
      for (const uint32_t dim : {16u, 80u, 128u})
        for (const float softcap : {0.0f, 2.0f}) Attend(*tier, format, dim, softcap, report);
  }
  if (!report.same) std::fprintf(stderr, "tiers of this machine differ; see the lines above\n");
  return report.same ? 0 : 1;
}

}  // namespace
}  // namespace ingle

int main() { return ingle::Run(); }
