#include "wire/worker_client.h"

#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "os/unix_socket.h"
#include "wire/codec.h"
#include "wire/grpc_tuning.h"
#include "wire/proto_codec.h"
#include "wire/report_pipe.h"
#include "worker.grpc.pb.h"

namespace ingle {
namespace {

constexpr auto kUnaryDeadline = std::chrono::seconds(30);

Error FromStatus(const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED)
    return {ErrorCode::kDeadline, "the worker did not answer in time", "", "worker_timeout"};
  return {ErrorCode::kUnavailable, "the worker's socket: " + status.error_message(), "",
          "worker_died"};
}

class GrpcWorkerClient final : public WorkerClient {
 public:
  GrpcWorkerClient(std::shared_ptr<grpc::Channel> channel, const std::string& path, pid_t worker,
                   Handlers handlers)
      : stub_(wire::Worker::NewStub(channel)),
        handlers_(std::move(handlers)),
        reports_path_(ReportsPath(path)),
        worker_(worker) {
    stream_ = stub_->Run(&context_);
    reader_ = std::thread([this] { Read(); });
    writer_ = std::thread([this] { Write(); });
  }

  ~GrpcWorkerClient() override {
    Stop();
    writer_.join();
    reader_.join();
  }

  void Submit(const GenerateRequest& request) override {
    auto message = std::make_unique<wire::ToWorker>();
    ToProto(request, *message->mutable_submit());
    Push(std::move(message));
  }

  void Cancel(const std::string& request_id) override {
    auto message = std::make_unique<wire::ToWorker>();
    message->set_cancel(request_id);
    Push(std::move(message));
  }

  void SetPaused(const std::string& request_id, bool paused) override {
    auto message = std::make_unique<wire::ToWorker>();
    if (paused)
      message->set_pause(request_id);
    else
      message->set_resume(request_id);
    Push(std::move(message));
  }

  void Stop() override {
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
      pipe_.Stop();
    }
    wake_.notify_all();
    context_.TryCancel();
  }

  Result<std::vector<int32_t>> Tokenize(const std::string& text, bool add_special,
                                        bool recognise_special) override {
    wire::TokenizeRequest request;
    request.set_text(text);
    request.set_add_special(add_special);
    request.set_recognise_special(recognise_special);
    INGLE_TRY(const auto reply, (Call<wire::TokensReply>(&wire::Worker::Stub::Tokenize, request)));
    if (reply.has_failure()) return std::unexpected(FromProto(reply.failure()));
    return std::vector<int32_t>(reply.tokens().begin(), reply.tokens().end());
  }

  Result<std::string> Detokenize(const std::vector<int32_t>& tokens) override {
    wire::DetokenizeRequest request;
    request.mutable_tokens()->Add(tokens.begin(), tokens.end());
    INGLE_TRY(const auto reply, (Call<wire::TextReply>(&wire::Worker::Stub::Detokenize, request)));
    if (reply.has_failure()) return std::unexpected(FromProto(reply.failure()));
    return reply.text();
  }

  Result<std::string> Render(const ChatPrompt& prompt) override {
    wire::ChatPrompt request;
    ToProto(prompt, request);
    INGLE_TRY(const auto reply, (Call<wire::TextReply>(&wire::Worker::Stub::Render, request)));
    if (reply.has_failure()) return std::unexpected(FromProto(reply.failure()));
    return reply.text();
  }

  Result<WorkerDescription> Describe() override {
    INGLE_TRY(const auto reply,
              (Call<wire::DescribeReply>(&wire::Worker::Stub::Describe, wire::Empty())));
    if (reply.has_description()) return FromProto(reply.description());
    return std::unexpected(FromProto(reply.failure()));
  }

  Result<std::vector<std::string>> Capabilities() override {
    INGLE_TRY(const auto reply,
              (Call<wire::CapabilitiesReply>(&wire::Worker::Stub::Capabilities, wire::Empty())));
    return std::vector<std::string>(reply.features().begin(), reply.features().end());
  }

