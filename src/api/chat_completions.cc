#include "api/chat_completions.h"

#include <algorithm>
#include <array>

#include "api/chat_messages.h"
#include "api/generation_fields.h"
#include "api/logprobs.h"
#include "api/openai_reply.h"
#include "api/sse.h"

namespace ingle {
namespace {

constexpr Field kOwn[] = {
    {.name = "messages", .type = FieldType::kArray, .meaning = "the conversation"},
    {.name = "logprobs",
     .type = FieldType::kBool,
     .meaning = "report each token's log-probability"},
    {.name = "top_logprobs",
     .type = FieldType::kInteger,
     .min = 0,
     .max = 20,
     .meaning = "with logprobs: this many likeliest tokens at each position"},
    {.name = "response_format", .type = FieldType::kObject, .meaning = "{\"type\": \"text\"} only"},
    {.name = "tools",
     .type = FieldType::kArray,
     .meaning = "functions shown to the model by its template"},
    {.name = "tool_choice", .type = FieldType::kAny, .meaning = "\"auto\" or \"none\""},
    {.name = "chat_template_kwargs",
     .type = FieldType::kObject,
     .meaning = "variables for the model's template"},
    {.name = "documents",
     .type = FieldType::kArray,
     .meaning = "objects for the template variable of the same name: texts to answer from"},
    {.name = "enable_thinking",
     .type = FieldType::kBool,
     .meaning = "template variable of the same name"},
    {.name = "reasoning_effort",
     .type = FieldType::kString,
     .meaning = "template variable of the same name; \"none\" also sets enable_thinking to false"},
    {.name = "add_generation_prompt",
     .type = FieldType::kBool,
     .meaning = "end the prompt where the assistant begins; default true"},
    {.name = "parallel_tool_calls",
     .type = FieldType::kBool,
     .use = FieldUse::kIgnored,
     .meaning = "tool calls are returned as text by this version",
     .neutral = "true"},
    {.name = "functions", .use = FieldUse::kRefused, .meaning = "use tools", .neutral = "[]"},
    {.name = "function_call",
     .use = FieldUse::kRefused,
     .meaning = "use tools",
     .neutral = "\"none\"|\"auto\""},
    {.name = "audio",
     .use = FieldUse::kRefused,
     .meaning = "the model writes text only; leave it out"},
    {.name = "modalities",
     .use = FieldUse::kRefused,
     .meaning = "the model writes text only; leave it out",
     .neutral = "[\"text\"]|[]"},
    {.name = "verbosity",
     .type = FieldType::kString,
     .use = FieldUse::kIgnored,
     .meaning = "ask in the prompt"},
    {.name = "prediction",
     .type = FieldType::kAny,
     .use = FieldUse::kIgnored,
     .meaning = "nothing is predicted"},
    {.name = "store",
     .type = FieldType::kBool,
     .use = FieldUse::kIgnored,
     .meaning = "nothing is stored",
     .neutral = "false"},
    {.name = "metadata",
     .type = FieldType::kObject,
     .use = FieldUse::kIgnored,
     .meaning = "nothing is stored",
     .neutral = "{}"},
    {.name = "safety_identifier",
     .type = FieldType::kString,
     .use = FieldUse::kIgnored,
     .meaning = "users are not told apart"},
    {.name = "prompt_cache_key",
     .type = FieldType::kString,
     .meaning = "nothing to do: requests that begin alike share what was computed without a key"},
    {.name = "prompt_cache_retention",
     .type = FieldType::kAny,
     .use = FieldUse::kIgnored,
     .meaning = "what was computed of a prompt stays as long as there is room"},
    {.name = "prompt_cache_options",
     .type = FieldType::kAny,
     .use = FieldUse::kIgnored,
     .meaning = "the prompt cache is automatic; cache_prompt: false keeps a prompt out of it"},
    {.name = "service_tier",
     .type = FieldType::kString,
     .use = FieldUse::kIgnored,
     .meaning = "there is one tier",
     .neutral = "\"auto\"|\"default\""},
    {.name = "web_search_options",
     .type = FieldType::kAny,
     .use = FieldUse::kIgnored,
     .meaning = "the server searches nothing"},
    {.name = "moderation",
     .type = FieldType::kAny,
     .use = FieldUse::kIgnored,
     .meaning = "nothing is moderated"},
};

constexpr std::array<std::string_view, 7> kEfforts = {"none", "minimal", "low", "medium",
                                                      "high", "xhigh",   "max"};

const std::vector<Field>& Table() {
  static const std::vector<Field> table = WithOpenAiFields(kOwn);
  return table;
}

constexpr Field kResponseFormat[] = {
    {.name = "type", .type = FieldType::kString, .meaning = "\"text\" only"},
};

Status CheckResponseFormat(const FieldReader& fields, std::vector<Warning>* warnings) {
  const json::value* given = fields.Find("response_format");
  if (given == nullptr) return {};
  const json::value* type = given->get_object().if_contains("type");
  if (type == nullptr || !type->is_string())
    return Fail(ErrorCode::kInvalidRequest, "response_format.type must be a string",
                "response_format.type", "invalid_type");
  if (type->get_string() != "text")
    return Fail(ErrorCode::kUnsupported,
                "response_format of another type than text is not supported by this version; ask "
                "for the format in the prompt",
                "response_format", "unsupported_parameter");
  const auto format =
      FieldReader::Read(given->get_object(), kResponseFormat, warnings, "response_format.");
  return format ? Status() : Status(std::unexpected(format.error()));
}

Status ReadToolFields(const FieldReader& fields, ChatPrompt* prompt,
                      std::vector<Warning>* warnings) {
  INGLE_TRY(prompt->tools, ReadTools(fields.Find("tools"), warnings));
  if (const json::value* choice = fields.Find("tool_choice")) {
    const bool none = choice->is_string() && choice->get_string() == "none";
    const bool automatic = choice->is_string() && choice->get_string() == "auto";
    if (!none && !automatic)
      return Fail(
          ErrorCode::kUnsupported,
          "tool_choice can be \"auto\" or \"none\" in this version: a call cannot be forced; ask "
          "for it in the prompt",
          "tool_choice", "unsupported_parameter");
    if (none) prompt->tools.clear();
  }
  if (!prompt->tools.empty())
    warnings->push_back(
        {"tool_calls_as_text", "tools",
         "the model sees the tools, but its calls are returned as text by this version"});
  return {};
}

// The later source wins; nothing is overridden in silence.
void SetVariable(std::string_view name, const json::value& value, const std::string& param,
                 json::object* variables, std::vector<Warning>* warnings) {
  const json::string_view key(name.data(), name.size());
  const json::value* earlier = variables->if_contains(key);
  if (earlier != nullptr && *earlier != value)
    warnings->push_back({"ignored_field", std::string(name),
                         param + " wins over the other value given for " + std::string(name)});
  (*variables)[key] = value;
}

Status ReadTemplateFields(const FieldReader& fields, ChatPrompt* prompt,
                          std::vector<Warning>* warnings) {
  json::object* variables = &prompt->template_variables;
  if (const auto effort = fields.String("reasoning_effort")) {
    if (std::ranges::find(kEfforts, *effort) == kEfforts.end())
      return Fail(ErrorCode::kInvalidRequest,
                  "reasoning_effort must be none, minimal, low, medium, high, xhigh or max",
                  "reasoning_effort", "invalid_value");
    (*variables)["reasoning_effort"] = *effort;
    if (*effort == "none") (*variables)["enable_thinking"] = false;
  }
  if (const auto thinking = fields.Bool("enable_thinking"))
    SetVariable("enable_thinking", *thinking, "enable_thinking", variables, warnings);
  if (const json::value* documents = fields.Find("documents"))
    SetVariable("documents", *documents, "documents", variables, warnings);
  INGLE_RETURN_IF_ERROR(CheckTemplateVariables(*variables));
  if (const json::value* extra = fields.Find("chat_template_kwargs")) {
    INGLE_RETURN_IF_ERROR(CheckTemplateVariables(extra->get_object()));
    for (const auto& [key, value] : extra->get_object())
      SetVariable(key, value, "chat_template_kwargs", variables, warnings);
  }
  prompt->add_generation_prompt = fields.Bool("add_generation_prompt").value_or(true);
  return {};
}

void ReadLogprobs(const FieldReader& fields, GenerateRequest* request, GenerationCall* call) {
  const auto top = fields.Integer("top_logprobs");
  call->logprobs = fields.Bool("logprobs").value_or(false);
  if (call->logprobs)
    request->top_logprobs = static_cast<uint32_t>(top.value_or(0));
  else if (top && *top > 0)
    call->warnings.push_back(
        {"ignored_field", "top_logprobs", "top_logprobs has no effect without logprobs: true"});
}

class ChatReply final : public OpenAiReply {
 public:
  ChatReply(GenerationCall call, ReplyFrame frame)
      : OpenAiReply(std::move(call), std::move(frame),
                    {"chat.completion", "chat.completion.chunk"}) {}

