#include "model/pack_cache.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "model/test_model.h"
#include "model/tiny_models.h"

namespace ingle {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWrote = "wrote the pack cache";
constexpr std::string_view kFromCache = " the weights from the pack cache";

class PackCaches : public testing::Test {
 protected:
  PackCaches() {
    std::string path = "/tmp/ingle_test_XXXXXX";
    folder_ = ::mkdtemp(path.data());
    options_.threads = 2;
    options_.pack_cache.directory = (folder_ / "cache").string();
    options_.pack_cache.settle_ms = 0;
    options_.pack_cache.tell = [this](bool warning, const std::string& message) {
      std::lock_guard lock(mutex_);
      const bool wait = message.starts_with("waiting until");
      (warning && !wait ? warnings_ : news_) += message + "\n";
    };
  }
  ~PackCaches() override { fs::remove_all(folder_); }

  // Of a step; the cache is written when it returns.
  std::vector<float> Logits(const std::string& path) {
    warnings_.clear();
    news_.clear();
    const auto loaded = LoadModel(path, options_);
    EXPECT_TRUE(loaded) << loaded.error().message;
    if (!loaded) return {};
    Model& model = *loaded->model;
    const auto sequence = model.NewSequence();
    const std::vector<int32_t> tokens{1, 2, 3, 4, 5};
    std::vector<float> logits(model.info().vocab);
    const Segment segment{sequence.get(), tokens};
    EXPECT_TRUE(model.Step({&segment, 1}, logits));
    return logits;
  }
  // Without any cache.
  static std::vector<float> Plain(const std::string& path) {
    ModelOptions options;
    options.threads = 2;
    const auto loaded = LoadModel(path, options);
    EXPECT_TRUE(loaded) << loaded.error().message;
    if (!loaded) return {};
    const auto sequence = loaded->model->NewSequence();
    const std::vector<int32_t> tokens{1, 2, 3, 4, 5};
    std::vector<float> logits(loaded->model->info().vocab);
    const Segment segment{sequence.get(), tokens};
    EXPECT_TRUE(loaded->model->Step({&segment, 1}, logits));
    return logits;
  }

  bool Wrote() const { return news_.find(kWrote) != std::string::npos; }
  bool FromCache() const { return news_.find(kFromCache) != std::string::npos; }
  bool Warned(std::string_view words) const { return warnings_.find(words) != std::string::npos; }

  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(options_.pack_cache.directory))
      files.push_back(entry.path());
    return files;
  }
  // A byte of the only file there is, from its end.
  void Damage(uint64_t offset, bool from_end) const {
    ASSERT_EQ(Files().size(), 1u);
    std::fstream file(Files()[0], std::ios::in | std::ios::out | std::ios::binary);
    const auto at =
        static_cast<std::streamoff>(from_end ? fs::file_size(Files()[0]) - offset : offset);
    file.seekg(at);
    const auto byte = static_cast<char>(file.get() ^ 4);
    file.seekp(at);
    file.put(byte);
  }
  // Fill the cache, and see that it is used.
  void Prepare(const std::string& path) {
    Logits(path);
    ASSERT_TRUE(Wrote()) << warnings_;
    ASSERT_EQ(warnings_, "");
    Logits(path);
    ASSERT_TRUE(FromCache()) << warnings_;
  }
  // A file whose damage is found, named, and repaired.
  void ExpectAnew(const std::string& path, std::string_view reason) {
    EXPECT_EQ(Logits(path), Plain(path));
    EXPECT_TRUE(Warned(reason)) << warnings_;
    EXPECT_TRUE(Warned("made anew")) << warnings_;
    EXPECT_FALSE(FromCache());
    EXPECT_TRUE(Wrote()) << warnings_;
    EXPECT_EQ(Logits(path), Plain(path));
    EXPECT_TRUE(FromCache());
    EXPECT_EQ(warnings_, "");
  }

  fs::path folder_;
  ModelOptions options_;
  std::mutex mutex_;
  std::string warnings_, news_;
};

