// A worker from its socket to its end, within this process.

#include "worker/worker_main.h"

#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <future>

#include "engine/engine_fixture.h"
#include "os/unix_socket.h"
#include "wire/worker_client.h"

namespace ingle {
namespace {

class WorkerMainTest : public EngineTest {
 protected:
  void SetUp() override {
    auto made = PrivateDirectory::Make("worker-test");
    ASSERT_TRUE(made) << made.error().message;
    directory_ = std::make_unique<PrivateDirectory>(*std::move(made));
    path_ = directory_->path() + "/0";
  }
  void TearDown() override {
    if (client_ != nullptr) client_->Stop();
    client_.reset();
    if (worker_.valid()) worker_.wait();
  }
  void Launch(EngineFactory load) {
    worker_ = std::async(std::launch::async,
                         [this, load] { return RunWorker(path_, load, 60'000).exit_code; });
  }
  void Connect() {
    for (int i = 0; client_ == nullptr && i < 12000; ++i) {
      auto client = WorkerClient::Connect(
          path_, 0, {[this](StepReport report) { Note(std::move(report)); }, [](const Error&) {}});
      if (client) client_ = *std::move(client);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_NE(client_, nullptr);
  }
  void Note(StepReport report) {
    std::lock_guard lock(mutex_);
    reports_.push_back(std::move(report));
    changed_.notify_all();
  }
  // The first report that fits, waiting for it.
  StepReport Await(const std::function<bool(const StepReport&)>& fits) {
    std::unique_lock lock(mutex_);
    StepReport found;
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [&] {
      for (const StepReport& report : reports_)
        if (fits(report)) return found = report, true;
      return false;
    }));
    return found;
  }

  std::unique_ptr<PrivateDirectory> directory_;
  std::string path_;
  std::future<int> worker_;
  std::unique_ptr<WorkerClient> client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<StepReport> reports_;
};

bool IsReady(const StepReport& report) {
  return std::holds_alternative<WorkerDescription>(report.load);
}

TEST_F(WorkerMainTest, LoadsAnswersAndEndsWithItsGateway) {
  std::promise<void> seen_loading;
  auto loading_seen = seen_loading.get_future().share();
  Launch([&](const ReportLoading& report) -> Result<std::unique_ptr<Engine>> {
    report(40, 100);
    loading_seen.wait();
    Start();
    return std::move(engine_);
  });
  Connect();
  const StepReport loading =
      Await([](const StepReport& r) { return std::holds_alternative<LoadingState>(r.load); });
  EXPECT_EQ(std::get<LoadingState>(loading.load).bytes_done, 40u);
  EXPECT_EQ(client_->Describe().error().id, "model_loading");
  seen_loading.set_value();
  Await(IsReady);
  EXPECT_EQ(client_->Describe()->vocab, kFakeVocab);
  GenerateRequest request = TextRequest("a", "x");
  request.max_tokens = 5;
  client_->Submit(request);
  Await([](const StepReport& report) {
    return !report.events.empty() && std::holds_alternative<Finished>(report.events.back().event);
  });
  client_->Stop();
  client_.reset();
  EXPECT_EQ(worker_.get(), kWorkerDone);
}

TEST_F(WorkerMainTest, AFailedLoadIsToldAndGivesTheExitCode) {
  for (const auto& [code, exit] : {std::pair(ErrorCode::kCorruptFile, kWorkerModelFile),
                                   std::pair(ErrorCode::kUnsupported, kWorkerModelFile),
                                   std::pair(ErrorCode::kOutOfMemory, kWorkerFailed)}) {
    reports_.clear();
    Launch([code = code](const ReportLoading&) -> Result<std::unique_ptr<Engine>> {
      return Fail(code, "this is why");
    });
    Connect();
    const StepReport report =
        Await([](const StepReport& r) { return std::holds_alternative<Error>(r.load); });
    EXPECT_EQ(std::get<Error>(report.load).message, "this is why");
    EXPECT_EQ(std::get<Error>(report.load).code, code);
    client_->Stop();
    client_.reset();
    EXPECT_EQ(worker_.get(), exit);
    path_ += "x";
  }
}

TEST_F(WorkerMainTest, ASocketThatCannotBeMadeIsAFailedStart) {
  path_ = directory_->path() + "/no/such/directory";
  Launch([](const ReportLoading&) -> Result<std::unique_ptr<Engine>> {
    ADD_FAILURE() << "nothing is loaded for nobody";
    return Fail(ErrorCode::kInternal, "");
  });
  EXPECT_EQ(worker_.get(), kWorkerFailed);
}

TEST_F(WorkerMainTest, AProcessWhoseGatewayIsGoneDoesNotStart) {
  const auto old = signal(SIGINT, SIG_DFL);
  const int code = WorkerMain({path_, getpid()}, [](const ReportLoading&) {
    ADD_FAILURE();
    return Result<std::unique_ptr<Engine>>();
  });
  signal(SIGINT, old);
  EXPECT_EQ(code, kWorkerFailed);
}

}  // namespace
}  // namespace ingle
