#pragma once
// The gateway's end of the socket to one worker process. gRPC stays inside worker_client.cc.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "request/generate_request.h"
#include "wire/messages.h"

namespace ingle {

class WorkerClient {
 public:
  struct Handlers {
    std::function<void(StepReport)> on_report;  // On the client's reading thread, in order.
    std::function<void(Error)> on_end;          // Last call: the stream has ended, and why.
  };

  // `worker` is the process that must answer at `path` (0: any of this user). kUnavailable while it
  // does not listen.
  static Result<std::unique_ptr<WorkerClient>> Connect(const std::string& path, pid_t worker,
                                                       Handlers handlers);
  virtual ~WorkerClient() =
      default;  // Ends the stream; joins its threads. Not on the reading thread.

  // Queue and return; a dead stream reports through on_end.
  virtual void Submit(const GenerateRequest& request) = 0;
  virtual void Cancel(const std::string& request_id) = 0;
  virtual void SetPaused(const std::string& request_id, bool paused) = 0;
  // Makes the stream end soon (from any thread).
  virtual void Stop() = 0;

  virtual Result<std::vector<int32_t>> Tokenize(const std::string& text, bool add_special,
                                                bool recognise_special) = 0;
  virtual Result<std::string> Detokenize(const std::vector<int32_t>& tokens) = 0;
  virtual Result<std::string> Render(const ChatPrompt& prompt) = 0;
  virtual Result<WorkerDescription> Describe() = 0;
  virtual Result<std::vector<std::string>> Capabilities() = 0;
  virtual Status Drain() = 0;
};

}  // namespace ingle
