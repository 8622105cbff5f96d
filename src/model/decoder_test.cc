// The law: the bits of a token's logits depend on its own sequence only. Not on how many tokens a
// step takes, who else is in it, how many threads run it, or which instruction set.

#include "model/decoder.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <ostream>

#include "kernels/dispatch.h"
#include "model/test_model.h"

namespace ingle {
namespace {

constexpr uint32_t kTokens = 530;  // Longer than two splits of 256 keys.

std::vector<int32_t> Text(uint32_t n, uint32_t vocab, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> tokens(n);
  for (int32_t& token : tokens) token = static_cast<int32_t>(random() % vocab);
  return tokens;
}

struct Way {  // One way to run the same text.
  uint32_t chunk = kTokens;
  uint32_t threads = 1;
  std::string tier = {};
  uint32_t neighbours = 0;
  CacheType cache = CacheType::kBf16;
};

std::ostream& operator<<(std::ostream& out, const Way& way) {
  return out << way.tier << ", " << way.chunk << " tokens per step, " << way.threads << " threads, "
             << way.neighbours << " neighbours";
}

std::unique_ptr<Model> Load(const std::string& path, const Way& way, uint64_t cache_tokens = 4096) {
  ModelOptions options;
  options.threads = way.threads;
  options.cache = way.cache;
  options.force_isa = way.tier;
  options.cache_tokens = cache_tokens;
  auto loaded = LoadModel(path, options);
  EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
  return loaded ? std::move(loaded->model) : nullptr;
}

// Logits of every token of the text: [tokens, vocab].
std::vector<float> Logits(Model& model, std::span<const int32_t> text, const Way& way) {
  const uint32_t vocab = model.info().vocab;
  std::vector<float> all(text.size() * vocab);
  const auto own = model.NewSequence();
  std::vector<std::unique_ptr<Sequence>> others;
  for (uint32_t i = 0; i < way.neighbours; ++i) others.push_back(model.NewSequence());
  const auto noise = Text(4096, vocab, 99);
  std::mt19937 random(7);
  for (size_t at = 0; at < text.size();) {
    const size_t count = std::min<size_t>(way.chunk, text.size() - at);
    std::vector<Segment> segments;
    size_t rows_before = 0;
    for (size_t i = 0; i < others.size(); ++i) {
      // Each neighbour is fed something else every time, and starts over now and then.
      if (random() % 50 == 0 || others[i]->length() > 300) others[i] = model.NewSequence();
      Segment other{others[i].get(), std::span(noise).subspan(random() % 4000, 1 + random() % 3)};
      other.no_logits = i % 2 == 0;
      rows_before += other.no_logits ? 0 : 1;
      segments.push_back(other);
    }
    Segment mine{own.get(), text.subspan(at, count)};
    mine.all_logits = true;
    segments.push_back(mine);
    std::vector<float> logits((rows_before + count) * vocab);
    const Status done = model.Step(segments, logits);
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    if (!done) return {};
    std::copy(logits.begin() + static_cast<std::ptrdiff_t>(rows_before * vocab), logits.end(),
              all.begin() + static_cast<std::ptrdiff_t>(at * vocab));
    at += count;
  }
  return all;
}

class OneModel {
 public:
  explicit OneModel(const TestModelShape& shape)
      : file_(TestModelBytes(shape)), text_(Text(kTokens, shape.vocab, 5)) {}

  std::vector<float> Run(const Way& way) {
    const auto model = Load(file_.path(), way);
    return model ? Logits(*model, text_, way) : std::vector<float>();
  }
  // Runs that way and compares with the reference: all at once, one thread, portable.
  void ExpectSame(const Way& way) {
    if (reference_.empty()) {
      reference_ = Run({.tier = "portable", .cache = way.cache});
      ASSERT_FALSE(reference_.empty());
      for (const float x : reference_) ASSERT_TRUE(std::isfinite(x));
    }
    const auto got = Run(way);
    ASSERT_EQ(got.size(), reference_.size());
    for (size_t i = 0; i < got.size(); ++i)
      ASSERT_EQ(std::memcmp(&got[i], &reference_[i], sizeof(float)), 0)
          << way << ": token " << i / (got.size() / kTokens) << ", " << got[i] << " is not "
          << reference_[i];
  }

