#include "engine/prompt.h"

#include <algorithm>
#include <initializer_list>

namespace ingle {
namespace {

std::unexpected<Error> NoTemplate(const std::string& template_error) {
  if (!template_error.empty())
    return Fail(ErrorCode::kInvalidRequest,
                "the chat template of this model cannot be used: " + template_error +
                    ". Name another one (--chat-template FILE), or send a plain prompt "
                    "(/v1/completions, `ingle run --raw`)",
                "messages", "chat_template_invalid");
  return Fail(ErrorCode::kInvalidRequest,
              "this model has no chat template, so there is no right way to turn messages into a "
              "prompt. Name one (--chat-template FILE), or send a plain prompt (/v1/completions, "
              "`ingle run --raw`)",
              "messages", "no_chat_template");
}

Status CheckTokens(const std::vector<TokenId>& tokens, size_t vocab) {
  if (tokens.empty())
    return Fail(ErrorCode::kInvalidRequest, "the prompt is empty: it has no tokens", "prompt");
  for (TokenId token : tokens)
    if (token < 0 || static_cast<size_t>(token) >= vocab)
      return Fail(ErrorCode::kInvalidRequest,
                  "token id " + std::to_string(token) + " is not in the vocabulary of " +
                      std::to_string(vocab) + " tokens",
                  "prompt", "invalid_token_id");
  return {};
}

std::string_view RoleOf(const json::value& message) {
  const json::object* object = message.if_object();
  const json::value* role = object == nullptr ? nullptr : object->if_contains("role");
  return role != nullptr && role->is_string() ? std::string_view(role->get_string())
                                              : std::string_view();
}

bool HasRole(const ChatPrompt& chat, std::string_view role, std::string_view also = {}) {
  return std::ranges::any_of(chat.messages, [&](const json::value& message) {
    const std::string_view own = RoleOf(message);
    return own == role || (!also.empty() && own == also);
  });
}

bool HasField(const ChatPrompt& chat, std::initializer_list<std::string_view> names) {
  return std::ranges::any_of(chat.messages, [&](const json::value& message) {
    const json::object* object = message.if_object();
    return object != nullptr && std::ranges::any_of(names, [&](std::string_view name) {
             const json::value* value = object->if_contains(name);
             return value != nullptr && !value->is_null();
           });
  });
}

// A system message behind the beginning.
bool HasLateSystem(const ChatPrompt& chat) {
  bool others = false;
  for (const json::value& message : chat.messages) {
    const bool system = RoleOf(message) == "system" || RoleOf(message) == "developer";
    if (system && others) return true;
    others = others || !system;
  }
  return false;
}

// What a conversation may need of its template. `ability`: of the self-test.
struct TemplateNeed {
  std::string_view ability, code, field, message;
  bool (*needed)(const ChatPrompt&);
};
constexpr TemplateNeed kTemplateNeeds[] = {
    {"tools", "tools_not_shown", "tools",
     "does not show tools, so the model knows nothing of them; describe them in a message, or use "
     "a model made for tools",
     [](const ChatPrompt& chat) { return !chat.tools.empty(); }},
    {"system", "system_not_shown", "messages",
     "leaves system messages out, so the model does not see them; put what they say into a message "
     "of the user",
     [](const ChatPrompt& chat) { return HasRole(chat, "system", "developer"); }},
    {"late_system", "system_not_shown", "messages",
     "leaves system messages out that do not come first; put what they say into the first one or "
     "into a message of the user",
     HasLateSystem},
    {"several_turns", "turns_not_shown", "messages",
     "does not show every turn of a conversation; send one message with all that matters",
     [](const ChatPrompt& chat) { return HasRole(chat, "assistant"); }},
    {"tool_calls", "tool_calls_not_shown", "messages",
     "does not show tool_calls of earlier turns; say in a message what was called",
     [](const ChatPrompt& chat) { return HasField(chat, {"tool_calls"}); }},
    {"tool_results", "tool_results_not_shown", "messages",
     "does not show what tools returned; put it into a message of the user",
     [](const ChatPrompt& chat) { return HasRole(chat, "tool", "function"); }},
    {"reasoning", "reasoning_not_shown", "messages",
     "does not show the reasoning of earlier turns, so the model does not see it",
     [](const ChatPrompt& chat) {
       return HasField(chat, {"reasoning_content", "reasoning", "thinking"});
     }},
};

}  // namespace

Result<RenderedConversation> PromptMaker::Render(const GenerateRequest& request,
                                                 int64_t now_unix_s) const {
  if (const auto* text = std::get_if<TextPrompt>(&request.prompt))
    return RenderedConversation{{{text->text, text->recognise_special}}, {}};
  const auto* chat = std::get_if<ChatPrompt>(&request.prompt);
  if (chat == nullptr)
    return Fail(ErrorCode::kInvalidRequest, "a prompt of token ids has no text", "prompt");
  if (chat_template == nullptr) return NoTemplate(template_error);
  RenderOptions options;
  options.add_generation_prompt = chat->add_generation_prompt;
  options.variables = chat->template_variables;
  options.now_unix_s = now_unix_s;
  return RenderConversation(*chat_template, chat->messages, chat->tools, options);
}

std::vector<TokenId> PromptMaker::Tokenize(const std::vector<TextSpan>& spans) const {
  std::vector<TokenId> tokens = tokenizer->Encode(spans, /*add_special=*/false);
  if (!tokenizer->bos) return tokens;
  size_t begins = 0;
  while (begins < tokens.size() && tokens[begins] == *tokenizer->bos) ++begins;
  // Templates often write the begin token themselves: a second one harms the answer.
  if (begins > 1) tokens.erase(tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(begins - 1));
  if (begins == 0 && tokenizer->add_bos) tokens.insert(tokens.begin(), *tokenizer->bos);
  return tokens;
}

Result<std::vector<TokenId>> PromptMaker::Make(const GenerateRequest& request, int64_t now_unix_s,
                                               std::vector<std::string>* warnings) const {
  std::vector<TokenId> tokens;
  if (const auto* given = std::get_if<TokenPrompt>(&request.prompt)) {
    tokens = given->tokens;
  } else {
    INGLE_TRY(RenderedConversation rendered, Render(request, now_unix_s));
    tokens = Tokenize(rendered.spans);
    if (warnings != nullptr) *warnings = std::move(rendered.warnings);
  }
  INGLE_RETURN_IF_ERROR(CheckTokens(tokens, vocabulary != 0 ? vocabulary : tokenizer->size()));
  return tokens;
}

Status FitsContext(uint64_t prompt_tokens, uint32_t context, bool is_chat) {
  if (prompt_tokens < context) return {};
  const std::string field = is_chat ? "messages" : "prompt";
  return Fail(ErrorCode::kInvalidRequest,
              "This model's maximum context length is " + std::to_string(context) +
                  " tokens. However, your " + field + " resulted in " +
                  std::to_string(prompt_tokens) + " tokens. Please reduce the length of the " +
                  field + "; the answer needs at least one token as well.",
              field, "context_length_exceeded");
}

std::vector<Warning> UnusedByTemplate(const ChatPrompt& chat, const ChatTemplate& chat_template,
                                      const TemplateReport& report) {
  std::vector<Warning> warnings;
  for (const TemplateNeed& need : kTemplateNeeds) {
    const bool ignored =
        report.Ignores(need.ability) || (need.ability == "tools" && !chat_template.Uses("tools"));
    const bool told = !warnings.empty() && warnings.back().code == need.code;
    if (ignored && !told && need.needed(chat))
      warnings.push_back({std::string(need.code), std::string(need.field),
                          "the model's chat template " + std::string(need.message)});
  }
  for (const auto& [name, value] : chat.template_variables)
    if (!chat_template.Uses(name))
      warnings.push_back(
          {"template_variable_unused", "chat_template_kwargs." + std::string(name),
           "the model's chat template does not use '" + std::string(name) + "': it has no effect"});
  return warnings;
}

}  // namespace ingle
