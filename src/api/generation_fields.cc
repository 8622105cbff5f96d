#include "api/generation_fields.h"

#include <charconv>
#include <limits>

namespace ingle {
namespace {

constexpr double kInt32Max = 2147483647.0;
constexpr size_t kMaxModelNameBytes = 256;  // The name is in every chunk of the reply.
// Integers up to 2^64 - 1, which as a double is 2^64.
constexpr double kSeedMin = -9223372036854775808.0, kSeedMax = 18446744073709551616.0;

constexpr Field kShared[] = {
    {.name = "model",
     .type = FieldType::kString,
     .meaning = "the model's name; one model is loaded, and it answers"},
    {.name = "stream",
     .type = FieldType::kBool,
     .meaning = "send the answer as server-sent events"},
    {.name = "stream_options",
     .type = FieldType::kObject,
     .meaning = "include_usage: a last chunk with usage"},
    {.name = "max_tokens",
     .type = FieldType::kInteger,
     .min = 1,
     .max = kInt32Max,
     .meaning = "longest answer; default: until the context is full"},
    {.name = "max_completion_tokens",
     .type = FieldType::kInteger,
     .min = 1,
     .max = kInt32Max,
     .meaning = "as max_tokens; with several, the smallest wins"},
    {.name = "max_new_tokens",
     .type = FieldType::kInteger,
     .min = 1,
     .max = kInt32Max,
     .meaning = "as max_tokens; with several, the smallest wins"},
    {.name = "n_predict",
     .type = FieldType::kInteger,
     .min = 1,
     .max = kInt32Max,
     .meaning = "as max_tokens; -1: until the context is full",
     .neutral = "-1"},
    {.name = "seed",
     .type = FieldType::kInteger,
     .min = kSeedMin,
     .max = kSeedMax,
     .meaning = "choice i of n uses seed + i; -1 or absent: drawn and reported"},
    {.name = "stop",
     .type = FieldType::kStringOrStrings,
     .meaning = "strings that end the answer, not returned"},
    {.name = "ignore_eos",
     .type = FieldType::kBool,
     .meaning = "go on after the model's own end token"},
    {.name = "logit_bias",
     .type = FieldType::kAny,
     .meaning = "{\"token id\": -100 to 100} or [[token id, bias or false], ...]",
     .neutral = "[]|{}"},
    {.name = "repeat_penalty",
     .type = FieldType::kNumber,
     .min = 0,
     .max = 10,
     .min_excluded = true,
     .meaning = "another name of repetition_penalty, which wins"},
    {.name = "cache_prompt",
     .type = FieldType::kBool,
     .meaning = "what was computed of the prompt before may be used, and this be kept"},
    {.name = "cache_salt",
     .type = FieldType::kString,
     .meaning = "only requests with the same salt share what was computed"},
    {.name = "chat_template",
     .use = FieldUse::kForbidden,
     .meaning = "a template is a program, and the model's own is used; leave it out"},
    {.name = "prompt_embeds",
     .use = FieldUse::kRefused,
     .meaning = "numbers are not taken for a prompt; give text or token ids"},
    {.name = "grammar",
     .use = FieldUse::kRefused,
     .meaning = "leave it out, and ask for the form in the prompt",
     .neutral = "\"\""},
    {.name = "json_schema",
     .use = FieldUse::kRefused,
     .meaning = "leave it out, and ask for the form in the prompt",
     .neutral = "{}"},
};

constexpr Field kOpenAi[] = {
    {.name = "n",
     .type = FieldType::kInteger,
     .min = 1,
     .max = static_cast<double>(kMaxChoices),
     .meaning = "answers per prompt"},
    {.name = "user",
     .type = FieldType::kString,
     .use = FieldUse::kIgnored,
     .meaning = "users are not told apart"},
};

constexpr Field kStreamOptions[] = {
    {.name = "include_usage", .type = FieldType::kBool, .meaning = "a last chunk with usage"},
    {.name = "include_obfuscation",
     .type = FieldType::kBool,
     .use = FieldUse::kIgnored,
     .meaning = "nothing is padded",
     .neutral = "false"},
};

Status ReadStops(const FieldReader& fields, GenerateRequest* request) {
  const json::value* value = fields.Find("stop");
  if (value == nullptr) return {};
  const auto add = [&](const json::value& item) {
    request->stop.emplace_back(item.get_string().data(), item.get_string().size());
  };
  if (value->is_string())
    add(*value);
  else
    for (const json::value& item : value->get_array()) add(item);
  return {};
}

std::optional<int32_t> TokenId(const json::value& value) {
  if (value.is_string()) {
    const auto& text = value.get_string();
    int32_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc() || end != text.data() + text.size() || id < 0) return std::nullopt;
    return id;
  }
  const auto id = AsInteger(value);
  if (!id || *id < 0 || *id > std::numeric_limits<int32_t>::max()) return std::nullopt;
  return static_cast<int32_t>(*id);
}

Status AddBias(const json::value& token, const json::value& bias, const std::string& param,
               GenerateRequest* request) {
  const auto id = TokenId(token);
  const bool forbids = bias.is_bool() && !bias.get_bool();
  if (!id || (!forbids && !bias.is_number()))
    return Fail(ErrorCode::kInvalidRequest,
                param + " must map token ids to numbers (or false, to forbid a token)", param,
                "invalid_value");
  request->sampling.logit_bias.emplace_back(
      *id, forbids ? -std::numeric_limits<double>::infinity() : bias.to_number<double>());
  return {};
}

Status ReadLogitBias(const FieldReader& fields, GenerateRequest* request) {
  const json::value* value = fields.Find("logit_bias");
  if (value == nullptr) return {};
  const std::string param = fields.Param("logit_bias");
  if (value->is_object()) {
    for (const auto& [token, bias] : value->get_object())
      INGLE_RETURN_IF_ERROR(AddBias(json::value(token), bias, param, request));
    return {};
  }
  if (!value->is_array())
    return Fail(ErrorCode::kInvalidRequest, param + " must be an object or an array", param,
                "invalid_type");
  for (const json::value& item : value->get_array()) {
    const json::array* pair = item.if_array();
    if (pair == nullptr || pair->size() != 2)
      return Fail(ErrorCode::kInvalidRequest, param + " must hold [token id, bias] pairs", param,
                  "invalid_value");
    INGLE_RETURN_IF_ERROR(AddBias((*pair)[0], (*pair)[1], param, request));
  }
  return {};
}

void ReadSampling(const FieldReader& fields, SamplingRequest* sampling) {
  for (const SamplingField& field : SamplingFields()) {
    if (field.number != nullptr) {
      if (auto value = fields.Number(field.name)) sampling->*field.number = *value;
    } else if (auto value = fields.Integer(field.name)) {
      sampling->*field.whole = *value;
    }
  }
  if (const json::value* seed = fields.Find("seed")) {
    if (const auto natural = AsUnsigned(*seed))
      sampling->seed = *natural;
    else if (const auto integer = AsInteger(*seed); integer && *integer != -1)
      sampling->seed = static_cast<uint64_t>(*integer);
  }
}

// Its value counts only where repetition_penalty is absent.
void ReadRepeatPenalty(const FieldReader& fields, SamplingRequest* sampling,
                       std::vector<Warning>* warnings) {
  const auto other = fields.Number("repeat_penalty");
  if (!other) return;
  if (sampling->repetition_penalty && *sampling->repetition_penalty != *other) {
    const std::string param = fields.Param("repeat_penalty");
    warnings->push_back({"ignored_field", param,
                         param + " has no effect: repetition_penalty is given too, and wins"});
  }
  if (!sampling->repetition_penalty) sampling->repetition_penalty = other;
}

// The engine checks again and names fields without our prefix.
Status WithPrefix(Status status, const FieldReader& fields) {
  if (!status) status.error().param = fields.Param(status.error().param);
  return status;
}

size_t PromptBytes(const GenerateRequest& request) {
  if (const auto* text = std::get_if<TextPrompt>(&request.prompt)) return text->text.size();
  if (const auto* tokens = std::get_if<TokenPrompt>(&request.prompt))
    return tokens->tokens.size() * sizeof(int32_t);
  const auto& chat = std::get<ChatPrompt>(request.prompt);
  return json::serialize(chat.messages).size() + json::serialize(chat.tools).size() +
         json::serialize(chat.template_variables).size();
}

}  // namespace

