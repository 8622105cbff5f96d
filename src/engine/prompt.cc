#include "engine/prompt.h"

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
  INGLE_RETURN_IF_ERROR(CheckTokens(tokens, tokenizer->size()));
  return tokens;
}

std::vector<Warning> UnusedByTemplate(const ChatPrompt& chat, const ChatTemplate& chat_template) {
  std::vector<Warning> warnings;
  if (!chat.tools.empty() && !chat_template.Uses("tools"))
    warnings.push_back({"tools_not_shown", "tools",
                        "the model's chat template does not show tools, so the model knows nothing "
                        "of them; describe them in a message, or use a model made for tools"});
  for (const auto& [name, value] : chat.template_variables)
    if (!chat_template.Uses(name))
      warnings.push_back(
          {"template_variable_unused", "chat_template_kwargs." + std::string(name),
           "the model's chat template does not use '" + std::string(name) + "': it has no effect"});
  return warnings;
}

}  // namespace ingle
