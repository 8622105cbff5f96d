// Renders templates for comparisons with the original: one JSON request per line on stdin, one JSON
// answer per line.
// {"template", "messages", "tools"?, "variables"?, "add_generation_prompt"?, "now"?} ->
// {"text", "spans": [[text, trusted], ...]} or {"error", "id"}

#include <iostream>
#include <string>

#include "base/json.h"
#include "chat/chat_template.h"

namespace {

using ingle::json::array;
using ingle::json::object;
using ingle::json::value;

value Describe(const ingle::Error& error) {
  return object{{"error", error.message}, {"id", error.id}};
}

value Answer(const object& request) {
  auto chat_template =
      ingle::CompileChatTemplate(std::string_view(request.at("template").as_string()), "", "");
  if (!chat_template) return Describe(chat_template.error());
  ingle::RenderOptions options;
  options.free_variables = true;
  options.pass_empty_tools = true;
  if (const value* variables = request.if_contains("variables"))
    options.variables = variables->as_object();
  if (const value* prompt = request.if_contains("add_generation_prompt"))
    options.add_generation_prompt = prompt->as_bool();
  if (const value* now = request.if_contains("now")) options.now_unix_s = now->as_int64();
  const value* tools = request.if_contains("tools");
  if (tools == nullptr || tools->is_null()) options.pass_empty_tools = false;
  auto spans =
      (*chat_template)
          ->Render(request.at("messages").as_array(),
                   tools != nullptr && tools->is_array() ? tools->as_array() : array(), options);
  if (!spans) return Describe(spans.error());
  std::string text;
  array list;
  for (const ingle::TextSpan& span : *spans) {
    text += span.text;
    list.push_back(array{value(span.text), value(span.trusted)});
  }
  return object{{"text", text}, {"spans", list}};
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    auto request = ingle::ParseJson(line, "the request", {.depth = 600, .big_integers = true});
    value answer = request ? Answer(request->as_object()) : Describe(request.error());
    std::cout << ingle::json::serialize(answer) << std::endl;
  }
  return 0;
}
