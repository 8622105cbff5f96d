#include "chat/normalise_messages.h"

#include <algorithm>
#include <iterator>

namespace ingle {
namespace {

std::unexpected<Error> Wrong(const std::string& param, const std::string& what) {
  return Fail(ErrorCode::kInvalidRequest, param + " " + what, param);
}

std::string Indexed(const std::string& path, size_t at) {
  return path + "[" + std::to_string(at) + "]";
}

Result<json::string> JoinParts(const json::array& parts, const std::string& path) {
  json::string text;
  for (size_t i = 0; i < parts.size(); i++) {
    std::string part_path = Indexed(path, i);
    const json::object* part = parts[i].if_object();
    if (part == nullptr) return Wrong(part_path, "must be an object with a type");
    const json::value* type = part->if_contains("type");
    if (type == nullptr || !type->is_string())
      return Wrong(part_path + ".type", "must be a string");
    std::string_view name = type->get_string();
    bool is_text = name == "text" || name == "input_text" || name == "output_text";
    if (!is_text && name != "refusal")
      return Fail(ErrorCode::kUnsupported,
                  part_path + ".type is '" + std::string(name.substr(0, 40)) +
                      "', which this model cannot read; send parts of type 'text'",
                  part_path + ".type", "unsupported_content");
    std::string_view field = is_text ? "text" : "refusal";
    const json::value* content = part->if_contains(field);
    if (content == nullptr || !content->is_string())
      return Wrong(part_path + "." + std::string(field), "must be a string");
    if (i > 0) text += '\n';
    text += content->get_string();
  }
  return text;
}

Status NormaliseContent(json::object& message, const std::string& path) {
  json::value& content = message["content"];  // Missing: null.
  if (content.is_null()) content = "";
  if (content.is_string()) return {};
  if (!content.is_array())
    return Wrong(path + ".content", "must be a string, null or an array of parts");
  INGLE_TRY(json::string text, JoinParts(content.get_array(), path + ".content"));
  content = std::move(text);
  return {};
}

Status NormaliseCall(json::value& call, const std::string& path,
                     std::vector<std::string>& warnings) {
  json::object* object = call.if_object();
  json::value* function = object == nullptr ? nullptr : object->if_contains("function");
  if (function == nullptr || !function->is_object())
    return Wrong(path + ".function", "must be an object");
  const json::value* name = function->get_object().if_contains("name");
  if (name == nullptr || !name->is_string())
    return Wrong(path + ".function.name", "must be a string");
  json::value& arguments = function->get_object()["arguments"];
  if (arguments.is_null()) arguments = json::object();
  if (arguments.is_object()) return {};
  if (!arguments.is_string())
    return Wrong(path + ".function.arguments", "must be JSON in a string, or an object");
  std::string_view text = arguments.get_string();
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    arguments = json::object();
    return {};
  }
  auto parsed = ParseJson(text, path + ".function.arguments", {.big_integers = true});
  if (parsed && parsed->is_object())
    arguments = std::move(*parsed);
  else  // What a model once wrote; the conversation goes on with it as text.
    warnings.push_back(
        path + ".function.arguments is not a JSON object and is passed to the template as text");
  return {};
}

Status NormaliseToolCalls(json::object& message, const std::string& path,
                          std::vector<std::string>& warnings) {
  json::value* calls = message.if_contains("tool_calls");
  if (calls == nullptr) return {};
  if (!calls->is_array()) return Wrong(path + ".tool_calls", "must be an array");
  json::array& list = calls->get_array();
  for (size_t i = 0; i < list.size(); i++)
    INGLE_RETURN_IF_ERROR(NormaliseCall(list[i], Indexed(path + ".tool_calls", i), warnings));
  if (list.empty()) message.erase("tool_calls");
  return {};
}

json::object WithoutNulls(const json::object& message) {
  json::object kept;
  for (const auto& [key, value] : message)
    if (!value.is_null()) kept.emplace(key, value);
  return kept;
}

Result<json::object> NormaliseMessage(const json::value& value, const std::string& path,
                                      std::vector<std::string>& warnings) {
  if (!value.is_object()) return Wrong(path, "must be an object");
  json::object message = WithoutNulls(value.get_object());
  json::value* role = message.if_contains("role");
  if (role == nullptr || !role->is_string() || role->get_string().empty())
    return Wrong(path + ".role", "must be a string such as 'user'");
  if (role->get_string() == "developer") *role = "system";
  if (role->get_string() == "function") *role = "tool";
  INGLE_RETURN_IF_ERROR(NormaliseContent(message, path));
  INGLE_RETURN_IF_ERROR(NormaliseToolCalls(message, path, warnings));
  if (message.contains("function_call"))
    warnings.push_back(path + ".function_call is the old form and is ignored; use tool_calls");
  for (const char* name : {"reasoning", "thinking"}) {
    const json::value* reasoning = message.if_contains(name);
    if (reasoning == nullptr || !reasoning->is_string() || message.contains("reasoning_content"))
      continue;
    message["reasoning_content"] = json::string(reasoning->get_string());
  }
  return message;
}

bool Joinable(const json::object& before, const json::object& after) {
  std::string_view role = before.at("role").as_string();
  return role == after.at("role").as_string() && role != "tool" && !before.contains("tool_calls") &&
         !after.contains("tool_calls");
}

// Whether the template knows the reasoning of a message by the name `thinking` only.
bool ReadsThinking(std::string_view source) {
  if (source.find("reasoning_content") != std::string_view::npos) return false;
  constexpr std::string_view kWays[] = {"message.thinking", "'thinking'", "\"thinking\""};
  return std::ranges::any_of(
      kWays, [&](std::string_view way) { return source.find(way) != std::string_view::npos; });
}

// gpt-oss reads a message's reasoning under another name, and refuses it beside text in a message
// that calls tools.
void CopyReasoning(json::array& messages, std::vector<std::string>& warnings) {
  for (size_t i = 0; i < messages.size(); i++) {
    json::object& message = messages[i].as_object();
    const json::value* reasoning = message.if_contains("reasoning_content");
    if (reasoning == nullptr || message.contains("thinking")) continue;
    if (message.contains("tool_calls") && !message.at("content").as_string().empty()) {
      warnings.push_back(Indexed("messages", i) +
                         ".reasoning_content is left out: the chat template takes it or the "
                         "content of a message that calls tools, not both");
      continue;
    }
    json::value copy = *reasoning;
    message["thinking"] = std::move(copy);
  }
}

}  // namespace