  Status Drain() override {
    auto reply = Call<wire::Empty>(&wire::Worker::Stub::Drain, wire::Empty());
    if (!reply) return std::unexpected(std::move(reply).error());
    return {};
  }

 private:
  template <class Reply, class Request>
  Result<Reply> Call(grpc::Status (wire::Worker::Stub::*method)(grpc::ClientContext*,
                                                                const Request&, Reply*),
                     const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kUnaryDeadline);
    Reply reply;
    const grpc::Status status = (*stub_.*method)(&context, request, &reply);
    if (!status.ok()) return std::unexpected(FromStatus(status));
    return reply;
  }

  void Push(std::unique_ptr<wire::ToWorker> message) {
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return;
      outgoing_.push_back(std::move(message));
    }
    wake_.notify_one();
  }

  void Write() {
    while (true) {
      std::unique_ptr<wire::ToWorker> message;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopped_ || !outgoing_.empty(); });
        if (stopped_) return;
        message = std::move(outgoing_.front());
        outgoing_.pop_front();
      }
      if (!stream_->Write(*message)) return;  // The reading thread learns why.
    }
  }

  // The reports that come by the stream: up to hello, after which the others come by the pipe.
  // False: the stream ended before.
  Result<bool> ReadStream() {
    wire::StepReport message;
    while (stream_->Read(&message)) {
      INGLE_TRY(StepReport report, FromProto(message));
      const bool greeted = report.hello.has_value();
      handlers_.on_report(std::move(report));
      if (greeted) return true;
    }
    return false;
  }

  Status ReadPipe() {
    INGLE_TRY(UniqueFd reports, ConnectUnix(reports_path_, worker_));
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return {};
      pipe_ = ReportPipe(std::move(reports));
    }
    wire::StepReport message;
    std::string_view bytes;
    while (pipe_.Receive(&bytes) &&
           message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      INGLE_TRY(StepReport report, FromProto(message));
      handlers_.on_report(std::move(report));
    }
    return {};
  }

  void Read() {
    Error end{ErrorCode::kUnavailable, "the worker's reports ended or could not be read", "",
              "worker_died"};
    const Result<bool> greeted = ReadStream();
    const Status done = !greeted   ? Status(std::unexpected(greeted.error()))
                        : *greeted ? ReadPipe()
                                   : Status();
    if (!done) end = done.error();
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;  // Also ends the writing thread.
    }
    wake_.notify_all();
    // The loop also ends on a message that gRPC cannot parse; without this, Finish would wait for a
    // worker that has no reason to end the stream.
    context_.TryCancel();
    wire::StepReport rest;
    while (stream_->Read(&rest)) {
    }
    const grpc::Status status = stream_->Finish();
    const bool ours = status.error_code() == grpc::StatusCode::CANCELLED;
    if (end.code == ErrorCode::kUnavailable && !status.ok() && !ours) end = FromStatus(status);
    handlers_.on_end(std::move(end));
  }

  grpc::ClientContext context_;
  std::unique_ptr<wire::Worker::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<wire::ToWorker, wire::StepReport>> stream_;
  Handlers handlers_;
  const std::string reports_path_;
  const pid_t worker_;
  ReportPipe pipe_;  // Of the reading thread; stopped under the lock.
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<wire::ToWorker>> outgoing_;
  bool stopped_ = false;
  std::thread reader_, writer_;
};

}  // namespace

Result<std::unique_ptr<WorkerClient>> WorkerClient::Connect(const std::string& path, pid_t worker,
                                                            Handlers handlers) {
  INGLE_TRY(UniqueFd fd, ConnectUnix(path, worker));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxToGatewayBytes);
  arguments.SetMaxSendMessageSize(kMaxToWorkerBytes);
  TuneChannel([&](const char* name, int value) { arguments.SetInt(name, value); });
  SkipDeadlockSearch();
  auto channel = grpc::CreateCustomInsecureChannelFromFd("ingle-worker", fd.Release(), arguments);
  return std::make_unique<GrpcWorkerClient>(std::move(channel), path, worker, std::move(handlers));
}

}  // namespace ingle
