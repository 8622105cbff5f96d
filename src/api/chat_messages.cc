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
constexpr size_t kShownNameBytes = 64;  // Of a name that a client made up.
constexpr size_t kMaxWarnings = 32;     // Of one request; further ones about parts are left out.
constexpr std::array<std::string_view, 6> kRoles = {"system",    "developer", "user",
                                                    "assistant", "tool",      "function"};

std::string_view Text(const json::string& text) { return {text.data(), text.size()}; }

std::unexpected<Error> Bad(const std::string& param, const std::string& must,
                           const char* id = "invalid_type") {
  return Fail(ErrorCode::kInvalidRequest, param + " " + must, param, id);
}

// A part's type and the field that holds its text.
struct PartKind {
  std::string_view type, field;
};
constexpr PartKind kParts[] = {
    {"text", "text"}, {"input_text", "text"}, {"output_text", "text"}, {"refusal", "refusal"}};

// The texts of parts are joined; whatever else a part says is lost on the way.
void WarnOfOthers(const json::object& part, std::string_view field, const std::string& param,
                  std::vector<Warning>* warnings) {
  for (const auto& [key, value] : part) {
    const std::string_view name(key.data(), key.size());
    if (value.is_null() || name == "type" || name == field) continue;
    if (warnings->size() >= kMaxWarnings) return;
    const std::string shown = param + "." + std::string(name.substr(0, kShownNameBytes));
    warnings->push_back(
        {"ignored_field", shown, shown + " has no effect: of a part only the text is read"});
  }
}

Status CheckPart(const json::value& part, const std::string& param,
                 std::vector<Warning>* warnings) {
  const json::object* object = IfObject(part);
  if (object == nullptr) return Bad(param, "must be an object with a type");
  const json::value* type = object->if_contains("type");
  if (type == nullptr || !type->is_string()) return Bad(param + ".type", "must be a string");
  const std::string_view name = Text(type->get_string());
  const auto* kind = std::ranges::find(kParts, name, &PartKind::type);
  if (kind == std::end(kParts))
    return Fail(ErrorCode::kUnsupported,
                param + " is of type '" + std::string(name.substr(0, kShownNameBytes)) +
                    "'; the model reads text only, send parts of type 'text'",
                param + ".type", "unsupported_content_part");
  const json::value* text = object->if_contains(json::string_view(kind->field));
  if (text == nullptr || !text->is_string())
    return Bad(param + "." + std::string(kind->field), "must be a string");
  WarnOfOthers(*object, kind->field, param, warnings);
  return {};
}

// An assistant's message may hold tool calls alone; a system message or a tool's result may be
// null. What a user says must be there.
Status CheckContent(const json::value* content, std::string_view role, const std::string& param,
                    std::vector<Warning>* warnings) {
  if (content == nullptr || content->is_null()) {
    if (role != "user") return {};
    return Bad(param, "is missing; give what the user says, as a string or an array of parts",
               "missing_required_parameter");
  }
  if (content->is_string()) return {};
  const json::array* parts = content->if_array();
  if (parts == nullptr) return Bad(param, "must be a string, null or an array of parts");
  if (parts->empty() && role != "assistant")
    return Bad(param, "is an empty array; give at least one part, or a string", "invalid_value");
  for (size_t i = 0; i < parts->size(); ++i)
    INGLE_RETURN_IF_ERROR(CheckPart((*parts)[i], param + "[" + std::to_string(i) + "]", warnings));
  return {};
}

Status CheckToolCalls(const json::value* calls, const std::string& param) {
  if (calls == nullptr || calls->is_null()) return {};
  const json::array* array = calls->if_array();
  if (array == nullptr) return Bad(param, "must be an array");
  for (size_t i = 0; i < array->size(); ++i) {
    const std::string name = param + "[" + std::to_string(i) + "].function";
    const json::object* call = IfObject((*array)[i]);
    const json::value* function = call == nullptr ? nullptr : call->if_contains("function");
    if (function == nullptr || IfObject(*function) == nullptr)
      return Bad(name, "must be an object");
    const json::value* called = function->get_object().if_contains("name");
    if (called == nullptr || !called->is_string()) return Bad(name + ".name", "must be a string");
    const json::value* arguments = function->get_object().if_contains("arguments");
    if (arguments != nullptr && IfBigInteger(*arguments) != nullptr)
      return Bad(name + ".arguments", "must be JSON in a string, or an object");
  }
  return {};
}

