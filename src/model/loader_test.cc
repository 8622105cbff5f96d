#include "model/loader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "model/test_model.h"
#include "model/tiny_models.h"

namespace ingle {
namespace {

TEST(Loader, TellsHowFarPackingIsInOrderAndToTheLastByte) {
  TestModelShape shape;
  shape.vocab = 8192;  // The embedding is larger than one chunk.
  shape.width = 96;
  const TestFile file(TestModelBytes(shape));
  std::vector<LoadProgress> told;
  ModelOptions options;
  options.threads = 3;
  options.on_load_progress = [&told](LoadProgress progress) { told.push_back(progress); };
  const auto loaded = LoadModel(file.path(), options);
  ASSERT_TRUE(loaded) << loaded.error().message;
  ASSERT_GT(told.size(), 4u);
  EXPECT_EQ(told.front().bytes_done, 0u) << "the total is known before the first byte";
  for (size_t i = 1; i < told.size(); ++i) {
    EXPECT_GT(told[i].bytes_done, told[i - 1].bytes_done);
    EXPECT_EQ(told[i].bytes_total, told[0].bytes_total);
  }
  EXPECT_EQ(told.back().bytes_done, told.back().bytes_total);
  EXPECT_GE(loaded->model->info().weight_bytes, told.back().bytes_total) << "but for alignment";
}

TEST(Loader, AStepCountsItsWork) {
  const TestFile file(TestModelBytes({}));
  const auto loaded = LoadModel(file.path(), {});
  ASSERT_TRUE(loaded) << loaded.error().message;
  Model& model = *loaded->model;
  const auto sequence = model.NewSequence();
  const std::vector<int32_t> tokens{1, 2, 3};
  std::vector<float> logits(model.info().vocab);
  const Segment segment{sequence.get(), tokens};
  const uint64_t before = model.progress();
  ASSERT_TRUE(model.Step({&segment, 1}, logits));
  EXPECT_GE(model.progress() - before, uint64_t{5} * model.info().layers)
      << "several times per layer, so that a slow step is told from one that stands still";
}

TEST(Loader, CountsWhatATokenIsMultipliedWith) {
  const TinyDirectory tiny(INGLE_SOURCE_DIR "/tests/parity/architectures/goldens/qwen3moe.json");
  const auto folder =
      std::filesystem::temp_directory_path() / ("ingle-active-" + std::to_string(::getpid()));
  tiny.Write(folder);
  const auto loaded = LoadModel(folder.string(), {});
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const ModelInfo& info = loaded->model->info();
  const uint64_t attention = 2 * 64 * 64 + 2 * 32 * 64, head = kTinyVocab * 64;
  const uint64_t expert = 3 * 32 * 64;  // 8 of them, and 3 for a token.
  EXPECT_EQ(info.active_parameters, 3 * (attention + 3 * expert) + head);
  EXPECT_EQ(info.active_bytes, info.active_parameters * sizeof(float));
  const uint64_t embedding = head;
  EXPECT_GT(info.parameters, 3 * (attention + 8 * expert) + head + embedding);
}

}  // namespace
}  // namespace ingle
