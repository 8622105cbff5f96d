#include "wire/report_pipe.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "wire/codec.h"

namespace ingle {
namespace {

class ReportPipeTest : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    raw_ = ends[0];
    here_ = ReportPipe(UniqueFd(ends[0]));
    there_ = ReportPipe(UniqueFd(ends[1]));
  }
  static std::string Frame(const std::string& message) { return "...." + message; }

  int raw_ = -1;
  ReportPipe here_, there_;
};

TEST_F(ReportPipeTest, MessagesOfAnySizeArriveInOrder) {
  const std::vector<size_t> sizes = {
      0, 1, 5, 65531, 65532, 65533, 3'000'000, 2, kMaxToGatewayBytes};
  std::thread sender([&] {
    for (size_t size : sizes) {
      std::string frame = Frame(std::string(size, static_cast<char>(size % 251)));
      EXPECT_TRUE(here_.Send(&frame));
    }
    here_.Stop();
  });
  std::string_view message;
  for (size_t size : sizes) {
    ASSERT_TRUE(there_.Receive(&message));
    ASSERT_EQ(message, std::string(size, static_cast<char>(size % 251)));
  }
  EXPECT_FALSE(there_.Receive(&message));
  sender.join();
}

TEST_F(ReportPipeTest, ManyMessagesOfOneReadAreToldApart) {
  ASSERT_EQ(write(raw_, "\2\0\0\0ab\0\0\0\0\1\0\0\0c\5\0\0\0cut", 20), 20);
  here_.Stop();
  std::string_view message;
  for (const char* expected : {"ab", "", "c"}) {
    ASSERT_TRUE(there_.Receive(&message));
    EXPECT_EQ(message, expected);
  }
  EXPECT_FALSE(there_.Receive(&message)) << "cut short";
}

TEST_F(ReportPipeTest, WhatIsTooLargeIsNeitherSentNorBelieved) {
  std::string frame = Frame(std::string(kMaxToGatewayBytes + 1, 'x'));
  EXPECT_FALSE(here_.Send(&frame));
  ASSERT_EQ(write(raw_, "\1\0\0\1", 4), 4);  // 2^24 + 1.
  std::string_view message;
  EXPECT_FALSE(there_.Receive(&message)) << "without waiting for so much";
}

TEST_F(ReportPipeTest, StopEndsAWaitingSenderAndReader) {
  std::thread sender([&] {
    std::string frame = Frame(std::string(1 << 20, 'x'));
    while (here_.Send(&frame)) {
    }
  });
  std::string_view message;
  EXPECT_TRUE(there_.Receive(&message));
  here_.Stop();
  sender.join();
  while (there_.Receive(&message)) {
  }
}

}  // namespace
}  // namespace ingle
