#include "server/served_call.h"

#include "api/error_json.h"
#include "api/sse.h"
#include "server/log.h"

namespace ingle {
namespace {

constexpr auto kProgressInterval = std::chrono::seconds(1);

// What an event takes in memory while it waits.
size_t Weight(const Event& event) {
  const auto* delta = std::get_if<Delta>(&event);
  if (delta == nullptr) return sizeof(Event);
  size_t bytes = sizeof(Event) + delta->text.size();
  for (const SampledToken& token : delta->tokens)
    bytes += sizeof(token) + token.bytes.size() + sizeof(TokenLogprob) * token.top.size();
  return bytes;
}

Error TooSlow() {
  return {ErrorCode::kDeadline,
          "the answer was cut because the client read none of it for too long while it waited; "
          "read the stream while it comes, or ask for fewer tokens",
          "", "reader_too_slow"};
}

}  // namespace

ServedCall::ServedCall(Gateway* gateway, Metrics* metrics, std::unique_ptr<Reply> reply,
                       std::shared_ptr<Exchange> exchange, HttpHeaders headers,
                       std::string request_id)
    : gateway_(gateway),
      metrics_(metrics),
      reply_(std::move(reply)),
      exchange_(std::move(exchange)),
      headers_(std::move(headers)),
      request_id_(std::move(request_id)),
      ended_(reply_->call().requests.size()) {}

std::string ServedCall::Id(size_t choice) const {
  return request_id_ + "." + std::to_string(choice);
}

void ServedCall::Start() {
  ++metrics_->generations;
  exchange_->SetOnClosed([self = shared_from_this()] { self->OnClientGone(); });
  exchange_->SetOnWritten([self = shared_from_this()](size_t bytes) { self->OnWritten(bytes); });
  exchange_->SetOnStalled([self = shared_from_this()] { self->OnStalled(); });
  const auto& requests = reply_->call().requests;
  for (size_t i = 0; i < requests.size(); ++i) {
    {
      std::lock_guard lock(mutex_);
      if (over_) return;  // An earlier choice was refused.
    }
    GenerateRequest request = requests[i];
    request.id = Id(i);
    gateway_->Submit(std::move(request), [self = shared_from_this(), i](Event event) {
      self->OnEvent(i, std::move(event));
    });
    bool cancel = false;
    {
      // The call may have ended before the gateway knew this choice, so nobody has cancelled it.
      std::lock_guard lock(mutex_);
      cancel = over_ && !ended_[i];
    }
    if (cancel) gateway_->Cancel(Id(i));
  }
}

void ServedCall::OnEvent(size_t choice, Event event) {
  std::vector<std::string> to_cancel;
  {
    std::lock_guard lock(mutex_);
    if (std::holds_alternative<Finished>(event) || std::holds_alternative<Error>(event))
      ended_[choice] = true;
    if (!over_ && !cut_) Handle(choice, std::move(event));
    to_cancel.swap(to_cancel_);
  }
  for (const std::string& id : to_cancel) gateway_->Cancel(id);
}

void ServedCall::OnClientGone() {
  std::vector<std::string> to_cancel;
  {
    std::lock_guard lock(mutex_);
    if (over_) return;
    over_ = true;
    ++metrics_->clients_gone;
    CancelAll();
    exchange_->Abort();  // Else the connection would wait for a reply that nobody makes.
    LogEnd(cut_ ? "reader_too_slow" : "client_gone");
    to_cancel.swap(to_cancel_);
  }
  for (const std::string& id : to_cancel) gateway_->Cancel(id);
}

void ServedCall::OnWritten(size_t bytes) {
  gateway_->NoteBytesSent(Id(0), bytes);
  std::lock_guard lock(mutex_);
  if (exchange_->queued_bytes() >= kLowWaterBytes) return;
  if (!pending_.empty()) Flush();
  // What was flushed may have filled the socket's queue again.
  if (paused_ && pending_.empty() && exchange_->queued_bytes() < kLowWaterBytes) SetPaused(false);
}

// The client has read nothing for a long time. What waits is still the client's, and goes out with
// the error after it if the client reads again; else the connection is closed.
void ServedCall::OnStalled() {
  std::vector<std::string> to_cancel;
  {
    std::lock_guard lock(mutex_);
    if (over_ || cut_) return;
    if (pending_.empty())
      Fail(TooSlow());
    else
      Cut();
    to_cancel.swap(to_cancel_);
  }
  for (const std::string& id : to_cancel) gateway_->Cancel(id);
}

void ServedCall::Cut() {
  cut_ = true;
  CancelAll();
}

// Under the lock, so that the worker hears of every change in its order.
void ServedCall::SetPaused(bool paused) {
  if (paused_ == paused) return;
  paused_ = paused;
  for (size_t i = 0; i < ended_.size(); ++i)
    if (!ended_[i]) gateway_->SetPaused(Id(i), paused);
}

void ServedCall::CancelAll() {
  for (size_t i = 0; i < ended_.size(); ++i)
    if (!ended_[i]) to_cancel_.push_back(Id(i));
}

void ServedCall::Handle(size_t choice, Event event) {
  if (const auto* error = std::get_if<Error>(&event)) return Fail(*error);
  if (const auto* finished = std::get_if<Finished>(&event)) {
    if (finished->reason == FinishReason::kCancelled)
      return Fail({ErrorCode::kUnavailable,
                   "the generation was cancelled by the server; send the request again", "",
                   "cancelled"});
    metrics_->prompt_tokens += finished->prompt_tokens;
    metrics_->completion_tokens += finished->completion_tokens;
  }
  reply_->Note(choice, event);
  if (!reply_->call().stream) return FinishIfDone();
  if (std::holds_alternative<Accepted>(event)) {
    if (++accepted_ < ended_.size()) return;
    Begin();
    return Flush();
  }
  if (!begun_ || !pending_.empty() || exchange_->queued_bytes() > kHighWaterBytes)
    return Hold(choice, std::move(event));
  Show(choice, event);
  FinishIfDone();
}

// Every choice is accepted: the status is certain, and the client hears of it before its prompt is
// processed.
void ServedCall::Begin() {
  begun_ = true;
  HttpHeaders headers = headers_;
  headers.emplace_back("Content-Type", "text/event-stream; charset=utf-8");
  headers.emplace_back("Cache-Control", "no-cache");
  headers.emplace_back("X-Accel-Buffering", "no");
  exchange_->Begin(200, std::move(headers), std::string(kSseKeepAlive), kKeepAliveMs);
  std::string first;
  for (size_t i = 0; i < ended_.size(); ++i) first += reply_->StreamAccepted(i);
  exchange_->Write(std::move(first));
}

void ServedCall::Show(size_t choice, const Event& event) {
  if (const auto* delta = std::get_if<Delta>(&event))
    exchange_->Write(reply_->StreamDelta(choice, *delta));
  if (std::holds_alternative<Finished>(event)) exchange_->Write(reply_->StreamFinished(choice));
  if (const auto* progress = std::get_if<Progress>(&event)) {
    const auto now = std::chrono::steady_clock::now();
    if (now - progress_shown_ < kProgressInterval) return;
    progress_shown_ = now;
    exchange_->Write(SseProgress(progress->prompt_done, progress->prompt_total));
  }
}

void ServedCall::Hold(size_t choice, Event event) {
  if (std::holds_alternative<Progress>(event)) return;  // Old news by the time it could be shown.
  auto* delta = std::get_if<Delta>(&event);
  if (delta != nullptr && !reply_->NeedsTokens()) delta->tokens.clear();
  if (delta == nullptr || !Merge(choice, delta)) {
    pending_bytes_ += Weight(event);
    pending_.push_back({choice, std::move(event)});
  }
  // Before the reply has begun the client is not the one who is slow.
  if (!begun_) return;
  SetPaused(true);
  if (pending_bytes_ > kMaxPendingBytes) Cut();
}

// Text waits as text: many small events become few. Log-probabilities belong to their own event.
bool ServedCall::Merge(size_t choice, Delta* delta) {
  if (reply_->call().logprobs) return false;
  for (auto last = pending_.rbegin(); last != pending_.rend(); ++last) {
    if (last->choice != choice) continue;
    auto* earlier = std::get_if<Delta>(&last->event);
    if (earlier == nullptr || earlier->text.size() >= kMergedTextBytes) return false;
    pending_bytes_ -= Weight(last->event);
    earlier->text += delta->text;
    earlier->tokens.insert(earlier->tokens.end(), delta->tokens.begin(), delta->tokens.end());
    pending_bytes_ += Weight(last->event);
    return true;
  }
  return false;
}

void ServedCall::Flush() {
  if (over_ || !begun_) return;
  while (!pending_.empty() && exchange_->queued_bytes() <= kHighWaterBytes) {
    Pending next = std::move(pending_.front());
    pending_.pop_front();
    pending_bytes_ -= Weight(next.event);
    Show(next.choice, next.event);
  }
  if (cut_ && pending_.empty()) return Fail(TooSlow());
  FinishIfDone();
}

void ServedCall::FinishIfDone() {
  if (over_ || reply_->finished() < ended_.size() || !pending_.empty()) return;
  over_ = true;
  if (reply_->call().stream) {
    exchange_->Write(reply_->StreamEnd());
    exchange_->End();
  } else {
    HttpHeaders headers = headers_;
    headers.emplace_back("Content-Type", "application/json");
    exchange_->Send({200, std::move(headers), JsonText(reply_->Whole())});
  }
  LogEnd("finished");
}

void ServedCall::Fail(const Error& error) {
  over_ = true;
  CancelAll();
  ++metrics_->generations_failed;
  if (begun_) {
    // What was generated before the error is still the client's.
    for (; !pending_.empty(); pending_.pop_front())
      Show(pending_.front().choice, pending_.front().event);
    exchange_->Write(SseData(ErrorJson(error)));
    exchange_->End(false);
  } else {
    const bool closed = error.id == "model_unavailable";
    HttpError http = ToHttpError(error, 0, closed ? gateway_->status().retry_after_s : 0);
    http.headers.insert(http.headers.end(), headers_.begin(), headers_.end());
    ++(http.status < 500 ? metrics_->errors_4xx : metrics_->errors_5xx);
    exchange_->Send({http.status, std::move(http.headers), std::move(http.body)});
  }
  LogEnd(error.id.empty() ? ErrorCodeName(error.code) : std::string_view(error.id));
}

void ServedCall::LogEnd(std::string_view outcome) {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
                           std::chrono::steady_clock::now() - start_)
                           .count();
  Log(LogLevel::kInfo, "generation",
      {{"id", request_id_},
       {"outcome", std::string(outcome)},
       {"choices", std::to_string(ended_.size())},
       {"stream", reply_->call().stream ? "true" : "false"},
       {"ms", std::to_string(elapsed)}});
}

}  // namespace ingle
