// Every architecture: a sequence that takes over pages of an earlier one gets the bits that it
// would have computed.

#include <unistd.h>

#include <cstring>

#include "model/model.h"
#include "model/tiny_models.h"

namespace ingle {
namespace {

constexpr char kGoldens[] = INGLE_SOURCE_DIR "/tests/parity/architectures/goldens";
constexpr uint32_t kTokens = 300;  // Pages on both sides of a border between splits of attention.
constexpr uint32_t kPage = 32;

class PrefixReuse : public testing::TestWithParam<std::tuple<std::filesystem::path, CacheType>> {
 protected:
  PrefixReuse() : tiny_(std::get<0>(GetParam())), cache_(std::get<1>(GetParam())) {
    folder_ = std::filesystem::temp_directory_path() /
              ("ingle-reuse-" + std::to_string(::getpid()) + "-" + tiny_.name());
    tiny_.Write(folder_);
  }
  ~PrefixReuse() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Model> Load(uint64_t cache_tokens) const {
    ModelOptions options;
    options.threads = 2;
    options.cache_tokens = cache_tokens;
    options.cache = cache_;
    auto loaded = LoadModel(folder_.string(), options);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
    return loaded ? std::move(loaded->model) : nullptr;
  }
  // Runs what is not in the cache yet, `chunk` tokens per step: logits of those.
  static std::vector<float> Rest(Model& model, Sequence& sequence, std::span<const int32_t> tokens,
                                 size_t chunk) {
    std::vector<float> all;
    while (sequence.length() < tokens.size()) {
      const size_t at = sequence.length();
      const auto part = tokens.subspan(at, std::min(chunk, tokens.size() - at));
      std::vector<float> rows(part.size() * kTinyVocab);
      const Segment segment{&sequence, part, true, false};
      const Status done = model.Step({&segment, 1}, rows);
      EXPECT_TRUE(done) << (done ? "" : done.error().message);
      if (!done) break;
      all.insert(all.end(), rows.begin(), rows.end());
    }
    return all;
  }
  static void ExpectEnd(const std::vector<float>& part, const std::vector<float>& whole) {
    ASSERT_LE(part.size(), whole.size());
    ASSERT_FALSE(part.empty());
    EXPECT_EQ(
        std::memcmp(part.data(), &whole[whole.size() - part.size()], part.size() * sizeof(float)),
        0);
  }
  // A LongRoPE sequence computes its pages again when it grows long, so none is shared.
  bool shares() const { return tiny_.name().find("longrope") == std::string::npos; }

  TinyDirectory tiny_;
  CacheType cache_;
  std::filesystem::path folder_;
};

TEST_P(PrefixReuse, SameBits) {
  const auto model = Load(4096);
  ASSERT_TRUE(model);
  const auto tokens = TinyTokens(kTokens);
  auto other = tokens;
  for (size_t i = 100; i < other.size(); ++i) other[i] = tokens[kTokens - i];
  const auto plain = model->NewSequence(), plain_other = model->NewSequence();
  const auto expected = Rest(*model, *plain, tokens, kTokens);
  const auto expected_other = Rest(*model, *plain_other, other, kTokens);
  const auto reuse = [&](std::string_view scope, std::span<const int32_t> text, uint32_t known,
                         size_t chunk, const std::vector<float>& whole) {
    auto sequence = model->NewSequence();
    EXPECT_EQ(model->Reuse(*sequence, scope, text), shares() ? known : 0) << scope;
    ExpectEnd(Rest(*model, *sequence, text, chunk), whole);
    return sequence;
  };
  auto first = reuse("a", tokens, 0, 33, expected);
  reuse("a", tokens, kTokens / kPage * kPage, 5, expected);  // While the first one is there.
  first.reset();
  reuse("a", tokens, kTokens / kPage * kPage, 1, expected);
  reuse("a", other, 100 / kPage * kPage, 1, expected_other);  // Token by token, as in an answer.
  reuse("a", other, kTokens / kPage * kPage, kTokens, expected_other);
  reuse("b", tokens, 0, kTokens, expected);
  const std::span<const int32_t> whole_pages(tokens.data(), 4 * kPage);
  const auto last = model->NewSequence();
  EXPECT_EQ(model->Reuse(*last, "a", whole_pages), shares() ? 3 * kPage : 0)
      << "one is left to run";
}

TEST_P(PrefixReuse, SameBitsWhenTheCacheIsTooSmallForAll) {
  const auto model = Load(kTokens + kPage);
  ASSERT_TRUE(model);
  const uint64_t free = model->free_cache_tokens();
  std::vector<std::vector<int32_t>> texts(3, TinyTokens(kTokens));
  std::vector<std::vector<float>> expected;
  for (size_t text = 0; text < texts.size(); ++text) {
    for (size_t i = 70 * text; i < kTokens; ++i)
      texts[text][i] = (texts[text][i] + static_cast<int32_t>(text)) % int32_t{kTinyVocab};
    const auto plain = model->NewSequence();
    expected.push_back(Rest(*model, *plain, texts[text], kTokens));
  }
  for (int round = 0; round < 9; ++round) {
    const size_t text = static_cast<size_t>(round * round) % texts.size();
    const auto sequence = model->NewSequence();
    model->Reuse(*sequence, "", texts[text]);
    ExpectEnd(Rest(*model, *sequence, texts[text], 40), expected[text]);
  }
  EXPECT_EQ(model->free_cache_tokens(), free) << "what is kept counts as free";
}

INSTANTIATE_TEST_SUITE_P(Tiny, PrefixReuse,
                         testing::Combine(testing::ValuesIn(TinyDirectory::Goldens(kGoldens)),
                                          testing::Values(CacheType::kAuto, CacheType::kI8)),
                         [](const auto& info) {
                           return TinyTestName(std::get<0>(info.param)) +
                                  (std::get<1>(info.param) == CacheType::kI8 ? "_i8" : "");
                         });

}  // namespace
}  // namespace ingle
