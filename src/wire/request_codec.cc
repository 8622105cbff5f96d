// GenerateRequest <-> wire::GenerateRequest.
#include <cmath>

#include "wire/codec.h"
#include "wire/proto_codec.h"

namespace ingle {
namespace {

constexpr size_t kMaxIdBytes = 128;
// More than the gateway reads, so that what it accepted is never malformed here.
constexpr size_t kMaxJsonValues = 4'000'000;
constexpr int kMaxStops = 64;
constexpr size_t kMaxScopeBytes = 1024;
constexpr int kMaxBiases = 1 << 16;
constexpr uint32_t kMaxTopLogprobs = 20;
constexpr int kMaxPromptTokens = 16 << 20;

std::unexpected<Error> Broken(const std::string& rule) {
  return Fail(ErrorCode::kInvalidRequest, "malformed request on the worker's socket: " + rule);
}

template <class Optional, class Setter>
void Put(const Optional& value, Setter setter) {
  if (value) setter(*value);
}

void PutSampling(const SamplingRequest& from, wire::Sampling& to) {
  Put(from.temperature, [&](double v) { to.set_temperature(v); });
  Put(from.top_p, [&](double v) { to.set_top_p(v); });
  Put(from.min_p, [&](double v) { to.set_min_p(v); });
  Put(from.typical_p, [&](double v) { to.set_typical_p(v); });
  Put(from.repetition_penalty, [&](double v) { to.set_repetition_penalty(v); });
  Put(from.frequency_penalty, [&](double v) { to.set_frequency_penalty(v); });
  Put(from.presence_penalty, [&](double v) { to.set_presence_penalty(v); });
  Put(from.top_k, [&](int64_t v) { to.set_top_k(v); });
  Put(from.repeat_last_n, [&](int64_t v) { to.set_repeat_last_n(v); });
  Put(from.seed, [&](uint64_t v) { to.set_seed(v); });
  for (const auto& [token, bias] : from.logit_bias) {
    auto* entry = to.add_logit_bias();
    entry->set_token(token);
    entry->set_bias(bias);
  }
}

Result<SamplingRequest> TakeSampling(const wire::Sampling& from) {
  SamplingRequest to;
  struct Real {
    bool present;
    double value;
    std::optional<double>* out;
  };
  const Real reals[] = {
      {from.has_temperature(), from.temperature(), &to.temperature},
      {from.has_top_p(), from.top_p(), &to.top_p},
      {from.has_min_p(), from.min_p(), &to.min_p},
      {from.has_typical_p(), from.typical_p(), &to.typical_p},
      {from.has_repetition_penalty(), from.repetition_penalty(), &to.repetition_penalty},
      {from.has_frequency_penalty(), from.frequency_penalty(), &to.frequency_penalty},
      {from.has_presence_penalty(), from.presence_penalty(), &to.presence_penalty},
  };
  for (const Real& real : reals) {
    if (!real.present) continue;
    if (!std::isfinite(real.value)) return Broken("a sampling value is not finite");
    *real.out = real.value;
  }
  if (from.has_top_k()) to.top_k = from.top_k();
  if (from.has_repeat_last_n()) to.repeat_last_n = from.repeat_last_n();
  if (from.has_seed()) to.seed = from.seed();
  if (from.logit_bias_size() > kMaxBiases) return Broken("too many logit biases");
  for (const auto& entry : from.logit_bias()) {
    if (std::isnan(entry.bias())) return Broken("a logit bias is not a number");
    to.logit_bias.emplace_back(entry.token(), entry.bias());
  }
  return to;
}

template <class Kind>
Result<Kind> ParseKind(const std::string& text, const char* what) {
  if (text.empty()) return Kind{};
  INGLE_TRY(json::value value, ParseJson(text, what,
                                         JsonLimits{.depth = 80,
                                                    .bytes = kMaxToWorkerBytes,
                                                    .values = kMaxJsonValues,
                                                    .big_integers = true}));
  if constexpr (std::is_same_v<Kind, json::array>) {
    if (!value.is_array()) return Broken(std::string(what) + " is not an array");
    return std::move(value.get_array());
  } else {
    if (IfObject(value) == nullptr) return Broken(std::string(what) + " is not an object");
    return std::move(value.get_object());
  }
}

Status TakePrompt(const wire::GenerateRequest& in, GenerateRequest& out) {
  switch (in.prompt_case()) {
    case wire::GenerateRequest::kChat: {
      INGLE_TRY(out.prompt, FromProto(in.chat()));
      return {};
    }
    case wire::GenerateRequest::kText:
      out.prompt = TextPrompt{in.text().text(), in.text().recognise_special()};
      return {};
    case wire::GenerateRequest::kTokens:
      if (in.tokens().tokens_size() > kMaxPromptTokens) return Broken("too many prompt tokens");
      out.prompt = TokenPrompt{{in.tokens().tokens().begin(), in.tokens().tokens().end()}};
      return {};
    case wire::GenerateRequest::PROMPT_NOT_SET: break;
  }
  return Broken("no prompt");
}

}  // namespace

void ToProto(const ChatPrompt& prompt, wire::ChatPrompt& out) {
  out.set_messages_json(SerializeExactly(prompt.messages));
  if (!prompt.tools.empty()) out.set_tools_json(SerializeExactly(prompt.tools));
  if (!prompt.template_variables.empty())
    out.set_variables_json(SerializeExactly(prompt.template_variables));
  out.set_add_generation_prompt(prompt.add_generation_prompt);
}

Result<ChatPrompt> FromProto(const wire::ChatPrompt& in) {
  ChatPrompt out;
  INGLE_TRY(out.messages, ParseKind<json::array>(in.messages_json(), "messages"));
  INGLE_TRY(out.tools, ParseKind<json::array>(in.tools_json(), "tools"));
  INGLE_TRY(out.template_variables,
            ParseKind<json::object>(in.variables_json(), "template variables"));
  out.add_generation_prompt = in.add_generation_prompt();
  return out;
}

void ToProto(const GenerateRequest& request, wire::GenerateRequest& out) {
  out.set_id(request.id);
  if (const auto* chat = std::get_if<ChatPrompt>(&request.prompt)) {
    ToProto(*chat, *out.mutable_chat());
  } else if (const auto* text = std::get_if<TextPrompt>(&request.prompt)) {
    out.mutable_text()->set_text(text->text);
    out.mutable_text()->set_recognise_special(text->recognise_special);
  } else {
    const auto& tokens = std::get<TokenPrompt>(request.prompt).tokens;
    out.mutable_tokens()->mutable_tokens()->Add(tokens.begin(), tokens.end());
  }
  PutSampling(request.sampling, *out.mutable_sampling());
  Put(request.max_tokens, [&](uint32_t v) { out.set_max_tokens(v); });
  for (const std::string& stop : request.stop) out.add_stop(stop);
  out.set_ignore_eos(request.ignore_eos);
  out.set_cache_prompt(request.cache_prompt);
  out.set_cache_scope(request.cache_scope);
  Put(request.top_logprobs, [&](uint32_t v) { out.set_top_logprobs(v); });
}

Result<GenerateRequest> FromProto(const wire::GenerateRequest& in) {
  GenerateRequest out;
  if (in.id().empty() || in.id().size() > kMaxIdBytes) return Broken("the id is empty or too long");
  out.id = in.id();
  INGLE_RETURN_IF_ERROR(TakePrompt(in, out));
  INGLE_TRY(out.sampling, TakeSampling(in.sampling()));
  if (in.has_max_tokens()) out.max_tokens = in.max_tokens();
  if (in.stop_size() > kMaxStops) return Broken("too many stop strings");
  for (const std::string& stop : in.stop()) {
    if (stop.empty()) return Broken("an empty stop string");
    out.stop.push_back(stop);
  }
  out.ignore_eos = in.ignore_eos();
  out.cache_prompt = in.cache_prompt();
  if (in.cache_scope().size() > kMaxScopeBytes) return Broken("the scope of the cache is too long");
  out.cache_scope = in.cache_scope();
  if (in.has_top_logprobs()) {
    if (in.top_logprobs() > kMaxTopLogprobs) return Broken("top_logprobs above 20");
    out.top_logprobs = in.top_logprobs();
  }
  return out;
}

std::string EncodeRequest(const GenerateRequest& request) {
  wire::GenerateRequest message;
  ToProto(request, message);
  return message.SerializeAsString();
}

Result<GenerateRequest> DecodeRequest(std::string_view bytes) {
  wire::GenerateRequest message;
  if (bytes.size() > static_cast<size_t>(kMaxToWorkerBytes) ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Broken("not a protobuf message");
  return FromProto(message);
}

}  // namespace ingle
