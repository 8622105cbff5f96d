#pragma once
// The worker's end of the socket. gRPC stays inside worker_server.cc.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "request/generate_request.h"
#include "wire/codec.h"
#include "wire/messages.h"

namespace ingle {

// What the worker does with messages. Called on the server's threads; all calls are thread-safe.
class WorkerService {
 public:
  virtual ~WorkerService() = default;
  virtual void Submit(Result<GenerateRequest> request, const std::string& id) = 0;
  virtual void Cancel(const std::string& request_id) = 0;
  virtual void SetPaused(const std::string& request_id, bool paused) = 0;
  // Blocks until there is something to report or a second has passed; false ends the stream.
  virtual bool NextReport(StepReport* report) = 0;
  virtual void OnStreamEnd() = 0;  // The gateway has gone; NextReport must return soon.

  virtual Result<std::vector<int32_t>> Tokenize(const std::string& text, bool add_special,
                                                bool recognise_special) = 0;
  virtual Result<std::string> Detokenize(const std::vector<int32_t>& tokens) = 0;
  virtual Result<std::string> Render(const ChatPrompt& prompt) = 0;
  virtual Result<WorkerDescription> Describe() = 0;
  virtual std::vector<std::string> Capabilities() = 0;
  virtual void Drain() = 0;
  virtual std::string_view Build() const { return BuildName(); }  // For tests to be another one.
};

class WorkerServer {
 public:
  // Listens at `path` (in a directory that only this user can enter) and serves one Run stream.
  static Result<std::unique_ptr<WorkerServer>> Start(const std::string& path,
                                                     WorkerService* service);
  virtual ~WorkerServer() = default;
};

}  // namespace ingle
