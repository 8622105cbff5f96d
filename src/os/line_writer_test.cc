#include "os/line_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <sstream>
#include <string>

#include "os/unique_fd.h"

namespace ingle {
namespace {

class LineWriterTest : public testing::Test {
 protected:
  LineWriterTest() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    reader_ = UniqueFd(ends[0]);
    writer_ = UniqueFd(ends[1]);
  }
  static std::string Gap(uint64_t dropped) { return "gap " + std::to_string(dropped) + "\n"; }
  // Until a line ends with `last`.
  std::string ReadUntil(const std::string& last) {
    std::string all;
    char piece[4096];
    while (!all.ends_with(last)) {
      const ssize_t bytes = read(reader_.get(), piece, sizeof(piece));
      if (bytes <= 0) break;
      all.append(piece, static_cast<size_t>(bytes));
    }
    return all;
  }
  UniqueFd reader_, writer_;
};

TEST_F(LineWriterTest, WritesLinesInOrder) {
  LineWriter lines(writer_.get(), 1 << 20, Gap);
  std::string all;
  for (int i = 0; i < 200; ++i) {
    lines.Write(std::to_string(i) + "\n");
    all += std::to_string(i) + "\n";
  }
  EXPECT_TRUE(lines.Flush(60'000));
  EXPECT_EQ(ReadUntil("199\n"), all);
}

TEST_F(LineWriterTest, WhatNobodyReadsIsDroppedOldestFirstAndCounted) {
  constexpr int kLines = 3000;
  // Less than what waits, so that it is full even when the writing thread has not run before.
  ASSERT_GT(fcntl(writer_.get(), F_SETPIPE_SZ, 4096), 0);
  LineWriter lines(writer_.get(), 64 << 10, Gap);
  const std::string padding(200, '.');
  for (int i = 0; i < kLines; ++i) lines.Write(padding + std::to_string(i) + "\n");
  EXPECT_FALSE(lines.Flush(50)) << "the pipe is full";
  const std::string all = ReadUntil(padding + std::to_string(kLines - 1) + "\n");
  EXPECT_TRUE(lines.Flush(60'000));
  int next = 0, read = 0, dropped = 0;
  std::istringstream reader(all);
  for (std::string line; std::getline(reader, line);) {
    const bool gap = line.starts_with("gap ");
    const int number = std::stoi(line.substr(gap ? 4 : padding.size()));
    if (!gap) {
      ASSERT_EQ(number, next) << "in order, and what is missing was counted before it";
    }
    (gap ? dropped : read) += gap ? number : 1;
    next += gap ? number : 1;
  }
  EXPECT_EQ(next, kLines) << "every line is there or counted";
  EXPECT_GT(dropped, 0);
  EXPECT_GT(read, 300);
}

TEST_F(LineWriterTest, ALineLargerThanTheRoomIsOnlyCounted) {
  LineWriter lines(writer_.get(), 10, Gap);
  lines.Write("longer than that\n");
  EXPECT_TRUE(lines.Flush(60'000));
  EXPECT_EQ(ReadUntil("\n"), "gap 1\n");
}

TEST_F(LineWriterTest, AReaderThatIsGoneHoldsUpNothing) {
  signal(SIGPIPE, SIG_IGN);
  LineWriter lines(writer_.get(), 1 << 20, Gap);
  reader_ = UniqueFd();
  for (int i = 0; i < 10; ++i) lines.Write("x\n");
  EXPECT_TRUE(lines.Flush(60'000));
}

TEST_F(LineWriterTest, TheEndDoesNotWaitForTheReader) {
  LineWriter lines(writer_.get(), 1 << 20, Gap);
  lines.Write(std::string(200 << 10, 'x') + "\n");
  EXPECT_FALSE(lines.Flush(50)) << "and its destruction ends";
}

}  // namespace
}  // namespace ingle
