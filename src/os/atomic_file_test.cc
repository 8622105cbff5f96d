#include "os/atomic_file.h"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

namespace ingle {
namespace {

namespace fs = std::filesystem;

class AtomicFiles : public testing::Test {
 protected:
  AtomicFiles() {
    std::string path = "/tmp/ingle_test_XXXXXX";
    folder_ = ::mkdtemp(path.data());
  }
  ~AtomicFiles() override { fs::remove_all(folder_); }

  std::string PathOf(std::string_view name) const { return folder_ + "/" + std::string(name); }
  static std::string Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static Status Write(AtomicFile& file, std::string_view text) {
    return file.Write(std::as_bytes(std::span(text)));
  }
  size_t Files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }

  std::string folder_;
};

TEST_F(AtomicFiles, AppearsWhenItIsComplete) {
  auto file = AtomicFile::Create(PathOf("a"), false, 1000);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(Write(*file, "one"));
  AtomicFile moved = std::move(*file);
  EXPECT_TRUE(Write(moved, " two"));
  EXPECT_FALSE(fs::exists(PathOf("a")));
  EXPECT_TRUE(fs::exists(moved.temporary_path()));
  EXPECT_EQ(moved.size(), 7u);
  ASSERT_TRUE(moved.Commit());
  EXPECT_EQ(Read(PathOf("a")), "one two");  // And nothing of what was reserved.
  EXPECT_EQ(Files(), 1u);
}

TEST_F(AtomicFiles, LeavesNothingWhenItIsGivenUp) {
  {
    auto file = AtomicFile::Create(PathOf("a"), false);
    ASSERT_TRUE(file);
    EXPECT_TRUE(Write(*file, "part"));
  }
  EXPECT_EQ(Files(), 0u);
}

TEST_F(AtomicFiles, ReplacesOnlyWhenAllowed) {
  std::ofstream(PathOf("a")) << "old";
  const auto refused = AtomicFile::Create(PathOf("a"), false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().id, "output_exists");
  EXPECT_NE(refused.error().message.find("--force"), std::string::npos);
  auto file = AtomicFile::Create(PathOf("a"), true);
  ASSERT_TRUE(file);
  EXPECT_TRUE(Write(*file, "new"));
  EXPECT_EQ(Read(PathOf("a")), "old");
  ASSERT_TRUE(file->Commit());
  EXPECT_EQ(Read(PathOf("a")), "new");
}

TEST_F(AtomicFiles, AFileThatAppearsMeanwhileStays) {
  auto file = AtomicFile::Create(PathOf("a"), false);
  ASSERT_TRUE(file);
  std::ofstream(PathOf("a")) << "other";
  const Status done = file->Commit();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().id, "output_exists");
  EXPECT_EQ(Read(PathOf("a")), "other");
}

TEST_F(AtomicFiles, ALinkKeepsLeadingToTheFile) {
  std::ofstream(PathOf("real")) << "old";
  fs::create_symlink(PathOf("real"), PathOf("link"));
  auto file = AtomicFile::Create(PathOf("link"), true);
  ASSERT_TRUE(file);
  EXPECT_TRUE(Write(*file, "new"));
  ASSERT_TRUE(file->Commit());
  EXPECT_TRUE(fs::is_symlink(PathOf("link")));
  EXPECT_EQ(Read(PathOf("real")), "new");
}