TestModelShape Shape(DType type, uint32_t seed = 1) {
  TestModelShape shape;
  shape.type = type;
  shape.value_type = type;
  shape.width = 256;
  shape.ffn = 512;
  shape.heads = 8;
  shape.head_dim = 32;
  shape.vocab = 600;
  shape.seed = seed;
  return shape;
}

TEST_F(PackCaches, TheSecondStartReadsTheSameBits) {
  for (const DType type : {DType::kQ4_K, DType::kQ8_0, DType::kBF16, DType::kF32}) {
    const TestFile file(TestModelBytes(Shape(type)));
    const std::vector<float> plain = Plain(file.path());
    EXPECT_EQ(Logits(file.path()), plain);
    EXPECT_TRUE(Wrote() && !FromCache()) << warnings_;
    EXPECT_EQ(Logits(file.path()), plain);
    EXPECT_TRUE(FromCache() && !Wrote()) << warnings_;
    EXPECT_EQ(warnings_, "");
  }
  ASSERT_EQ(Files().size(), 4u) << "one of each, and nothing else";
  for (const fs::path& path : Files()) {
    struct stat facts;
    ASSERT_EQ(::stat(path.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777u, 0600u);
    EXPECT_TRUE(IsPackFileName(path.filename().string())) << path;
  }
}

// Experts, act-order of GPTQ, AWQ, transposed and fused weights: all that is not packed as it lies.
TEST_F(PackCaches, DirectoriesToo) {
  const fs::path goldens = INGLE_SOURCE_DIR "/tests/parity/architectures/goldens";
  for (const fs::path& golden : TinyDirectory::Goldens(goldens)) {
    const TinyDirectory tiny(golden);
    const fs::path folder = folder_ / tiny.name();
    tiny.Write(folder);
    const std::vector<float> plain = Plain(folder.string());
    EXPECT_EQ(Logits(folder.string()), plain) << tiny.name();
    EXPECT_TRUE(Wrote()) << tiny.name() << warnings_;
    EXPECT_EQ(Logits(folder.string()), plain) << tiny.name();
    EXPECT_TRUE(FromCache()) << tiny.name() << warnings_;
  }
}

TEST_F(PackCaches, ProgressReachesTheLastByteFromTheCacheToo) {
  const TestFile file(TestModelBytes(Shape(DType::kBF16)));
  Prepare(file.path());
  std::vector<LoadProgress> told;
  options_.on_load_progress = [&told](LoadProgress progress) { told.push_back(progress); };
  Logits(file.path());
  ASSERT_GE(told.size(), 2u);
  EXPECT_EQ(told.front().bytes_done, 0u);
  EXPECT_EQ(told.back().bytes_done, told.back().bytes_total);
}

TEST_F(PackCaches, AChangeThatKeepsSizeAndTimeIsSeen) {
  const TestFile file(TestModelBytes(Shape(DType::kQ8_0)));
  Prepare(file.path());
  const auto time = fs::last_write_time(file.path());
  const std::vector<float> before = Plain(file.path());
  {
    // In the middle of a matrix, away from every sample.
    std::fstream bytes(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    const auto at = static_cast<std::streamoff>(fs::file_size(file.path()) / 64 * 33);
    bytes.seekp(at);
    bytes.write("other weights, and as many", 26);
  }
  fs::last_write_time(file.path(), time);
  ASSERT_NE(Plain(file.path()), before);
  ExpectAnew(file.path(), "before the model's files changed");
}

TEST_F(PackCaches, AFileThatChangedAMomentAgoIsNotCachedYet) {
  const TestFile file(TestModelBytes(Shape(DType::kQ8_0)));
  options_.pack_cache.settle_ms = 3'600'000;
  EXPECT_EQ(Logits(file.path()), Plain(file.path()));
  EXPECT_TRUE(Warned("changed a moment ago")) << warnings_;
  EXPECT_TRUE(Files().empty());
}

TEST_F(PackCaches, AFileThatChangesWhileItIsLoadedIsNotCached) {
  const TestFile file(TestModelBytes(Shape(DType::kQ8_0)));
  bool touched = false;
  options_.on_load_progress = [&](LoadProgress) {
    if (!std::exchange(touched, true)) fs::last_write_time(file.path(), fs::file_time_type());
  };
  Logits(file.path());
  EXPECT_TRUE(Warned("has changed while it was loaded")) << warnings_;
  EXPECT_TRUE(Files().empty());
}

TEST_F(PackCaches, EveryDamageIsNamedAndRepaired) {
  const TestFile file(TestModelBytes(Shape(DType::kQ8_0)));
  Prepare(file.path());
  Damage(3, false);
  ExpectAnew(file.path(), "no pack cache of this version");
  Damage(30, false);
  ExpectAnew(file.path(), "head fails its checksum");
  Damage(1, true);
  ExpectAnew(file.path(), "weights fail a checksum");
  Damage(100'000, true);
  ExpectAnew(file.path(), "weights fail a checksum");
  fs::resize_file(Files()[0], fs::file_size(Files()[0]) - 1);
  ExpectAnew(file.path(), "truncated");
  fs::resize_file(Files()[0], 10);
  ExpectAnew(file.path(), "truncated");
  fs::permissions(Files()[0], fs::perms::all);
  ExpectAnew(file.path(), "written by others");
}

// Whole and of this model, but for the weights: as a fault in packing would leave it.
TEST_F(PackCaches, WeightsThatAreNotTheModelsAreRefused) {
  const TestFile file(TestModelBytes(Shape(DType::kQ8_0)));
  Prepare(file.path());
  const std::string path = Files()[0].string();
  PackHead head;
  {
    std::ifstream bytes(path, std::ios::binary);
    uint64_t words[7];
    bytes.read(reinterpret_cast<char*>(words), sizeof words);
    head = {{words[2], words[3]}, {words[4], words[5]}, words[6], {}};
  }
  fs::remove(path);
  std::vector<std::byte> weights(head.weight_bytes);
  {
    const PackWriting writing(path, head, weights, options_.pack_cache);
  }
  ExpectAnew(file.path(), "does not hold what the model's files do");
}

TEST_F(PackCaches, ANameThatIsNoFileIsLeftAlone) {
  const TestFile file(TestModelBytes(Shape(DType::kQ8_0)));
  Prepare(file.path());
  const fs::path path = Files()[0];
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_EQ(Logits(file.path()), Plain(file.path()));
  EXPECT_TRUE(Warned("is a directory") && !Wrote()) << warnings_;
}

TEST_F(PackCaches, FoldersThatCannotBeUsedAreNamedAndNothingElseHappens) {
  const TestFile file(TestModelBytes(Shape(DType::kQ8_0)));
  const std::vector<float> plain = Plain(file.path());
  const auto refused = [&](const fs::path& folder, std::string_view reason) {
    options_.pack_cache.directory = folder.string();
    EXPECT_EQ(Logits(file.path()), plain);
    EXPECT_TRUE(Warned(reason)) << warnings_;
    EXPECT_FALSE(Wrote());
  };
  std::ofstream(folder_ / "file") << "x";
  refused(folder_ / "file", "is not a folder");
  refused(folder_ / "file" / "below", "cannot make the folder");
  fs::create_directory(folder_ / "open");
  fs::permissions(folder_ / "open", fs::perms::all);
  refused(folder_ / "open", "others may write");
  refused("/dev/fd", "without a pack cache");
  options_.pack_cache.directory = (folder_ / "new" / "and" / "deep").string();
  Logits(file.path());
  EXPECT_TRUE(Wrote()) << warnings_;
}

TEST_F(PackCaches, NoRoomIsToldAndTheModelRuns) {
  const TestFile file(TestModelBytes(Shape(DType::kQ8_0)));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 4096;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::vector<float> logits = Logits(file.path());
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(logits, Plain(file.path()));
  EXPECT_TRUE(Warned("File too large")) << warnings_;
  EXPECT_TRUE(Files().empty());
  options_.pack_cache.bytes_max = 1000;
  Logits(file.path());
  EXPECT_TRUE(Warned("--pack-cache-gb")) << warnings_;
  EXPECT_TRUE(Files().empty());
}

TEST_F(PackCaches, TheModelsUnusedForLongestMakeRoom) {
  const TestFile a(TestModelBytes(Shape(DType::kQ8_0, 1))),
      b(TestModelBytes(Shape(DType::kQ8_0, 2))), c(TestModelBytes(Shape(DType::kQ8_0, 3)));
  Prepare(a.path());
  const fs::path first = Files()[0];
  std::ofstream(fs::path(options_.pack_cache.directory) / "notes.pack") << "not ours";
  options_.pack_cache.bytes_max = fs::file_size(first) * 5 / 2;
  Logits(b.path());
  EXPECT_EQ(Files().size(), 3u);
  const auto hour = std::chrono::hours(1);
  for (const fs::path& path : Files())
    fs::last_write_time(path, fs::last_write_time(path) - (path == first ? 2 * hour : hour));
  Logits(a.path());  // Used now; b was not for an hour.
  ASSERT_TRUE(FromCache());
  Logits(c.path());
  EXPECT_TRUE(Wrote() && news_.find("removed") != std::string::npos) << news_;
  Logits(a.path());
  EXPECT_TRUE(FromCache());
  Logits(c.path());
  EXPECT_TRUE(FromCache());
  Logits(b.path());
  EXPECT_FALSE(FromCache());
  EXPECT_EQ(Files().size(), 3u);
}

TEST_F(PackCaches, ManyFirstLoadsAtOnceAreSafe) {
  const TestFile file(TestModelBytes(Shape(DType::kQ8_0)));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 3; ++turn) EXPECT_TRUE(LoadModel(file.path(), options_));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(warnings_, "");
  EXPECT_EQ(Files().size(), 1u);
  EXPECT_EQ(Logits(file.path()), Plain(file.path()));
  EXPECT_TRUE(FromCache());
}

TEST_F(PackCaches, AFileThatAnotherProcessHasWrittenStays) {
  const TestFile file(TestModelBytes(Shape(DType::kQ8_0)));
  Prepare(file.path());
  const auto inode = [&] {
    struct stat facts{};
    EXPECT_EQ(::stat(Files()[0].c_str(), &facts), 0);
    return facts.st_ino;
  };
  const auto before = inode();
  const auto files = OpenModelFiles(file.path());
  const auto plan = PlanModel(*files);
  PackHead head;
  std::ifstream bytes(Files()[0], std::ios::binary);
  uint64_t words[7];
  bytes.read(reinterpret_cast<char*>(words), sizeof words);
  head = {{words[2], words[3]}, {words[4], words[5]}, words[6], {}};
  std::vector<std::byte> weights(head.weight_bytes);
  {
    const PackWriting writing(Files()[0].string(), head, weights, options_.pack_cache);
  }
  EXPECT_EQ(inode(), before);
}

TEST(PackFileName, IsADigest) {
  EXPECT_TRUE(IsPackFileName("0123456789abcdef0123456789abcdef.pack"));
  for (const char* other : {"", ".pack", "0123456789abcdef0123456789abcdeg.pack",
                            "0123456789abcdef0123456789abcdef.part", "notes.pack",
                            "0123456789abcdef0123456789abcdef0.pack"})
    EXPECT_FALSE(IsPackFileName(other)) << other;
}

}  // namespace
}  // namespace ingle
