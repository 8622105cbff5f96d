// StepReport <-> wire::StepReport.
#include <cmath>

#include "base/utf8.h"
#include "wire/codec.h"
#include "wire/proto_codec.h"

namespace ingle {
namespace {

constexpr int kMaxEventsPerReport = 1 << 16;
constexpr int kMaxTokensPerDelta = 1 << 16;
constexpr int kMaxTop = 20;
constexpr int kMaxWarnings = 256;
constexpr size_t kMaxFactsBytes = 1 << 20;
constexpr char kFactsTooLong[] =
    "{\"warnings\":[\"what the model's files say about its text has more than 1 MiB: see `ingle "
    "show`\"]}";
constexpr uint32_t kLastErrorCode = static_cast<uint32_t>(ErrorCode::kInternal);
constexpr uint32_t kLastOrigin = static_cast<uint32_t>(Origin::kDrawn);

std::unexpected<Error> Broken(const std::string& rule) {
  return Fail(ErrorCode::kInternal, "the worker sent a malformed message: " + rule);
}

template <class Value, class Message>
void PutSourced(const Sourced<Value>& from, Message& to) {
  to.set_value(from.value);
  to.set_origin(static_cast<uint32_t>(from.origin));
}

template <class Value, class Message>
bool TakeSourced(const Message& from, Sourced<Value>& to) {
  if (from.origin() > kLastOrigin) return false;
  to.value = from.value();
  to.origin = static_cast<Origin>(from.origin());
  if constexpr (std::is_same_v<Value, double>) return std::isfinite(to.value);
  return true;
}

void PutAccepted(const Accepted& from, wire::Accepted& to) {
  to.set_prompt_tokens(from.prompt_tokens);
  to.set_max_tokens(from.max_tokens);
  to.set_context(from.context);
  auto& sampling = *to.mutable_sampling();
  const EffectiveSampling& values = from.sampling;
  PutSourced(values.temperature, *sampling.mutable_temperature());
  PutSourced(values.top_p, *sampling.mutable_top_p());
  PutSourced(values.min_p, *sampling.mutable_min_p());
  PutSourced(values.typical_p, *sampling.mutable_typical_p());
  PutSourced(values.repetition_penalty, *sampling.mutable_repetition_penalty());
  PutSourced(values.frequency_penalty, *sampling.mutable_frequency_penalty());
  PutSourced(values.presence_penalty, *sampling.mutable_presence_penalty());
  PutSourced(values.top_k, *sampling.mutable_top_k());
  PutSourced(values.repeat_last_n, *sampling.mutable_repeat_last_n());
  PutSourced(values.seed, *sampling.mutable_seed());
  for (const auto& [token, bias] : values.logit_bias) {
    auto* entry = sampling.add_logit_bias();
    entry->set_token(token);
    entry->set_bias(bias);
  }
  for (const Warning& warning : from.warnings) {
    auto* entry = to.add_warnings();
    entry->set_code(ValidUtf8(warning.code));
    entry->set_field(ValidUtf8(warning.field));
    entry->set_message(ValidUtf8(warning.message));
  }
}

Result<Accepted> TakeAccepted(const wire::Accepted& from) {
  Accepted to;
  to.prompt_tokens = from.prompt_tokens();
  to.max_tokens = from.max_tokens();
  to.context = from.context();
  const auto& sampling = from.sampling();
  EffectiveSampling& values = to.sampling;
  const bool fine = TakeSourced(sampling.temperature(), values.temperature) &&
                    TakeSourced(sampling.top_p(), values.top_p) &&
                    TakeSourced(sampling.min_p(), values.min_p) &&
                    TakeSourced(sampling.typical_p(), values.typical_p) &&
                    TakeSourced(sampling.repetition_penalty(), values.repetition_penalty) &&
                    TakeSourced(sampling.frequency_penalty(), values.frequency_penalty) &&
                    TakeSourced(sampling.presence_penalty(), values.presence_penalty) &&
                    TakeSourced(sampling.top_k(), values.top_k) &&
                    TakeSourced(sampling.repeat_last_n(), values.repeat_last_n) &&
                    TakeSourced(sampling.seed(), values.seed);
  if (!fine) return Broken("an effective sampling value or its origin");
  for (const auto& entry : sampling.logit_bias())
    values.logit_bias.emplace_back(entry.token(), entry.bias());
  if (from.warnings_size() > kMaxWarnings) return Broken("too many warnings");
  for (const auto& entry : from.warnings())
    to.warnings.push_back({entry.code(), entry.field(), entry.message()});
  return to;
}

void PutDelta(const Delta& from, uint32_t first_index, wire::Delta& to) {
  to.set_text(from.text);
  to.set_first_index(first_index);
  for (const SampledToken& token : from.tokens) {
    auto* entry = to.add_tokens();
    entry->set_token(token.token);
    entry->set_spelling(token.bytes);
    entry->set_logprob(token.logprob);
    for (const TokenLogprob& top : token.top) {
      auto* alternative = entry->add_top();
      alternative->set_token(top.token);
      alternative->set_logprob(top.logprob);
      alternative->set_spelling(top.bytes);
    }
  }
}

Result<Delta> TakeDelta(const wire::Delta& from) {
  Delta to;
  to.text = from.text();
  if (from.tokens_size() > kMaxTokensPerDelta) return Broken("too many tokens in one delta");
  to.tokens.reserve(static_cast<size_t>(from.tokens_size()));
  for (const auto& entry : from.tokens()) {
    if (std::isnan(entry.logprob()) || entry.top_size() > kMaxTop)
      return Broken("a token's log-probabilities");
    SampledToken token{entry.token(), entry.spelling(), entry.logprob(), {}};
    for (const auto& top : entry.top()) {
      if (std::isnan(top.logprob())) return Broken("a log-probability is not a number");
      token.top.push_back({top.token(), top.logprob(), top.spelling()});
    }
    to.tokens.push_back(std::move(token));
  }
  return to;
}

void PutFinished(const Finished& from, wire::Finished& to) {
  to.set_reason(static_cast<uint32_t>(from.reason));
  to.set_cause(static_cast<uint32_t>(from.cause));
  to.set_end_token(from.end_token);
  to.set_stop_string(from.stop_string);
  to.set_prompt_tokens(from.prompt_tokens);
  to.set_completion_tokens(from.completion_tokens);
  to.set_cached_tokens(from.cached_tokens);
  to.set_queue_ms(from.queue_ms);
  to.set_prefill_ms(from.prefill_ms);
  to.set_decode_ms(from.decode_ms);
}

Result<Finished> TakeFinished(const wire::Finished& from) {
  if (from.reason() > static_cast<uint32_t>(FinishReason::kCancelled) ||
      from.cause() > static_cast<uint32_t>(StopCause::kNothingAllowed))
    return Broken("an unknown finish reason");
  Finished to;
  to.reason = static_cast<FinishReason>(from.reason());
  to.cause = static_cast<StopCause>(from.cause());
  to.end_token = from.end_token();
  to.stop_string = from.stop_string();
  to.prompt_tokens = from.prompt_tokens();
  to.completion_tokens = from.completion_tokens();
  to.cached_tokens = from.cached_tokens();
  to.queue_ms = from.queue_ms();
  to.prefill_ms = from.prefill_ms();
  to.decode_ms = from.decode_ms();
  return to;
}

struct EventWriter {
  uint32_t first_index;
  wire::RequestEvent& out;
  void operator()(const Accepted& event) const { PutAccepted(event, *out.mutable_accepted()); }
  void operator()(const Progress& event) const {
    out.mutable_progress()->set_prompt_done(event.prompt_done);
    out.mutable_progress()->set_prompt_total(event.prompt_total);
  }
  void operator()(const Delta& event) const { PutDelta(event, first_index, *out.mutable_delta()); }
  void operator()(const Finished& event) const { PutFinished(event, *out.mutable_finished()); }
  void operator()(const Error& event) const { ToProto(event, *out.mutable_error()); }
};

Result<RequestEvent> TakeEvent(const wire::RequestEvent& in) {
  RequestEvent out;
  out.id = in.id();
  switch (in.event_case()) {
    case wire::RequestEvent::kAccepted: {
      INGLE_TRY(out.event, TakeAccepted(in.accepted()));
      return out;
    }
    case wire::RequestEvent::kProgress:
      out.event = Progress{in.progress().prompt_done(), in.progress().prompt_total()};
      return out;
    case wire::RequestEvent::kDelta: {
      out.first_index = in.delta().first_index();
      INGLE_TRY(out.event, TakeDelta(in.delta()));
      return out;
    }
    case wire::RequestEvent::kFinished: {
      INGLE_TRY(out.event, TakeFinished(in.finished()));
      return out;
    }
    case wire::RequestEvent::kError: out.event = FromProto(in.error()); return out;
    case wire::RequestEvent::EVENT_NOT_SET: break;
  }
  return Broken("an event of no kind");
}

}  // namespace

// Messages quote bytes from files and requests, cut anywhere; a proto3 string that is not UTF-8
// makes the whole report unreadable.
void ToProto(const Error& error, wire::Failure& out) {
  out.set_code(static_cast<uint32_t>(error.code));
  out.set_message(ValidUtf8(error.message));
  out.set_param(ValidUtf8(error.param));
  out.set_id(ValidUtf8(error.id));
}

Error FromProto(const wire::Failure& in) {
  const ErrorCode code =
      in.code() <= kLastErrorCode ? static_cast<ErrorCode>(in.code()) : ErrorCode::kInternal;
  return {code, in.message(), in.param(), in.id()};
}

void ToProto(const WorkerDescription& description, wire::Description& out) {
  out.set_name(ValidUtf8(description.name));
  out.set_architecture(ValidUtf8(description.architecture));
  out.set_tier(description.tier);
  out.set_arithmetic_class(description.arithmetic_class);
  out.set_context(description.context);
  out.set_vocab(description.vocab);
  out.set_threads(description.threads);
  out.set_parameters(description.parameters);
  out.set_weight_bytes(description.weight_bytes);
  out.set_has_chat_template(description.has_chat_template);
  if (description.text_facts.empty()) return;
  const std::string facts = ValidUtf8(json::serialize(description.text_facts));
  out.set_text_facts_json(facts.size() <= kMaxFactsBytes ? facts : kFactsTooLong);
}

Result<WorkerDescription> FromProto(const wire::Description& in) {
  WorkerDescription out;
  out.name = in.name();
  out.architecture = in.architecture();
  out.tier = in.tier();
  out.arithmetic_class = in.arithmetic_class();
  out.context = in.context();
  out.vocab = in.vocab();
  out.threads = in.threads();
  out.parameters = in.parameters();
  out.weight_bytes = in.weight_bytes();
  out.has_chat_template = in.has_chat_template();
  if (in.text_facts_json().empty()) return out;
  auto facts = ParseJson(in.text_facts_json(), "text_facts", {.bytes = kMaxFactsBytes});
  if (!facts || !facts->is_object()) return Broken("what it says about the model's text");
  out.text_facts = std::move(facts->get_object());
  return out;
}

void ToProto(const StepReport& report, wire::StepReport& out) {
  if (report.hello) {
    out.mutable_hello()->set_protocol(report.hello->protocol);
    out.mutable_hello()->set_build(report.hello->build);
  }
  out.set_steps(report.steps);
  out.set_progress(report.progress);
  out.set_step_us(report.step_us);
  out.set_model_us(report.model_us);
  out.set_running(report.running);
  out.set_queued(report.queued);
  if (const auto* loading = std::get_if<LoadingState>(&report.load)) {
    out.mutable_loading()->set_bytes_done(loading->bytes_done);
    out.mutable_loading()->set_bytes_total(loading->bytes_total);
  } else if (const auto* ready = std::get_if<WorkerDescription>(&report.load)) {
    ToProto(*ready, *out.mutable_ready());
  } else if (const auto* failed = std::get_if<Error>(&report.load)) {
    ToProto(*failed, *out.mutable_failed());
  }
  for (const RequestEvent& event : report.events) {
    auto* entry = out.add_events();
    entry->set_id(event.id);
    std::visit(EventWriter{event.first_index, *entry}, event.event);
  }
}

Result<StepReport> FromProto(const wire::StepReport& in) {
  StepReport out;
  if (in.has_hello()) out.hello = Hello{in.hello().protocol(), in.hello().build()};
  out.steps = in.steps();
  out.progress = in.progress();
  out.step_us = in.step_us();
  out.model_us = in.model_us();
  out.running = in.running();
  out.queued = in.queued();
  if (in.has_loading())
    out.load = LoadingState{in.loading().bytes_done(), in.loading().bytes_total()};
  if (in.has_ready()) {
    INGLE_TRY(out.load, FromProto(in.ready()));
  }
  if (in.has_failed()) out.load = FromProto(in.failed());
  if (in.events_size() > kMaxEventsPerReport) return Broken("too many events");
  out.events.reserve(static_cast<size_t>(in.events_size()));
  for (const auto& entry : in.events()) {
    INGLE_TRY(auto event, TakeEvent(entry));
    out.events.push_back(std::move(event));
  }
  return out;
}

std::string EncodeReport(const StepReport& report) {
  wire::StepReport message;
  ToProto(report, message);
  return message.SerializeAsString();
}

Result<StepReport> DecodeReport(std::string_view bytes) {
  wire::StepReport message;
  if (bytes.size() > static_cast<size_t>(kMaxToGatewayBytes) ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Broken("not a protobuf message");
  return FromProto(message);
}

std::string_view BuildName() { return INGLE_BUILD_NAME; }

}  // namespace ingle
