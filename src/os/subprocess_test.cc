#include "os/subprocess.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "os/unix_socket.h"

namespace ingle {
namespace {

TEST(Subprocess, ReportsExitCodeAndSignal) {
  auto child = Subprocess::Spawn("/bin/sh", {"sh", "-c", "exit 7"});
  ASSERT_TRUE(child) << child.error().message;
  auto status = child->ReapWithin(60'000);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->Describe(), "exited with code 7");

  auto sleeper = Subprocess::Spawn("/bin/sleep", {"sleep", "60"});
  ASSERT_TRUE(sleeper);
  EXPECT_FALSE(sleeper->TryReap());
  sleeper->Signal(SIGKILL);
  status = sleeper->ReapWithin(60'000);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->signal, SIGKILL);
}

TEST(Subprocess, MissingProgramIsAnError) {
  auto child = Subprocess::Spawn("/nonexistent/program", {"program"});
  ASSERT_FALSE(child);
  EXPECT_NE(child.error().message.find("/nonexistent/program"), std::string::npos);
}

TEST(Subprocess, ChildInheritsNoDescriptor) {
  const int leaked = open("/dev/null", O_RDONLY);  // Without O_CLOEXEC, on purpose.
  ASSERT_GE(leaked, 3);
  auto child = Subprocess::Spawn("/bin/sh",
                                 {"sh", "-c", "test ! -e /proc/self/fd/" + std::to_string(leaked)});
  ASSERT_TRUE(child);
  auto status = child->ReapWithin(60'000);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 0);
  close(leaked);
}

TEST(UnixSocket, ChecksThePeerProcess) {
  auto directory = PrivateDirectory::Make("ingle-test");
  ASSERT_TRUE(directory) << directory.error().message;
  const std::string path = directory->path() + "/s";
  auto listener = ListenUnix(path);
  ASSERT_TRUE(listener) << listener.error().message;
  auto wrong = ConnectUnix(path, getpid() + 1);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("not the worker"), std::string::npos);
  EXPECT_TRUE(ConnectUnix(path, getpid()));
  EXPECT_TRUE(AcceptUnix(listener->get(), 1000));
}

TEST(UnixSocket, LongPathsAreNamed) {
  auto result = ListenUnix("/tmp/" + std::string(200, 'x'));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace ingle
