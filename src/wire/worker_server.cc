#include "wire/worker_server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/server_posix.h>

#include <atomic>
#include <cstdio>
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

constexpr int kAcceptPollMs = 200;
// How long the gateway may take to connect for its reports after hello.
constexpr int kReportsTimeoutMs = 30'000;

class GrpcService final : public wire::Worker::Service {
 public:
  GrpcService(UniqueFd reports, WorkerService* service)
      : service_(service), listener_(std::move(reports)) {}

  grpc::Status Run(grpc::ServerContext* context,
                   grpc::ServerReaderWriter<wire::StepReport, wire::ToWorker>* stream) override {
    if (running_.exchange(true)) return Refuse(stream);
    Reports reports;
    std::thread writer([&] {
      WriteReports(stream, &reports);
      context->TryCancel();
    });
    wire::ToWorker message;
    while (stream->Read(&message)) Handle(message);
    service_->OnStreamEnd();
    reports.End();  // Else a writer would wait for a gateway that reads no more.
    writer.join();
    return grpc::Status::OK;
  }

  grpc::Status Describe(grpc::ServerContext*, const wire::Empty*,
                        wire::DescribeReply* reply) override {
    auto description = service_->Describe();
    if (description)
      ToProto(*description, *reply->mutable_description());
    else
      ToProto(description.error(), *reply->mutable_failure());
    return grpc::Status::OK;
  }

  grpc::Status Capabilities(grpc::ServerContext*, const wire::Empty*,
                            wire::CapabilitiesReply* reply) override {
    reply->set_protocol(kWireProtocol);
    for (const std::string& feature : service_->Capabilities()) reply->add_features(feature);
    return grpc::Status::OK;
  }

  grpc::Status Tokenize(grpc::ServerContext*, const wire::TokenizeRequest* request,
                        wire::TokensReply* reply) override {
    auto tokens =
        service_->Tokenize(request->text(), request->add_special(), request->recognise_special());
    if (tokens)
      reply->mutable_tokens()->Add(tokens->begin(), tokens->end());
    else
      ToProto(tokens.error(), *reply->mutable_failure());
    return grpc::Status::OK;
  }

  grpc::Status Detokenize(grpc::ServerContext*, const wire::DetokenizeRequest* request,
                          wire::TextReply* reply) override {
    Answer(service_->Detokenize({request->tokens().begin(), request->tokens().end()}), *reply);
    return grpc::Status::OK;
  }

  grpc::Status Render(grpc::ServerContext*, const wire::ChatPrompt* request,
                      wire::TextReply* reply) override {
    auto prompt = FromProto(*request);
    if (prompt)
      Answer(service_->Render(*prompt), *reply);
    else
      ToProto(prompt.error(), *reply->mutable_failure());
    return grpc::Status::OK;
  }

  grpc::Status Drain(grpc::ServerContext*, const wire::Empty*, wire::Empty*) override {
    service_->Drain();
    return grpc::Status::OK;
  }

 private:
  static void Answer(const Result<std::string>& text, wire::TextReply& reply) {
    if (text)
      reply.set_text(*text);
    else
      ToProto(text.error(), *reply.mutable_failure());
  }