Status CheckMessage(const json::value& message, const std::string& param,
                    std::vector<Warning>* warnings) {
  const json::object* object = IfObject(message);
  if (object == nullptr) return Bad(param, "must be an object");
  const json::value* role = object->if_contains("role");
  if (role == nullptr || !role->is_string()) return Bad(param + ".role", "must be a string");
  if (std::ranges::find(kRoles, Text(role->get_string())) == kRoles.end())
    return Bad(param + ".role", "must be system, developer, user, assistant or tool",
               "invalid_value");
  INGLE_RETURN_IF_ERROR(CheckContent(object->if_contains("content"), Text(role->get_string()),
                                     param + ".content", warnings));
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
  const json::object* object = IfObject(tool);
  if (object == nullptr) return Bad(param, "must be an object");
  const json::value* type = object->if_contains("type");
  if (type == nullptr || !type->is_string()) return Bad(param + ".type", "must be \"function\"");
  if (type->get_string() != "function")
    return Fail(ErrorCode::kUnsupported,
                param + " is of type '" + std::string(Text(type->get_string()).substr(0, 64)) +
                    "'; only functions are supported, use type 'function'",
                param + ".type", "unsupported_tool");
  const json::value* function = object->if_contains("function");
  if (function == nullptr || IfObject(*function) == nullptr)
    return Bad(param + ".function", "must be an object");
  const json::value* name = function->get_object().if_contains("name");
  if (name == nullptr || !name->is_string() || !IsToolName(Text(name->get_string())))
    return Bad(param + ".function.name", "must be 1 to 64 letters, digits, _ , - or .",
               "invalid_value");
  if (!names->insert(std::string(Text(name->get_string()))).second)
    return Bad(param + ".function.name", "appears twice; give each tool its own name",
               "invalid_value");
  const json::value* parameters = function->get_object().if_contains("parameters");
  if (parameters != nullptr && !parameters->is_null() && IfObject(*parameters) == nullptr)
    return Bad(param + ".function.parameters", "must be an object");
  return {};
}

// Arguments are what the model writes, not what the schema allows.
void WarnOfStrict(const json::array& tools, std::vector<Warning>* warnings) {
  for (size_t i = 0; i < tools.size(); ++i) {
    const json::value* strict =
        tools[i].get_object().at("function").get_object().if_contains("strict");
    if (strict == nullptr || *strict != true) continue;
    const std::string param = "tools[" + std::to_string(i) + "].function.strict";
    warnings->push_back({"ignored_field", param,
                         param + " has no effect: arguments are not held to the schema by this "
                                 "version"});
    return;
  }
}

}  // namespace

Result<json::array> ReadMessages(const json::value* messages, std::vector<Warning>* warnings) {
  if (messages == nullptr)
    return Bad("messages",
               "is missing; give an array such as [{\"role\": \"user\", \"content\": \"Hello\"}]",
               "missing_required_parameter");
  if (!messages->is_array()) return Bad("messages", "must be an array");
  const json::array& array = messages->get_array();
  if (array.empty()) return Bad("messages", "is empty; give at least one message", "invalid_value");
  if (array.size() > kMaxMessages)
    return Bad("messages",
               "has more than " + std::to_string(kMaxMessages) + " entries; leave out the oldest",
               "invalid_value");
  for (size_t i = 0; i < array.size(); ++i)
    INGLE_RETURN_IF_ERROR(CheckMessage(array[i], "messages[" + std::to_string(i) + "]", warnings));
  if (array.back().get_object().at("role") == "assistant") {
    const std::string param = "messages[" + std::to_string(array.size() - 1) + "]";
    warnings->push_back({"answer_not_continued", param,
                         param + " is the assistant's: this version does not go on with its text "
                                 "but begins a new answer after it"});
  }
  return array;
}

Result<json::array> ReadTools(const json::value* tools, std::vector<Warning>* warnings) {
  if (tools == nullptr) return json::array();
  if (!tools->is_array()) return Bad("tools", "must be an array");
  const json::array& array = tools->get_array();
  if (array.size() > kMaxTools)
    return Bad("tools",
               "has more than " + std::to_string(kMaxTools) + " entries; send those that matter",
               "invalid_value");
  std::set<std::string, std::less<>> names;
  for (size_t i = 0; i < array.size(); ++i)
    INGLE_RETURN_IF_ERROR(CheckTool(array[i], "tools[" + std::to_string(i) + "]", &names));
  WarnOfStrict(array, warnings);
  return array;
}

Status CheckTemplateVariables(const json::object& variables) {
  for (const auto& [key, value] : variables) {
    const std::string_view name(key.data(), key.size());
    if (IsReservedTemplateVariable(name))
      return Fail(ErrorCode::kInvalidRequest,
                  "chat_template_kwargs may not set '" + std::string(name) +
                      "'; the server passes it itself, leave it out",
                  "chat_template_kwargs", "reserved_kwarg");
    const bool list = value.is_array() && std::ranges::all_of(value.get_array(), [](const auto& d) {
                        return d.is_object();
                      });
    if (name == "documents" && !list)
      return Fail(ErrorCode::kInvalidRequest,
                  "documents must be an array of objects, such as {\"title\": ..., \"text\": ...}",
                  "documents", "invalid_type");
  }
  return {};
}

}  // namespace ingle
