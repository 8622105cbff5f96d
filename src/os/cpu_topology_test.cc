#include "os/cpu_topology.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace ingle {
namespace {

class GroupFolders : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "/cgroup_" + std::to_string(::getpid());
    std::filesystem::create_directories(root_ + "/a/b");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void Write(const std::string& file, const std::string& text) {
    std::ofstream(root_ + file) << text << "\n";
  }
  std::string root_;
};

TEST_F(GroupFolders, NoFilesMeanNoQuota) { EXPECT_EQ(GroupQuota(root_, "/a/b"), 0U); }

TEST_F(GroupFolders, MaxMeansNoQuota) {
  Write("/a/b/cpu.max", "max 100000");
  EXPECT_EQ(GroupQuota(root_, "/a/b"), 0U);
}

TEST_F(GroupFolders, RoundsUpAndTakesTheSmallestOfAllParents) {
  Write("/a/b/cpu.max", "350000 100000");
  EXPECT_EQ(GroupQuota(root_, "/a/b"), 4U);
  Write("/a/cpu.max", "150000 100000");
  EXPECT_EQ(GroupQuota(root_, "/a/b"), 2U);
  Write("/cpu.max", "1000 100000");
  EXPECT_EQ(GroupQuota(root_, "/a/b"), 1U);
}

TEST_F(GroupFolders, OldHierarchy) {
  Write("/a/cpu.cfs_quota_us", "-1");
  Write("/a/cpu.cfs_period_us", "100000");
  EXPECT_EQ(GroupQuota(root_, "/a"), 0U);
  Write("/a/cpu.cfs_quota_us", "250000");
  EXPECT_EQ(GroupQuota(root_, "/a"), 3U);
}

TEST_F(GroupFolders, NonsenseMeansNoQuota) {
  Write("/a/cpu.max", "rubbish");
  EXPECT_EQ(GroupQuota(root_, "/a"), 0U);
  EXPECT_EQ(GroupQuota(root_, ""), 0U);
  EXPECT_EQ(GroupQuota(root_, "/"), 0U);
}

TEST(CpuTopology, RespectsAffinity) {
  EXPECT_GE(UsableCpus(), 1U);
  EXPECT_LE(UsableCores(), UsableCpus());
  std::thread pinned([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(UsableCpus(), 1U);
    EXPECT_EQ(UsableCores(), 1U);
  });
  pinned.join();
}

}  // namespace
}  // namespace ingle