  // As a report, because a status may be lost when the other end goes at the same time.
  grpc::Status Refuse(grpc::ServerReaderWriter<wire::StepReport, wire::ToWorker>* stream) const {
    StepReport report;
    report.hello = Hello{kWireProtocol, std::string(service_->Build())};
    report.load = Error{ErrorCode::kUnavailable,
                        "this worker process already serves another gateway; end that one, or "
                        "start a worker of your own",
                        "", "worker_taken"};
    wire::StepReport message;
    ToProto(report, message);
    stream->Write(message);
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "this worker already has its gateway"};
  }

  void Handle(const wire::ToWorker& message) {
    switch (message.message_case()) {
      case wire::ToWorker::kSubmit:
        return service_->Submit(FromProto(message.submit()), message.submit().id());
      case wire::ToWorker::kCancel: return service_->Cancel(message.cancel());
      case wire::ToWorker::kPause: return service_->SetPaused(message.pause(), true);
      case wire::ToWorker::kResume: return service_->SetPaused(message.resume(), false);
      case wire::ToWorker::MESSAGE_NOT_SET: return;
    }
  }

  // Where the reports of a stream go. Ended by the thread that reads the stream.
  struct Reports {
    std::mutex mutex;
    bool ended = false;
    ReportPipe pipe;

    void End() {
      std::lock_guard lock(mutex);
      ended = true;
      pipe.Stop();
    }
  };

  // Waits for the gateway, which connects when it has read hello; others are refused before.
  bool OpenPipe(Reports* reports) {
    for (int waited = 0; waited < kReportsTimeoutMs; waited += kAcceptPollMs) {
      auto connection = AcceptUnix(listener_.get(), kAcceptPollMs);
      std::lock_guard lock(reports->mutex);
      if (reports->ended) return false;
      if (!connection) continue;
      reports->pipe = ReportPipe(*std::move(connection));
      return true;
    }
    std::fprintf(stderr, "ingle worker: the gateway did not connect for its reports\n");
    return false;
  }

  void WriteReports(grpc::ServerReaderWriter<wire::StepReport, wire::ToWorker>* stream,
                    Reports* reports) {
    StepReport report;
    report.hello = Hello{kWireProtocol, std::string(service_->Build())};
    wire::StepReport message;
    ToProto(report, message);
    if (!stream->Write(message) || !OpenPipe(reports)) return;
    std::string frame;
    for (bool sent = true; sent && service_->NextReport(&report); report = StepReport()) {
      message.Clear();
      ToProto(report, message);
      frame.assign(ReportPipe::kHeadBytes, 0);
      sent = message.AppendToString(&frame) && reports->pipe.Send(&frame);
      if (frame.size() > ReportPipe::kHeadBytes + size_t{kMaxToGatewayBytes})
        std::fprintf(stderr, "ingle worker: a report of %zu bytes is too large to be sent\n",
                     frame.size());
    }
  }

  WorkerService* service_;
  UniqueFd listener_;  // For the connection of reports.
  std::atomic<bool> running_{false};
};

class GrpcWorkerServer final : public WorkerServer {
 public:
  GrpcWorkerServer(UniqueFd listener, UniqueFd reports, WorkerService* service)
      : service_(std::move(reports), service), listener_(std::move(listener)) {}

  Status Serve() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    builder.SetMaxReceiveMessageSize(kMaxToWorkerBytes);
    builder.SetMaxSendMessageSize(kMaxToGatewayBytes);
    builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
    TuneChannel([&](const char* name, int value) { builder.AddChannelArgument(name, value); });
    SkipDeadlockSearch();
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return Fail(ErrorCode::kInternal, "gRPC did not start in the worker");
    // Connections are accepted here and handed over, because only so the peer's user can be
    // checked.
    acceptor_ = std::thread([this] {
      while (!stopping_) {
        auto connection = AcceptUnix(listener_.get(), kAcceptPollMs);
        if (connection) grpc::AddInsecureChannelFromFd(server_.get(), connection->Release());
      }
    });
    return {};
  }

  ~GrpcWorkerServer() override {
    stopping_ = true;
    if (acceptor_.joinable()) acceptor_.join();
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

 private:
  GrpcService service_;
  UniqueFd listener_;
  std::unique_ptr<grpc::Server> server_;
  std::atomic<bool> stopping_{false};
  std::thread acceptor_;
};

}  // namespace

Result<std::unique_ptr<WorkerServer>> WorkerServer::Start(const std::string& path,
                                                          WorkerService* service) {
  // First: whoever reaches the other finds this one.
  INGLE_TRY(UniqueFd reports, ListenUnix(ReportsPath(path)));
  INGLE_TRY(UniqueFd listener, ListenUnix(path));
  auto server =
      std::make_unique<GrpcWorkerServer>(std::move(listener), std::move(reports), service);
  INGLE_RETURN_IF_ERROR(server->Serve());
  return server;
}

}  // namespace ingle
