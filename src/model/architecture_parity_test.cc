// Every architecture from a Hugging Face directory: logits and greedy tokens of transformers
// (goldens of tests/parity/architectures), and the same bits in every way to run a text.

#include <unistd.h>

#include "kernels/dispatch.h"
#include "model/blocks/experts_block.h"
#include "model/model.h"
#include "model/test_base64.h"
#include "model/tiny_models.h"

namespace ingle {
namespace {

constexpr uint32_t kPositions[] = {0, 1, 2, 7, 8, 16, 17, 31, 32, 63, 64, 65, 100, 255, 256, 299};
constexpr char kGoldens[] = INGLE_SOURCE_DIR "/tests/parity/architectures/goldens";
constexpr uint32_t kTokens = 300, kPrompt = 24;
constexpr double kRelativeMax = 1e-4;  // Of the largest |logit|.

class Architectures : public testing::TestWithParam<std::filesystem::path> {
 protected:
  Architectures() : tiny_(GetParam()) {
    folder_ = std::filesystem::temp_directory_path() /
              ("ingle-tiny-" + std::to_string(::getpid()) + "-" + tiny_.name());
    tiny_.Write(folder_);
  }
  ~Architectures() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Model> Load(uint32_t threads = 1, const std::string& tier = {}) {
    ModelOptions options;
    options.threads = threads;
    options.cache = CacheType::kF32;
    options.cache_tokens = 2048;
    options.force_isa = tier;
    auto loaded = LoadModel(folder_.string(), options);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
    return loaded ? std::move(loaded->model) : nullptr;
  }

  // [tokens, vocab], `chunk` tokens per step beside a neighbour that changes.
  static std::vector<float> Logits(Model& model, std::span<const int32_t> tokens, size_t chunk,
                                   bool neighbour) {
    std::vector<float> all;
    const auto own = model.NewSequence();
    auto other = model.NewSequence();
    for (size_t at = 0; at < tokens.size(); at += chunk) {
      const auto part = tokens.subspan(at, std::min(chunk, tokens.size() - at));
      std::vector<Segment> segments{{own.get(), part, true, false}};
      if (neighbour && other->length() > 200) other = model.NewSequence();
      if (neighbour) segments.push_back({other.get(), tokens.subspan(at / 2, 2), false, true});
      if (neighbour && at % 2 == 1) std::swap(segments[0], segments[1]);
      std::vector<float> rows(part.size() * kTinyVocab);
      const Status done = model.Step(segments, rows);
      EXPECT_TRUE(done) << (done ? "" : done.error().message);
      all.insert(all.end(), rows.begin(), rows.end());
    }
    return all;
  }

  TinyDirectory tiny_;
  std::filesystem::path folder_;
};

TEST_P(Architectures, LogitsAsTheOriginal) {
  const auto model = Load();
  ASSERT_TRUE(model);
  const auto tokens = TinyTokens(kTokens);
  const auto ours = Logits(*model, tokens, kTokens, false);
  const auto theirs = FloatsOfBase64(std::string_view(tiny_.golden().at("logits").as_string()));
  ASSERT_EQ(theirs.size(), std::size(kPositions) * kTinyVocab);
  double error = 0, largest = 0;
  uint32_t worst = 0;
  for (size_t i = 0; i < theirs.size(); ++i) {
    const uint32_t position = kPositions[i / kTinyVocab];
    const double apart = std::abs(double{theirs[i]} - ours[position * kTinyVocab + i % kTinyVocab]);
    if (apart > error) worst = position;
    error = std::max(error, apart);
    largest = std::max(largest, std::abs(double{theirs[i]}));
  }
  std::printf("%-14s %.1e of the largest |logit|, at position %u\n", tiny_.name().c_str(),
              error / largest, worst);
  EXPECT_LE(error, kRelativeMax * largest);
}

TEST_P(Architectures, GreedyTokensAsTheOriginal) {
  const auto model = Load();
  ASSERT_TRUE(model);
  const auto sequence = model->NewSequence();
  std::vector<int32_t> next = TinyTokens(kPrompt);
  for (const json::value& golden : tiny_.golden().at("greedy").as_array()) {
    std::vector<float> logits(kTinyVocab);
    const Segment segment{sequence.get(), next};
    const Status done = model->Step({&segment, 1}, logits);
    ASSERT_TRUE(done) << (done ? "" : done.error().message);
    const auto best = std::ranges::max_element(logits) - logits.begin();
    ASSERT_EQ(best, golden.to_number<int64_t>());
    next = {static_cast<int32_t>(best)};
  }
}

TEST_P(Architectures, SameBitsInEveryWay) {
  const auto tokens = TinyTokens(kTokens);
  const auto reference = Logits(*Load(1, "portable"), tokens, kTokens, false);
  for (const Kernels* tier : SupportedKernels()) {
    for (const uint32_t threads : {1u, 2u, 3u}) {
      const auto model = Load(threads, tier->name);
      ASSERT_TRUE(model);
      for (const size_t chunk : {1u, 17u, 64u, kTokens}) {
        const auto got = Logits(*model, tokens, chunk, threads != 1);
        ASSERT_EQ(got.size(), reference.size());
        ASSERT_EQ(std::memcmp(got.data(), reference.data(), got.size() * sizeof(float)), 0)
            << tier->name << ", " << threads << " threads, " << chunk << " tokens per step";
      }
    }
  }
}

// GPT-2 was published with names that lack "transformer.".
TEST(Directories, NamesMayLackTheirFirstWord) {
  const TinyDirectory tiny(std::filesystem::path(kGoldens) / "gpt2.json");
  const auto folder =
      std::filesystem::temp_directory_path() / ("ingle-names-" + std::to_string(::getpid()));
  std::vector<std::vector<float>> logits;
  for (const std::string_view left_out : {"", "transformer."}) {
    tiny.Write(folder, left_out);
    const auto loaded = LoadModel(folder.string(), ModelOptions{});
    ASSERT_TRUE(loaded) << loaded.error().message;
    const auto tokens = TinyTokens(9);
    const auto sequence = loaded->model->NewSequence();
    logits.emplace_back(kTinyVocab);
    const Segment segment{sequence.get(), tokens};
    ASSERT_TRUE(loaded->model->Step({&segment, 1}, logits.back()));
  }
  std::filesystem::remove_all(folder);
  EXPECT_EQ(logits[0], logits[1]);
}

TEST(Experts, TiesGoToTheLowestNumberAndABiasOnlyChooses) {
  const ElementwiseKernels& kernels = SupportedKernels().front()->elementwise;
  ExpertsBlueprint experts{.count = 4, .used = 2, .ffn_dim = 1};
  Route routes[2];
  float scores[4] = {1, 2, 2, 2}, room[4];
  ChooseExperts(experts, kernels, {}, scores, room, routes);
  EXPECT_EQ(routes[0].expert, 1u);
  EXPECT_EQ(routes[1].expert, 2u);
  EXPECT_NEAR(routes[0].weight, 0.5, 1e-6);
  experts.sigmoid = true;
  experts.weight_scale = 3;
  float again[4] = {0, 0, 0, 0};
  ChooseExperts(experts, kernels, {0, 0, 0.1f, 0.2f}, again, room, routes);
  EXPECT_EQ(routes[0].expert, 3u);
  EXPECT_EQ(routes[1].expert, 2u);
  EXPECT_NEAR(routes[0].weight, 1.5, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Tiny, Architectures, testing::ValuesIn(TinyDirectory::Goldens(kGoldens)),
                         [](const auto& info) { return TinyTestName(info.param); });

}  // namespace
}  // namespace ingle
