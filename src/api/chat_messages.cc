#include "api/chat_messages.h"

#include <algorithm>
#include <array>
#include <set>

#include "api/generation_fields.h"
#include "request/template_variables.h"

namespace ingle {
namespace {

constexpr size_t kMaxTools = 512;
constexpr size_t kMaxToolNameBytes = 64;
constexpr std::array<std::string_view, 6> kRoles = {"system",    "developer", "user",
                                                    "assistant", "tool",      "function"};

std::string_view Text(const json::string& text) { return {text.data(), text.size()}; }

std::unexpected<Error> Bad(const std::string& param, const std::string& must,
                           const char* id = "invalid_type") {
  return Fail(ErrorCode::kInvalidRequest, param + " " + must, param, id);
}

Status CheckPart(const json::value& part, const std::string& param) {
  const json::object* object = part.if_object();
  if (object == nullptr) return Bad(param, "must be an object with a type");
  const json::value* type = object->if_contains("type");
  if (type == nullptr || !type->is_string()) return Bad(param + ".type", "must be a string");
  const std::string_view name = Text(type->get_string());
  if (name != "text" && name != "refusal")
    return Fail(
        ErrorCode::kUnsupported,
        param + " is of type '" + std::string(name.substr(0, 64)) + "'; the model reads text only",
        param + ".type", "unsupported_content_part");
  const json::value* text = object->if_contains(name == "text" ? "text" : "refusal");
  if (text == nullptr || !text->is_string())
    return Bad(param + "." + std::string(name), "must be a string");
  return {};
}

Status CheckContent(const json::value* content, const std::string& param) {
  if (content == nullptr || content->is_null() || content->is_string()) return {};
  const json::array* parts = content->if_array();
  if (parts == nullptr) return Bad(param, "must be a string, null or an array of parts");
  for (size_t i = 0; i < parts->size(); ++i)
    INGLE_RETURN_IF_ERROR(CheckPart((*parts)[i], param + "[" + std::to_string(i) + "]"));
  return {};
}

Status CheckToolCalls(const json::value* calls, const std::string& param) {
  if (calls == nullptr || calls->is_null()) return {};
  const json::array* array = calls->if_array();
  if (array == nullptr) return Bad(param, "must be an array");
  for (size_t i = 0; i < array->size(); ++i) {
    const std::string name = param + "[" + std::to_string(i) + "].function";
    const json::object* call = (*array)[i].if_object();
    const json::value* function = call == nullptr ? nullptr : call->if_contains("function");
    if (function == nullptr || !function->is_object()) return Bad(name, "must be an object");
    const json::value* called = function->get_object().if_contains("name");
    if (called == nullptr || !called->is_string()) return Bad(name + ".name", "must be a string");
  }
  return {};
}

Status CheckMessage(const json::value& message, const std::string& param) {
  const json::object* object = message.if_object();
  if (object == nullptr) return Bad(param, "must be an object");
  const json::value* role = object->if_contains("role");
  if (role == nullptr || !role->is_string()) return Bad(param + ".role", "must be a string");
  if (std::ranges::find(kRoles, Text(role->get_string())) == kRoles.end())
    return Bad(param + ".role", "must be system, developer, user, assistant or tool",
               "invalid_value");
  INGLE_RETURN_IF_ERROR(CheckContent(object->if_contains("content"), param + ".content"));
  INGLE_RETURN_IF_ERROR(CheckToolCalls(object->if_contains("tool_calls"), param + ".tool_calls"));
  const json::value* name = object->if_contains("name");
  if (name != nullptr && !name->is_null() && !name->is_string())
    return Bad(param + ".name", "must be a string");
  return {};
}

bool IsToolName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxToolNameBytes && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

Status CheckTool(const json::value& tool, const std::string& param,
                 std::set<std::string, std::less<>>* names) {
  const json::object* object = tool.if_object();
  if (object == nullptr) return Bad(param, "must be an object");
  const json::value* type = object->if_contains("type");
  if (type == nullptr || !type->is_string()) return Bad(param + ".type", "must be \"function\"");
  if (type->get_string() != "function")
    return Fail(ErrorCode::kUnsupported,
                param + " is of type '" + std::string(Text(type->get_string()).substr(0, 64)) +
                    "'; only functions are supported",
                param + ".type", "unsupported_tool");
  const json::value* function = object->if_contains("function");
  if (function == nullptr || !function->is_object())
    return Bad(param + ".function", "must be an object");
  const json::value* name = function->get_object().if_contains("name");
  if (name == nullptr || !name->is_string() || !IsToolName(Text(name->get_string())))
    return Bad(param + ".function.name", "must be 1 to 64 letters, digits, _ , - or .",
               "invalid_value");
  if (!names->insert(std::string(Text(name->get_string()))).second)
    return Bad(param + ".function.name", "appears twice", "invalid_value");
  const json::value* parameters = function->get_object().if_contains("parameters");
  if (parameters != nullptr && !parameters->is_null() && !parameters->is_object())
    return Bad(param + ".function.parameters", "must be an object");
  return {};
}

}  // namespace

Result<json::array> ReadMessages(const json::value* messages) {
  if (messages == nullptr)
    return Fail(ErrorCode::kInvalidRequest, "messages is missing", "messages",
                "missing_required_parameter");
  if (!messages->is_array()) return Bad("messages", "must be an array");
  const json::array& array = messages->get_array();
  if (array.empty()) return Bad("messages", "must not be empty", "invalid_value");
  if (array.size() > kMaxMessages)
    return Bad("messages", "has more than " + std::to_string(kMaxMessages) + " entries",
               "invalid_value");
  for (size_t i = 0; i < array.size(); ++i)
    INGLE_RETURN_IF_ERROR(CheckMessage(array[i], "messages[" + std::to_string(i) + "]"));
  return array;
}

Result<json::array> ReadTools(const json::value* tools) {
  if (tools == nullptr) return json::array();
  if (!tools->is_array()) return Bad("tools", "must be an array");
  const json::array& array = tools->get_array();
  if (array.size() > kMaxTools)
    return Bad("tools", "has more than " + std::to_string(kMaxTools) + " entries", "invalid_value");
  std::set<std::string, std::less<>> names;
  for (size_t i = 0; i < array.size(); ++i)
    INGLE_RETURN_IF_ERROR(CheckTool(array[i], "tools[" + std::to_string(i) + "]", &names));
  return array;
}

Status CheckTemplateVariables(const json::object& variables) {
  for (const auto& [key, value] : variables) {
    const std::string_view name(key.data(), key.size());
    if (IsReservedTemplateVariable(name))
      return Fail(ErrorCode::kInvalidRequest,
                  "chat_template_kwargs may not set '" + std::string(name) +
                      "'; the server passes it itself",
                  "chat_template_kwargs", "reserved_kwarg");
  }
  return {};
}

}  // namespace ingle