  std::string StreamAccepted(size_t choice) override {
    json::object chunk =
        Chunk(Entry(choice, {{"role", "assistant"}, {"content", ""}}, json::value(nullptr)));
    chunk["seed"] = choices_[choice].accepted.sampling.seed.value;
    return SseData(chunk);
  }

 private:
  static json::object Entry(size_t choice, json::object delta, json::value logprobs) {
    return {{"index", choice}, {"delta", std::move(delta)}, {"logprobs", std::move(logprobs)}};
  }

  json::object Piece(size_t choice, std::string_view text, json::value logprobs) const override {
    return Entry(choice, {{"content", text}}, std::move(logprobs));
  }
  json::object NoPiece(size_t choice) const override { return Entry(choice, {}, nullptr); }
  json::value StreamLogprobs(size_t, std::span<const SampledToken> tokens) override {
    return ChatLogprobs(tokens);
  }
  json::object WholeChoice(size_t choice) const override {
    const Choice& state = choices_[choice];
    return {{"index", choice},
            {"message", {{"role", "assistant"}, {"content", state.text}, {"refusal", nullptr}}},
            {"logprobs",
             call_.logprobs ? json::value(ChatLogprobs(state.tokens)) : json::value(nullptr)}};
  }
};

}  // namespace

std::span<const Field> ChatCompletionFields() { return Table(); }

Result<GenerationCall> ParseChatCompletion(const json::object& body) {
  GenerationCall call;
  INGLE_TRY(const FieldReader fields, FieldReader::Read(body, Table(), &call.warnings));
  INGLE_RETURN_IF_ERROR(ReadCall(fields, &call));
  ChatPrompt prompt;
  INGLE_TRY(prompt.messages, ReadMessages(fields.Find("messages"), &call.warnings));
  INGLE_RETURN_IF_ERROR(CheckResponseFormat(fields, &call.warnings));
  INGLE_RETURN_IF_ERROR(ReadToolFields(fields, &prompt, &call.warnings));
  INGLE_RETURN_IF_ERROR(ReadTemplateFields(fields, &prompt, &call.warnings));
  GenerateRequest request;
  INGLE_RETURN_IF_ERROR(ReadShared(fields, &request, &call.warnings));
  ReadLogprobs(fields, &request, &call);
  request.prompt = std::move(prompt);
  std::vector<GenerateRequest> prototypes;
  prototypes.push_back(std::move(request));
  INGLE_RETURN_IF_ERROR(RepeatForChoices(std::move(prototypes), fields, &call));
  return call;
}

std::unique_ptr<Reply> MakeChatReply(GenerationCall call, ReplyFrame frame) {
  return std::make_unique<ChatReply>(std::move(call), std::move(frame));
}

}  // namespace ingle