TEST_F(AtomicFiles, APrivateFileIsForThisUserAndHasNoNameBefore) {
  std::ofstream(PathOf("a")) << "old";
  {
    auto first = AtomicFile::CreatePrivate(PathOf("a"), 1000),
         second = AtomicFile::CreatePrivate(PathOf("a"), 0),
         third = AtomicFile::CreatePrivate(PathOf("b"), 0);
    ASSERT_TRUE(first && second && third);
    EXPECT_TRUE(Write(*first, "first") && Write(*second, "second") && Write(*third, "third"));
    EXPECT_TRUE(!first->temporary_path().empty() || Files() == 1) << "a killed one leaves nothing";
    EXPECT_EQ(Read(PathOf("a")), "old");
    ASSERT_TRUE(first->Commit());
    EXPECT_EQ(Read(PathOf("a")), "first");
    ASSERT_TRUE(second->Commit());
  }
  EXPECT_EQ(Read(PathOf("a")), "second");
  EXPECT_EQ(Files(), 1u) << "what was given up is gone";
  struct stat facts;
  ASSERT_EQ(::stat(PathOf("a").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777u, 0600u);
  const auto nowhere = AtomicFile::CreatePrivate(PathOf("no/folder"), 0);
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message.find("no/folder"), std::string::npos);
  EXPECT_FALSE(AtomicFile::CreatePrivate(folder_, 0)) << "a directory";
}

TEST_F(AtomicFiles, TwoWritersDoNotMeet) {
  auto first = AtomicFile::Create(PathOf("a"), true),
       second = AtomicFile::Create(PathOf("a"), true);
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->temporary_path(), second->temporary_path());
}

TEST_F(AtomicFiles, WhatIsNoFileStays) {
  const auto refused = [](const std::string& path, std::string_view word) {
    const auto file = AtomicFile::Create(path, true);
    ASSERT_FALSE(file) << path;
    EXPECT_NE(file.error().message.find(word), std::string::npos) << file.error().message;
  };
  ASSERT_EQ(::mkfifo(PathOf("fifo").c_str(), 0600), 0);
  refused(PathOf("fifo"), "not a regular file");
  refused("/dev/null", "not a regular file");
  refused(folder_, "is a directory");
  refused("", "empty");
  refused(std::string("a\0b", 3), "NUL");
  refused(PathOf("missing/folder/a"), "No such file");
}

// A limit on the size of files stands in for a full disk.
TEST_F(AtomicFiles, NoRoomIsAnErrorAndLeavesNothing) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 4096;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto known = AtomicFile::Create(PathOf("a"), false, 8192);
  const auto absurd = AtomicFile::Create(PathOf("b"), false, ~uint64_t{0});
  Status written;
  {
    auto unknown = AtomicFile::Create(PathOf("c"), false);
    if (unknown) written = Write(*unknown, std::string(8192, 'x'));
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(known);
  EXPECT_EQ(known.error().id, "cannot_write");
  EXPECT_NE(known.error().message.find("File too large"), std::string::npos);
  EXPECT_FALSE(absurd);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find(PathOf("c")), std::string::npos);
  EXPECT_EQ(Files(), 0u);
}

// A file system in memory says at once that it cannot hold more than it may, and nothing is lost by
// asking; disks would fill up first.
TEST_F(AtomicFiles, AFullDiskIsNamedWithTheRoomThatIsLeft) {
  constexpr char kMemory[] = "/dev/shm";
  struct statfs facts{};
  if (::statfs(kMemory, &facts) != 0 || facts.f_type != TMPFS_MAGIC || facts.f_blocks == 0)
    GTEST_SKIP() << kMemory << " is no file system in memory with a limit: NOT TESTED HERE";
  std::string folder = std::string(kMemory) + "/ingle_test_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const uint64_t room = uint64_t{facts.f_blocks} * static_cast<uint64_t>(facts.f_bsize);
  const auto file = AtomicFile::Create(folder + "/a", false, 2 * room);
  const bool empty = fs::is_empty(folder);
  fs::remove_all(folder);
  ASSERT_FALSE(file);
  EXPECT_TRUE(empty);
  EXPECT_EQ(file.error().id, "cannot_write");
  EXPECT_TRUE(file.error().message.starts_with("cannot write " + folder + "/a: No space left"))
      << file.error().message;
  EXPECT_NE(file.error().message.find(" MiB are free there. What was written is removed."),
            std::string::npos)
      << file.error().message;
}

}  // namespace
}  // namespace ingle