std::vector<Field> WithSharedFields(std::span<const Field> own) {
  std::vector<Field> all(std::begin(kShared), std::end(kShared));
  for (const SamplingField& field : SamplingFields())
    all.push_back({.name = field.name,
                   .type = field.integer ? FieldType::kInteger : FieldType::kNumber,
                   .min = field.min,
                   .max = field.max,
                   .min_excluded = field.min_excluded,
                   .meaning = field.meaning});
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

std::vector<Field> WithOpenAiFields(std::span<const Field> own) {
  std::vector<Field> all(std::begin(kOpenAi), std::end(kOpenAi));
  all.insert(all.end(), own.begin(), own.end());
  return WithSharedFields(all);
}

Status ReadCacheSalt(const FieldReader& fields, GenerateRequest* request) {
  request->cache_scope = fields.String("cache_salt").value_or("");
  if (request->cache_scope.size() <= kCacheSaltBytesMax) return {};
  return Fail(ErrorCode::kInvalidRequest,
              "cache_salt has " + std::to_string(request->cache_scope.size()) +
                  " bytes; give at most " + std::to_string(kCacheSaltBytesMax),
              "cache_salt");
}

Status ReadShared(const FieldReader& fields, GenerateRequest* request,
                  std::vector<Warning>* warnings) {
  ReadSampling(fields, &request->sampling);
  ReadRepeatPenalty(fields, &request->sampling, warnings);
  for (const char* name : {"max_tokens", "max_completion_tokens", "max_new_tokens", "n_predict"}) {
    const auto limit = fields.Integer(name);
    if (!limit || *limit < 0) continue;  // n_predict may be -1.
    const auto tokens = static_cast<uint32_t>(*limit);
    request->max_tokens = std::min(request->max_tokens.value_or(tokens), tokens);
  }
  if (const auto ignore = fields.Bool("ignore_eos")) request->ignore_eos = *ignore;
  if (const auto cache = fields.Bool("cache_prompt")) request->cache_prompt = *cache;
  INGLE_RETURN_IF_ERROR(WithPrefix(ReadCacheSalt(fields, request), fields));
  INGLE_RETURN_IF_ERROR(ReadStops(fields, request));
  INGLE_RETURN_IF_ERROR(ReadLogitBias(fields, request));
  return WithPrefix(CheckRequest(*request), fields);
}

Status ReadCall(const FieldReader& fields, GenerationCall* call) {
  call->model = fields.String("model").value_or("");
  if (call->model.size() > kMaxModelNameBytes)
    return Fail(ErrorCode::kInvalidRequest,
                "model has " + std::to_string(call->model.size()) + " bytes; give a name of at " +
                    "most " + std::to_string(kMaxModelNameBytes) + " (GET /v1/models lists them)",
                "model", "invalid_value");
  call->stream = fields.Bool("stream").value_or(false);
  const json::value* given = fields.Find("stream_options");
  if (given == nullptr) return {};
  INGLE_TRY(const FieldReader options, FieldReader::Read(given->get_object(), kStreamOptions,
                                                         &call->warnings, "stream_options."));
  call->include_usage = options.Bool("include_usage").value_or(false);
  return {};
}

Status RepeatForChoices(std::vector<GenerateRequest> prototypes, const FieldReader& fields,
                        GenerationCall* call) {
  const auto n = static_cast<size_t>(fields.Integer("n").value_or(1));
  if (n > kMaxChoicesPerCall / prototypes.size())
    return Fail(ErrorCode::kInvalidRequest,
                std::to_string(prototypes.size()) + " prompts with n = " + std::to_string(n) +
                    " ask for " + std::to_string(prototypes.size() * n) +
                    " answers; one call may ask for " + std::to_string(kMaxChoicesPerCall) +
                    "; use a smaller n or fewer prompts",
                "n", "invalid_value");
  size_t prompt_bytes = 0;
  for (const GenerateRequest& prototype : prototypes) prompt_bytes += PromptBytes(prototype);
  if (n > 1 && prompt_bytes > kMaxPromptBytesPerCall / n)
    return Fail(ErrorCode::kInvalidRequest,
                "n is " + std::to_string(n) + ", and that many copies of a prompt of " +
                    std::to_string(prompt_bytes) + " bytes are more than " +
                    std::to_string(kMaxPromptBytesPerCall) +
                    " bytes; ask for the answers in several requests",
                "n", "invalid_value");
  call->choices_per_prompt = n;
  for (GenerateRequest& prototype : prototypes) {
    for (size_t i = 1; i < n; ++i) call->requests.push_back(prototype);
    call->requests.push_back(std::move(prototype));
  }
  return {};
}

}  // namespace ingle