 private:
  TestFile file_;
  std::vector<int32_t> text_;
  std::vector<float> reference_;
};

std::vector<std::string> Tiers() {
  std::vector<std::string> names;
  for (const Kernels* kernels : SupportedKernels()) names.emplace_back(kernels->name);
  return names;
}

TEST(SameBits, TokensPerStepAndThreadsAndNeighbours) {
  OneModel model({.architecture = "qwen2", .type = DType::kQ8_0, .value_type = DType::kQ5_0});
  for (const std::string& tier : Tiers())
    for (const uint32_t chunk : {1u, 2u, 3u, 5u, 8u, 15u, 16u, 17u, 31u, 32u, 33u, 512u})
      for (const uint32_t threads : {1u, 2u, 3u})
        if (tier != "portable" || chunk % 4 == 1 || threads == 2)
          model.ExpectSame({chunk, threads, tier, (chunk + threads) % 3});
}

struct TypeCase {
  std::string architecture;
  DType type, value_type;
  uint32_t width, ffn, heads, kv_heads, head_dim;
  bool tied;
};

class SameBitsOfType : public testing::TestWithParam<TypeCase> {};

TEST_P(SameBitsOfType, InEveryWay) {
  const TypeCase& c = GetParam();
  OneModel model({.architecture = c.architecture,
                  .type = c.type,
                  .value_type = c.value_type,
                  .width = c.width,
                  .ffn = c.ffn,
                  .heads = c.heads,
                  .kv_heads = c.kv_heads,
                  .head_dim = c.head_dim,
                  .tied = c.tied});
  for (const std::string& tier : Tiers()) {
    model.ExpectSame({kTokens, 2, tier, 0});
    model.ExpectSame({tier == "portable" ? 19u : 1u, 2, tier, 2});
    model.ExpectSame({33, 3, tier, 3});
  }
}

INSTANTIATE_TEST_SUITE_P(
    Types, SameBitsOfType,
    testing::Values(TypeCase{"llama", DType::kF32, DType::kF32, 96, 160, 6, 2, 16, false},
                    TypeCase{"llama", DType::kF16, DType::kF16, 72, 104, 3, 1, 24, true},
                    TypeCase{"qwen2", DType::kBF16, DType::kBF16, 80, 144, 5, 5, 16, false},
                    TypeCase{"qwen3", DType::kQ4_0, DType::kQ5_0, 96, 160, 6, 3, 32, true},
                    TypeCase{"llama", DType::kQ4_K, DType::kQ6_K, 256, 512, 4, 1, 64, true},
                    TypeCase{"qwen3", DType::kQ5_K, DType::kQ8_0, 256, 768, 8, 2, 32, false},
                    TypeCase{"llama", DType::kQ6_K, DType::kQ4_K, 256, 256, 4, 4, 64, true},
                    // The hidden vector is two blocks of 256 and a part of one: enough for one
                    // thread to quantise them as they are written, of 512 tokens not for two.
                    TypeCase{"llama", DType::kQ8_0, DType::kBF16, 96, 608, 6, 2, 16, true},
                    TypeCase{"qwen3", DType::kF32, DType::kF32, 64, 520, 4, 2, 16, false},
                    TypeCase{"qwen2", DType::kF16, DType::kF16, 64, 568, 4, 2, 16, false},
                    TypeCase{"llama", DType::kBF16, DType::kBF16, 64, 616, 4, 2, 16, false}),
    [](const auto& info) {
      return info.param.architecture + "_" + std::string(Info(info.param.type).name);
    });

class SameBitsOfArchitecture : public testing::TestWithParam<const Architecture*> {};

// Of every architecture in the registry, with windows and quantised weights.
TEST_P(SameBitsOfArchitecture, InEveryWay) {
  OneModel model({.architecture = std::string(GetParam()->gguf_name),
                  .type = DType::kQ8_0,
                  .value_type = DType::kQ5_0,
                  .layers = 3,
                  .window = 300});
  for (const std::string& tier : Tiers()) {
    model.ExpectSame({kTokens, 2, tier, 0});
    model.ExpectSame({tier == "portable" ? 19u : 1u, 2, tier, 2});
    model.ExpectSame({33, 3, tier, 3});
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, SameBitsOfArchitecture,
                         testing::ValuesIn(AllArchitectures().begin(), AllArchitectures().end()),
                         [](const auto& info) { return std::string(info.param->gguf_name); });

TEST(SameBits, F32Cache) {
  OneModel model({.type = DType::kF32});
  for (const std::string& tier : Tiers())
    for (const uint32_t chunk : {3u, 64u}) model.ExpectSame({chunk, 2, tier, 1, CacheType::kF32});
}

// Of every architecture; a head of 16 elements is half a block of codes, one of 80 has a half.
class SameBitsWithCodes : public testing::TestWithParam<const Architecture*> {};

TEST_P(SameBitsWithCodes, InEveryWay) {
  OneModel model({.architecture = std::string(GetParam()->gguf_name),
                  .type = DType::kQ8_0,
                  .value_type = DType::kQ5_0,
                  .layers = 3,
                  .window = 300});
  for (const std::string& tier : Tiers()) {
    model.ExpectSame({kTokens, 2, tier, 0, CacheType::kI8});
    model.ExpectSame({tier == "portable" ? 19u : 1u, 2, tier, 2, CacheType::kI8});
    model.ExpectSame({33, 3, tier, 3, CacheType::kI8});
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, SameBitsWithCodes,
                         testing::ValuesIn(AllArchitectures().begin(), AllArchitectures().end()),
                         [](const auto& info) { return std::string(info.param->gguf_name); });

TEST(SameBits, CodesInHeadsOfEverySize) {
  for (const auto& [heads, kv_heads, dim] :
       {std::array{4u, 1u, 80u}, std::array{4u, 4u, 24u}, std::array{12u, 1u, 64u}}) {
    OneModel model({.type = DType::kQ8_0,
                    .width = 96,
                    .ffn = 160,
                    .heads = heads,
                    .kv_heads = kv_heads,
                    .head_dim = dim});
    for (const std::string& tier : Tiers())
      for (const uint32_t chunk : {tier == "portable" ? 20u : 1u, 33u})
        model.ExpectSame({chunk, 1 + chunk % 3, tier, chunk % 4, CacheType::kI8});
  }
}

double RelativeDifference(const std::vector<float>& exact, const std::vector<float>& rounded) {
  double square = 0, difference = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    square += exact[i] * exact[i];
    difference += (exact[i] - rounded[i]) * (exact[i] - rounded[i]);
  }
  return std::sqrt(difference / square);
}

TEST(Decoder, CacheTypesDifferLittle) {
  OneModel model({.type = DType::kF32});
  const auto exact = model.Run({.cache = CacheType::kF32}), rounded = model.Run({});
  const auto codes = model.Run({.cache = CacheType::kI8});
  const double bf16 = RelativeDifference(exact, rounded), i8 = RelativeDifference(exact, codes);
  EXPECT_GT(bf16, 0);
  EXPECT_LT(bf16, 0.01);
  EXPECT_GT(i8, bf16);
  EXPECT_LT(i8, 0.02);
}

TEST(Decoder, TellsAboutItself) {
  const TestFile file(TestModelBytes({}));
  const auto model = Load(file.path(), {.threads = 2}, 100);
  ASSERT_TRUE(model);
  const ModelInfo& info = model->info();
  EXPECT_EQ(info.architecture, "llama");
  EXPECT_EQ(info.name, "random");
  EXPECT_EQ(info.vocab, 48u);
  EXPECT_EQ(info.layers, 2u);
  EXPECT_EQ(info.threads, 2u);
  EXPECT_EQ(info.cache_tokens, 128u);  // Whole pages.
  EXPECT_EQ(info.cache_page_tokens, 32u);
  EXPECT_EQ(info.cache_bytes_per_token, 2u * 2 * 2 * 16 * 2);
  EXPECT_EQ(info.arithmetic_class, "cpu-1/bf16");
  const auto codes = Load(file.path(), {.cache = CacheType::kI8}, 100);
  ASSERT_TRUE(codes);
  EXPECT_EQ(codes->info().cache_bytes_per_token, 2u * 2 * 2 * (16 + 2));
  EXPECT_EQ(codes->info().arithmetic_class, "cpu-1/i8");
  EXPECT_EQ(info.tier, SelectKernels("").value()->name);  // Not the first where tiles are emulated.
  EXPECT_EQ(model->free_cache_tokens(), 128u);
}

TEST(Decoder, FullCacheChangesNothing) {
  const TestFile file(TestModelBytes({}));
  const auto model = Load(file.path(), {}, 128);
  ASSERT_TRUE(model);
  const auto text = Text(200, 48, 1);
  auto first = model->NewSequence(), second = model->NewSequence();
  std::vector<float> logits(2 * 48);
  Segment a{first.get(), std::span(text).first(33)}, b{second.get(), std::span(text).first(90)};
  const Status refused = model->Step(std::vector{a, b}, logits);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(model->free_cache_tokens(), 128u);
  EXPECT_EQ(first->length(), 0u);
  ASSERT_TRUE(model->Reserve(*first, 64));
  EXPECT_EQ(model->free_cache_tokens(), 64u);
  EXPECT_FALSE(model->Reserve(*second, 65));
  EXPECT_EQ(model->free_cache_tokens(), 64u);
  b.tokens = std::span(text).first(64);
  ASSERT_TRUE(model->Step(std::vector{a, b}, logits));
  EXPECT_EQ(first->length(), 33u);
  EXPECT_EQ(second->length(), 64u);
  second.reset();
  EXPECT_EQ(model->free_cache_tokens(), 64u);
}

TEST(Decoder, RefusesWhatItCannotRun) {
  const TestFile file(TestModelBytes({.context = 64}));
  const auto model = Load(file.path(), {});
  ASSERT_TRUE(model);
  const auto sequence = model->NewSequence();
  std::vector<float> logits(48);
  const auto step = [&](std::vector<int32_t> tokens, size_t room) {
    const Segment segment{sequence.get(), tokens};
    return model->Step({&segment, 1}, std::span(logits).first(room));
  };
  for (const int32_t token : {-1, 48, INT32_MAX}) {
    const Status bad = step({1, token}, 48);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code, ErrorCode::kInvalidRequest);
  }
  EXPECT_FALSE(step({}, 0));
  EXPECT_FALSE(step({1}, 0));
  const Status late = step(std::vector<int32_t>(65, 1), 48);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().id, "context_length_exceeded");
  EXPECT_EQ(sequence->length(), 0u);
  EXPECT_TRUE(step(std::vector<int32_t>(64, 1), 48));
  EXPECT_FALSE(step({1}, 48));
}

TEST(Decoder, UnknownInstructionSetIsRefused) {
  const TestFile file(TestModelBytes({}));
  ModelOptions options;
  options.force_isa = "nonsense";
  const auto loaded = LoadModel(file.path(), options);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("nonsense"), std::string::npos);
}

TEST(Decoder, ASequenceMayOutliveItsModel) {
  const TestFile file(TestModelBytes({}));
  auto model = Load(file.path(), {});
  auto sequence = model->NewSequence();
  ASSERT_TRUE(model->Reserve(*sequence, 40));
  model.reset();
  sequence.reset();
}

}  // namespace
}  // namespace ingle
