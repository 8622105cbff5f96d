// What a template closes an assistant's turn with, found by rendering.

#include <algorithm>

#include "chat/chat_template.h"

namespace ingle {
namespace {

constexpr size_t kMaxTokenBytes = 64;

std::string Joined(const std::vector<TextSpan>& spans) {
  std::string text;
  for (const TextSpan& span : spans) text += span.text;
  return text;
}

// "<|im_end|>" of "<|im_end|>\n": up to the bracket that closes the first one; empty when there is
// none.
std::string FirstToken(std::string_view text) {
  size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  text.remove_prefix(start);
  constexpr std::string_view kOpen = "<[", kClose = ">]";
  size_t kind = kOpen.find(text[0]);
  // DeepSeek's tokens use a full-width bar, still between < and >.
  if (kind == std::string_view::npos) return {};
  size_t end = text.find(kClose[kind]);
  if (end == std::string_view::npos || end >= kMaxTokenBytes) return {};
  std::string token(text.substr(0, end + 1));
  return token.find_first_of(" \n") == std::string::npos ? token : std::string();
}

}  // namespace

std::vector<std::string> TurnEndings(const ChatTemplate& chat_template) {
  constexpr std::string_view kAnswer = "ingleAnswerMark";
  std::vector<std::string> endings;
  // As the last message, and followed by another turn: some templates close only one of them.
  for (bool followed : {false, true}) {
    json::array messages;
    messages.push_back(json::object{{"role", "user"}, {"content", "question"}});
    messages.push_back(json::object{{"role", "assistant"}, {"content", kAnswer}});
    if (followed) messages.push_back(json::object{{"role", "user"}, {"content", "question"}});
    RenderOptions options;
    options.add_generation_prompt = false;
    auto spans = chat_template.Render(messages, {}, options);
    if (!spans) continue;
    std::string text = Joined(*spans);
    size_t at = text.rfind(kAnswer);
    if (at == std::string::npos) continue;
    std::string token = FirstToken(std::string_view(text).substr(at + kAnswer.size()));
    // An opening of the next turn is not an ending: only what stands there in both cases, or before
    // the end.
    bool known = std::find(endings.begin(), endings.end(), token) != endings.end();
    if (!token.empty() && !known && (!followed || endings.empty()))
      endings.push_back(std::move(token));
  }
  return endings;
}

}  // namespace ingle
