#include "model/loader.h"

#include <gtest/gtest.h>

#include "model/test_model.h"

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

}  // namespace
}  // namespace ingle
