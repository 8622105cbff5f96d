// What a profile counts, against what the loader counts and what can be counted by hand.

#include "model/pass_work.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>

#include "model/test_model.h"
#include "model/tiny_models.h"

namespace ingle {
namespace {

std::unique_ptr<Model> Load(const std::string& path, CacheType cache = CacheType::kBf16) {
  ModelOptions options;
  options.threads = 2;
  options.cache = cache;
  options.cache_tokens = 1024;
  auto loaded = LoadModel(path, options);
  EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
  return loaded ? std::move(loaded->model) : nullptr;
}

// A step of the next `count` tokens of one sequence.
void Step(Model& model, Sequence& sequence, uint32_t count) {
  std::vector<int32_t> tokens(count);
  std::iota(tokens.begin(), tokens.end(), 1);
  std::vector<float> logits(model.info().vocab);
  const Segment segment{&sequence, tokens};
  ASSERT_TRUE(model.Step({&segment, 1}, logits));
}

const PhaseWork& Of(const StepProfile& profile, StepPhase phase) {
  return profile.work[static_cast<size_t>(phase)];
}

// Of all phases but the embedding and attention: the products with weights.
PhaseWork Matrices(const StepProfile& profile) {
  PhaseWork sum;
  for (size_t i = 0; i < kStepPhases; ++i) {
    if (i == static_cast<size_t>(StepPhase::kAttention) || i == 0) continue;
    sum.bytes += profile.work[i].bytes;
    sum.integer_products += profile.work[i].integer_products;
    sum.floating_products += profile.work[i].floating_products;
  }
  return sum;
}

TEST(PassWork, NothingIsCountedUntilAskedFor) {
  const TestFile file(TestModelBytes({}));
  const auto model = Load(file.path());
  ASSERT_TRUE(model);
  const auto sequence = model->NewSequence();
  Step(*model, *sequence, 5);
  const StepProfile& profile = *model->profile();
  for (size_t i = 0; i < kStepPhases; ++i) {
    EXPECT_EQ(profile.work[i].bytes, 0);
    EXPECT_EQ(profile.inputs_seconds[i] + profile.waiting_seconds[i], 0);
    EXPECT_GT(profile.seconds[i], 0);
  }
}

TEST(PassWork, PartsOfAPhaseAreNoMoreThanThePhase) {
  const TestFile file(TestModelBytes({}));
  const auto model = Load(file.path());
  ASSERT_TRUE(model);
  model->ProfileDetails(true);
  const auto sequence = model->NewSequence();
  Step(*model, *sequence, 40);
  const StepProfile& profile = *model->profile();
  double inputs = 0;
  for (size_t i = 0; i < kStepPhases; ++i) {
    EXPECT_LE(profile.inputs_seconds[i] + profile.waiting_seconds[i], profile.seconds[i]) << i;
    inputs += profile.inputs_seconds[i];
  }
  EXPECT_GT(inputs, 0);
}

TEST(PassWork, AStepReadsEveryWeightOnceAndMultipliesWithEachToken) {
  for (const DType type : {DType::kF32, DType::kBF16, DType::kF16, DType::kQ8_0}) {
    TestModelShape shape;
    shape.type = shape.value_type = type;
    const TestFile file(TestModelBytes(shape));
    const auto model = Load(file.path());
    ASSERT_TRUE(model);
    model->ProfileDetails(true);
    const auto sequence = model->NewSequence();
    Step(*model, *sequence, 1);
    const PhaseWork work = Matrices(*model->profile());
    const auto weights = static_cast<double>(model->info().active_parameters);
    const bool whole = type == DType::kQ8_0;
    EXPECT_EQ(work.bytes, static_cast<double>(model->info().active_bytes));
    EXPECT_EQ(work.integer_products, whole ? weights : 0);
    EXPECT_EQ(work.floating_products, whole ? 0 : type == DType::kF16 ? 3 * weights : weights);
  }
}

TEST(PassWork, AttentionCountsWhatEachTokenSees) {
  const TestModelShape shape;
  const TestFile file(TestModelBytes(shape));
  const auto model = Load(file.path());
  ASSERT_TRUE(model);
  const auto sequence = model->NewSequence();
  Step(*model, *sequence, 7);
  model->ProfileDetails(true);
  Step(*model, *sequence, 3);  // They see 8, 9 and 10 tokens.
  const PhaseWork& work = Of(*model->profile(), StepPhase::kAttention);
  EXPECT_EQ(work.floating_products,
            2.0 * (8 + 9 + 10) * shape.heads * shape.head_dim * shape.layers);
  EXPECT_EQ(work.bytes, 2.0 * 10 * shape.kv_heads * shape.head_dim * 2 * shape.layers);
  EXPECT_EQ(work.integer_products, 0);
}

TEST(PassWork, AttentionWithCodesReadsThemAndMultipliesWords) {
  const TestModelShape shape;
  const TestFile file(TestModelBytes(shape));
  const auto model = Load(file.path(), CacheType::kI8);
  ASSERT_TRUE(model);
  model->ProfileDetails(true);
  const auto sequence = model->NewSequence();
  Step(*model, *sequence, 2);
  const PhaseWork& work = Of(*model->profile(), StepPhase::kAttention);
  EXPECT_EQ(work.floating_products, 0);
  EXPECT_EQ(work.integer_products, 2 * 2.0 * (1 + 2) * shape.heads * shape.head_dim * shape.layers);
  EXPECT_EQ(work.bytes, 2.0 * 2 * shape.kv_heads * (shape.head_dim + 2) * shape.layers);
}

TEST(PassWork, AWindowLimitsWhatIsSeen) {
  TestModelShape shape;
  shape.architecture = "phi3";
  shape.window = 4;
  const TestFile file(TestModelBytes(shape));
  const auto model = Load(file.path());
  ASSERT_TRUE(model);
  const auto sequence = model->NewSequence();
  Step(*model, *sequence, 20);
  model->ProfileDetails(true);
  Step(*model, *sequence, 2);
  const PhaseWork& work = Of(*model->profile(), StepPhase::kAttention);
  EXPECT_EQ(work.floating_products, 2.0 * (4 + 4) * shape.heads * shape.head_dim * shape.layers);
  EXPECT_EQ(work.bytes, 2.0 * 5 * shape.kv_heads * shape.head_dim * 2 * shape.layers);
}

TEST(PassWork, ExpertsCountAsManyAsTokensCanGoTo) {
  for (const char* name : {"qwen3moe", "lfm2moe"}) {
    const TinyDirectory tiny(std::string(INGLE_SOURCE_DIR "/tests/parity/architectures/goldens/") +
                             name + ".json");
    const auto folder =
        std::filesystem::temp_directory_path() / ("ingle-work-" + std::to_string(::getpid()));
    tiny.Write(folder);
    const auto model = Load(folder.string());
    std::filesystem::remove_all(folder);
    ASSERT_TRUE(model);
    model->ProfileDetails(true);
    const auto sequence = model->NewSequence();
    Step(*model, *sequence, 1);
    const PhaseWork one = Matrices(*model->profile());
    const ModelInfo& info = model->info();
    EXPECT_NEAR(one.bytes, static_cast<double>(info.active_bytes), 1) << name;
    EXPECT_NEAR(one.floating_products, static_cast<double>(info.active_parameters), 1) << name;
    Step(*model, *sequence, 60);
    const double all = Matrices(*model->profile()).bytes - one.bytes;
    EXPECT_GT(all, one.bytes) << name;
    EXPECT_LE(all, static_cast<double>(info.weight_bytes)) << name;
  }
}

}  // namespace
}  // namespace ingle