Result<NormalisedMessages> NormaliseMessages(const json::array& messages) {
  if (messages.empty()) return Wrong("messages", "must hold at least one message");
  NormalisedMessages result;
  for (size_t i = 0; i < messages.size(); i++) {
    INGLE_TRY(json::object message,
              NormaliseMessage(messages[i], Indexed("messages", i), result.warnings));
    result.messages.push_back(std::move(message));
  }
  return result;
}

json::array MergeTurns(const json::array& messages) {
  json::array merged;
  for (const json::value& value : messages) {
    json::object message = value.as_object();
    bool leading =
        merged.empty() || (merged.size() == 1 && merged[0].at("role").as_string() == "system");
    if (message.at("role").as_string() == "system" && !leading) message["role"] = "user";
    if (!merged.empty() && Joinable(merged.back().as_object(), message)) {
      json::string& text = merged.back().at("content").as_string();
      text += "\n\n";
      text += message.at("content").as_string();
      continue;
    }
    merged.push_back(std::move(message));
  }
  return merged;
}

Result<RenderedConversation> RenderConversation(const ChatTemplate& chat_template,
                                                const json::array& messages,
                                                const json::array& tools,
                                                const RenderOptions& options) {
  INGLE_TRY(NormalisedMessages normal, NormaliseMessages(messages));
  RenderedConversation result;
  result.warnings = std::move(normal.warnings);
  if (ReadsThinking(chat_template.source())) CopyReasoning(normal.messages, result.warnings);
  auto spans = chat_template.Render(normal.messages, tools, options);
  if (!spans && spans.error().id == "template_error") {
    json::array merged = MergeTurns(normal.messages);
    auto again = merged == normal.messages ? spans : chat_template.Render(merged, tools, options);
    if (again) {
      result.warnings.push_back(
          "the chat template refuses this order of messages; system messages and neighbours of the "
          "same role were joined");
      spans = std::move(again);
    }
  }
  if (!spans) return std::unexpected(std::move(spans).error());
  result.spans = std::move(*spans);
  return result;
}

}  // namespace ingle
