#include "os/mapped_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <string>
#include <thread>

namespace ingle {
namespace {

class FileStamps : public testing::Test {
 protected:
  FileStamps() {
    const int descriptor = ::mkstemp(path_.data());
    EXPECT_EQ(::write(descriptor, "0123456789", 10), 10);
    ::close(descriptor);
  }
  ~FileStamps() override { ::unlink(path_.c_str()); }

  MappedFile Map() const {
    auto file = RegularFile::Open(path_);
    EXPECT_TRUE(file);
    auto map = MappedFile::Map(*file);
    EXPECT_TRUE(map);
    return *std::move(map);
  }

  std::string path_ = "/tmp/ingle_test_XXXXXX";
};

TEST_F(FileStamps, AnUntouchedFileKeepsItsStamp) {
  const MappedFile map = Map();
  EXPECT_EQ(map.stamp().size, 10u);
  EXPECT_EQ(*map.StampNow(), map.stamp());
  EXPECT_EQ(Map().stamp(), map.stamp());
  MappedFile moved = Map();
  moved = Map();
  EXPECT_EQ(*moved.StampNow(), map.stamp());
}

TEST_F(FileStamps, AChangeShowsWhenSizeAndTimeAreTheSame) {
  const MappedFile map = Map();
  if (!map.has_change_times()) GTEST_SKIP() << "the file system of /tmp has no change times";
  struct stat facts;
  ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // Clocks of file systems have steps.
  FILE* file = std::fopen(path_.c_str(), "r+b");
  std::fputs("abc", file);
  std::fclose(file);
  const timespec times[2] = {facts.st_atim, facts.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
  const auto now = map.StampNow();
  EXPECT_EQ(now->size, map.stamp().size);
  EXPECT_EQ(now->modified_ns, map.stamp().modified_ns);
  EXPECT_NE(*now, map.stamp());
}

TEST_F(FileStamps, AnotherFileOfThatNameIsNotTheOneThatWasOpened) {
  const MappedFile map = Map();
  const std::string other = path_ + "-other";
  FILE* file = std::fopen(other.c_str(), "wb");
  std::fputs("0123456789", file);
  std::fclose(file);
  ASSERT_EQ(::rename(other.c_str(), path_.c_str()), 0);
  EXPECT_NE(Map().stamp(), map.stamp());
  EXPECT_EQ(map.StampNow()->inode, map.stamp().inode) << "the one that was opened";
}

TEST_F(FileStamps, WhoMayWriteCounts) {
  EXPECT_TRUE(RegularFile::Open(path_)->IsOnlyOurs());
  ::chmod(path_.c_str(), 0620);
  EXPECT_FALSE(RegularFile::Open(path_)->IsOnlyOurs());
  ::chmod(path_.c_str(), 0644);
  EXPECT_TRUE(RegularFile::Open(path_)->IsOnlyOurs());
  if (::geteuid() != 0) return;
  ASSERT_EQ(::chown(path_.c_str(), 12345, 12345), 0);
  EXPECT_FALSE(RegularFile::Open(path_)->IsOnlyOurs()) << "somebody else's";
}

TEST(FileSystems, ThoseWithoutTimesOfTheirOwnAreNotTrusted) {
  const auto file = RegularFile::Open("/proc/self/status");
  ASSERT_TRUE(file);
  EXPECT_FALSE(MappedFile::Map(*file)->has_change_times());
  EXPECT_FALSE(MappedFile().has_change_times());
  EXPECT_FALSE(MappedFile().StampNow());
}

}  // namespace
}  // namespace ingle
