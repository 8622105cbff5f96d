// Both ends of the socket, in one process.

#include <gtest/gtest.h>
#include <unistd.h>

#include <future>

#include "os/unix_socket.h"
#include "wire/codec.h"
#include "wire/report_pipe.h"
#include "wire/scripted_service.h"
#include "wire/worker_client.h"

namespace ingle {
namespace {

class WorkerLinkTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = PrivateDirectory::Make("link-test");
    ASSERT_TRUE(made);
    directory_ = std::make_unique<PrivateDirectory>(*std::move(made));
    path_ = directory_->path() + "/0";
    auto server = WorkerServer::Start(path_, &service_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
    client_ = Connect();
  }
  std::unique_ptr<WorkerClient> Connect() {
    auto client = WorkerClient::Connect(path_, getpid(),
                                        {[this](StepReport report) { Note(std::move(report)); },
                                         [this](const Error& error) { End(error); }});
    EXPECT_TRUE(client) << client.error().message;
    return client ? *std::move(client) : nullptr;
  }
  void Note(StepReport report) {
    std::lock_guard lock(mutex_);
    if (report.hello) hello_ = report.hello;
    if (const auto* refusal = std::get_if<Error>(&report.load)) refusals_.push_back(*refusal);
    for (RequestEvent& event : report.events) events_.push_back(std::move(event));
    changed_.notify_all();
  }
  void End(const Error& error) {
    std::lock_guard lock(mutex_);
    ends_.push_back(error);
    changed_.notify_all();
  }
  void WaitForEvents(size_t count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(60), [&] { return events_.size() >= count; }));
  }
  Error WaitForEnd() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return !ends_.empty(); }));
    return ends_.empty() ? Error{} : ends_[0];
  }
  Error WaitForRefusal() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(60), [&] { return !refusals_.empty(); }));
    if (refusals_.empty()) return {};
    Error refusal = refusals_.back();
    refusals_.pop_back();
    return refusal;
  }
  void Submit(const std::string& text) {
    GenerateRequest request;
    request.id = "a";
    request.prompt = TextPrompt{text};
    client_->Submit(request);
  }

  std::unique_ptr<PrivateDirectory> directory_;
  std::string path_;
  ScriptedService service_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Hello> hello_;
  std::vector<RequestEvent> events_;
  std::vector<Error> ends_, refusals_;
  std::unique_ptr<WorkerServer> server_;
  std::unique_ptr<WorkerClient> client_;
};

TEST_F(WorkerLinkTest, RequestsGoOneWayAndEventsTheOther) {
  Submit("hello");
  WaitForEvents(3);
  EXPECT_EQ(hello_->protocol, kWireProtocol);
  EXPECT_EQ(hello_->build, BuildName());
  EXPECT_EQ(std::get<Accepted>(events_[0].event).sampling.seed.value, 7u);
  EXPECT_EQ(std::get<Delta>(events_[1].event).text, "hello");
  EXPECT_TRUE(std::holds_alternative<Finished>(events_[2].event));
  client_->Cancel("b");
  WaitForEvents(4);
  EXPECT_EQ(events_[3].id, "b");
  EXPECT_EQ(std::get<Finished>(events_[3].event).reason, FinishReason::kCancelled);
  client_->SetPaused("c", true);
  client_->SetPaused("c", false);
  WaitForEvents(6);
  EXPECT_EQ(events_[4].id, "c");
  EXPECT_EQ(std::get<Progress>(events_[4].event).prompt_done, 1u) << "paused";
  EXPECT_EQ(std::get<Progress>(events_[5].event).prompt_done, 2u) << "goes on";
}

TEST_F(WorkerLinkTest, UnaryCallsReturnValuesAndErrors) {
  EXPECT_EQ(*client_->Tokenize("ab", false, false), (std::vector<int32_t>{97, 98}));
  EXPECT_EQ(client_->Tokenize("", false, false).error().message, "nothing to tokenize");
  EXPECT_EQ(*client_->Detokenize({97}), "a");
  EXPECT_EQ(client_->Detokenize({}).error().code, ErrorCode::kInvalidRequest);
  ChatPrompt chat;
  EXPECT_EQ(client_->Render(chat).error().code, ErrorCode::kUnsupported);
  chat.messages.push_back("hi");
  EXPECT_EQ(*client_->Render(chat), "[\"hi\"]");
  EXPECT_EQ(client_->Describe()->name, "scripted");
  EXPECT_EQ(*client_->Capabilities(), std::vector<std::string>{"text"});
  EXPECT_FALSE(service_.drained());
  EXPECT_TRUE(client_->Drain());
  EXPECT_TRUE(service_.drained());
}

// The worker has no reason to end such a stream: the client must.
TEST_F(WorkerLinkTest, AReportThatCannotBeParsedEndsTheStream) {
  Submit("garble");
  EXPECT_EQ(WaitForEnd().id, "worker_died");
}

TEST_F(WorkerLinkTest, AReportThatBreaksARuleEndsTheStreamAndIsNamed) {
  Submit("nan");
  const Error end = WaitForEnd();
  EXPECT_NE(end.id, "worker_died");
  EXPECT_NE(end.message.find("log-probabilities"), std::string::npos) << end.message;
}

TEST_F(WorkerLinkTest, TheEndOfTheWorkerEndsTheStreamAndItsCalls) {
  service_.OnStreamEnd();
  EXPECT_EQ(WaitForEnd().id, "worker_died");
  EXPECT_FALSE(client_->Describe()) << "its own error";
  server_.reset();
  EXPECT_EQ(client_->Describe().error().id, "worker_died");
  EXPECT_EQ(client_->Drain().error().code, ErrorCode::kUnavailable);
  client_->Submit({});  // Nobody is there; nothing happens.
}

TEST_F(WorkerLinkTest, AWorkerHasOneGateway) {
  Submit("hello");
  WaitForEvents(3);
  for (int i = 0; i < 50; ++i) {
    auto second = Connect();
    const Error refused = WaitForRefusal();
    EXPECT_EQ(refused.id, "worker_taken");
    EXPECT_NE(refused.message.find("end that one"), std::string::npos) << refused.message;
  }
  EXPECT_EQ(ends_.size(), 50u) << "the first stream goes on";
}

TEST_F(WorkerLinkTest, NobodyListensOrAnotherProcess) {
  EXPECT_EQ(WorkerClient::Connect(path_ + "x", 0, {}).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(WorkerClient::Connect(path_, 1, {})) << "the socket is not process 1's";
  EXPECT_FALSE(WorkerServer::Start(directory_->path() + "/no/such", &service_));
}

TEST(WorkerReports, AWorkerWhoseReportsCannotBeReachedIsNotWaitedFor) {
  auto directory = PrivateDirectory::Make("link-test");
  ASSERT_TRUE(directory);
  const std::string path = directory->path() + "/0";
  ScriptedService service;
  auto server = WorkerServer::Start(path, &service);
  ASSERT_TRUE(server) << server.error().message;
  ASSERT_EQ(unlink(ReportsPath(path).c_str()), 0);
  std::promise<Error> end;
  auto client = WorkerClient::Connect(
      path, getpid(), {[](StepReport) {}, [&](const Error& error) { end.set_value(error); }});
  ASSERT_TRUE(client) << client.error().message;
  EXPECT_NE(end.get_future().get().message.find(".reports"), std::string::npos);
}

}  // namespace
}  // namespace ingle
