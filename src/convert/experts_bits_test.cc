// Mixtures of experts with weights of every kind of arithmetic: tokens go through an expert
// together, and still the logits are the same bits however a text is cut, batched and threaded.

#include <cstring>

#include "convert/test_model.h"
#include "kernels/dispatch.h"
#include "model/model.h"

namespace ingle {
namespace {

constexpr uint32_t kTokens = 300;  // More of one expert's than go through it together.

struct Way {
  std::string tier;
  uint32_t threads;
  size_t chunk;
  bool neighbour;
};

// [tokens, vocab]
std::vector<float> Logits(Model& model, const Way& way) {
  const std::vector<int32_t> all = TinyTokens(kTokens);
  const std::span<const int32_t> tokens(all);
  const auto own = model.NewSequence(), other = model.NewSequence();
  std::vector<float> logits;
  for (size_t at = 0; at < kTokens; at += way.chunk) {
    const auto part = tokens.subspan(at, std::min<size_t>(way.chunk, kTokens - at));
    std::vector<Segment> segments{{own.get(), part, true, false}};
    if (way.neighbour) segments.insert(segments.begin(), {other.get(), part, false, true});
    std::vector<float> rows(part.size() * kTinyVocab);
    EXPECT_TRUE(model.Step(segments, rows));
    logits.insert(logits.end(), rows.begin(), rows.end());
  }
  return logits;
}

std::vector<float> RunOnce(const std::string& file, const Way& way) {
  ModelOptions options;
  options.threads = way.threads;
  options.force_isa = way.tier;
  options.cache_tokens = 1024;
  const auto loaded = LoadModel(file, options);
  EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
  return loaded ? Logits(*loaded->model, way) : std::vector<float>();
}

class ExpertsBits : public testing::TestWithParam<const char*> {};

TEST_P(ExpertsBits, AreTheSameInEveryWay) {
  const TinyModel tiny(GetParam());
  for (const std::string type : {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q6_K"}) {
    const std::string file = tiny.PathOf(type + ".gguf");
    ConvertOptions options;
    options.type = FindFileType(type);
    ASSERT_TRUE(ConvertDirectory(tiny.path(), file, options));
    const std::vector<float> reference = RunOnce(file, {"portable", 1, kTokens, false});
    ASSERT_EQ(reference.size(), size_t{kTokens} * kTinyVocab);
    for (const Kernels* tier : SupportedKernels()) {
      for (const Way& way : {Way{tier->name, 1, 1, false}, Way{tier->name, 2, 7, true},
                             Way{tier->name, 3, 64, true}, Way{tier->name, 2, kTokens, false}}) {
        const std::vector<float> logits = RunOnce(file, way);
        ASSERT_EQ(logits.size(), reference.size());
        EXPECT_EQ(std::memcmp(logits.data(), reference.data(), logits.size() * sizeof(float)), 0)
            << type << ", " << tier->name << ", " << way.threads << " threads, " << way.chunk
            << " tokens a step";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, ExpertsBits, testing::Values("qwen3moe", "lfm2moe"));

}  // namespace
}  // namespace ingle
