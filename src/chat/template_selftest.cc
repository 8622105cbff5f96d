#include "chat/template_selftest.h"

#include <algorithm>
#include <array>

namespace ingle {
namespace {

// Words that no template contains: where they are in the prompt says what the template kept.
struct Probe {
  std::string_view name;
  std::string_view messages;
  std::array<std::string_view, 3> words;  // All have to be in the prompt, in this order.
  bool with_tools = false;
  std::string_view variables = "{}";
};

#define INGLE_ASK R"({"role":"user","content":"zaskone"})"
#define INGLE_ANSWER R"({"role":"assistant","content":"zanswerone"})"
#define INGLE_CALL(id, value) \
  R"({"id":")" id             \
  R"(","type":"function","function":{"name":"ztoolone","arguments":{"place":")" value R"("}}})"
#define INGLE_CALLS(calls) R"({"role":"assistant","content":"","tool_calls":[)" calls "]}"
#define INGLE_RESULT(id, text) \
  R"({"role":"tool","name":"ztoolone","tool_call_id":")" id R"(","content":")" text R"("})"

constexpr Probe kProbes[] = {
    {"one_turn", "[" INGLE_ASK "]", {"zaskone"}},
    {"several_turns",
     "[" INGLE_ASK "," INGLE_ANSWER R"(,{"role":"user","content":"zasktwo"}])",
     {"zaskone", "zanswerone", "zasktwo"}},
    {"system", R"([{"role":"system","content":"zorderone"},)" INGLE_ASK "]", {"zorderone"}},
    {"late_system",
     "[" INGLE_ASK "," INGLE_ANSWER R"(,{"role":"system","content":"zorderone"},)"
     R"({"role":"user","content":"zasktwo"}])",
     {"zaskone", "zorderone", "zasktwo"}},
    {"same_role_twice",
     "[" INGLE_ASK R"(,{"role":"user","content":"zasktwo"}])",
     {"zaskone", "zasktwo"}},
    {"tools", "[" INGLE_ASK "]", {"ztoolone"}, true},
    {"tool_calls",
     "[" INGLE_ASK "," INGLE_CALLS(INGLE_CALL("zcall0001", "zplaceone")) "," INGLE_RESULT(
         "zcall0001", "zresultone") "]",
     {"zaskone", "ztoolone", "zplaceone"},
     true},
    {"tool_results",
     "[" INGLE_ASK "," INGLE_CALLS(INGLE_CALL("zcall0001", "zplaceone")) "," INGLE_RESULT(
         "zcall0001", "zresultone") "]",
     {"zaskone", "zresultone"},
     true},
    {"parallel_tool_calls",
     "[" INGLE_ASK "," INGLE_CALLS(INGLE_CALL("zcall0001", "zplaceone") "," INGLE_CALL(
         "zcall0002",
         "zplacetwo")) "," INGLE_RESULT("zcall0001",
                                        "zresultone") "," INGLE_RESULT("zcall0002",
                                                                       "zresulttwo") "]",
     {"zplaceone", "zplacetwo", "zresulttwo"},
     true},
    {"reasoning",
     "[" INGLE_ASK R"(,{"role":"assistant","content":"","reasoning_content":"zthoughtone",)"
     R"("thinking":"zthoughtone","tool_calls":[)" INGLE_CALL(
         "zcall0001", "zplaceone") "]}," INGLE_RESULT("zcall0001", "zresultone") "]",
     {"zthoughtone", "zplaceone"},
     true},
    {"content_parts",
     R"([{"role":"user","content":[{"type":"text","text":"zaskone"}]}])",
     {"zaskone"}},
    {"documents",
     "[" INGLE_ASK "]",
     {"zdocumentone"},
     false,
     R"({"documents":[{"title":"zdocumentone","text":"zdocumentone","content":"zdocumentone"}]})"},
};

constexpr std::string_view kTools =
    R"([{"type":"function","function":{"name":"ztoolone","description":"looks up",)"
    R"("parameters":{"type":"object","properties":{"place":{"type":"string",)"
    R"("description":"where"}},)"
    R"("required":["place"]}}}])";
constexpr std::string_view kThinkingVariables[] = {"enable_thinking", "thinking",
                                                   "reasoning_effort", "thinking_mode"};

json::value Constant(std::string_view text) {
  auto value = ParseJson(text, "a probe");
  return value ? std::move(*value) : json::value(json::array());
}

Result<std::string> Render(const ChatTemplate& chat_template, std::string_view messages,
                           bool with_tools, json::object variables, bool generation_prompt) {
  RenderOptions options;
  options.add_generation_prompt = generation_prompt;
  options.variables = std::move(variables);
  options.free_variables = true;
  INGLE_TRY(auto spans, chat_template.Render(
                            Constant(messages).as_array(),
                            with_tools ? Constant(kTools).as_array() : json::array(), options));
  std::string text;
  for (const TextSpan& span : spans) text += span.text;
  return text;
}

TemplateAbility Run(const ChatTemplate& chat_template, const Probe& probe) {
  TemplateAbility ability{std::string(probe.name), TemplateAnswer::kWorks, ""};
  auto text = Render(chat_template, probe.messages, probe.with_tools,
                     Constant(probe.variables).as_object(), true);
  if (!text) {
    ability.answer = TemplateAnswer::kRefused;
    ability.detail = text.error().message;
    return ability;
  }
  size_t at = 0;
  for (std::string_view word : probe.words) {
    size_t found = word.empty() ? at : text->find(word, at);
    if (found == std::string::npos) {
      ability.answer = TemplateAnswer::kIgnored;
      ability.detail = "not in the prompt";
      break;
    }
    at = found + word.size();
  }
  return ability;
}

// Whether an answer that is begun for the model stands where its own would: the prompt that opens
// the assistant's turn goes on with it.
TemplateAbility RunPrefill(const ChatTemplate& chat_template) {
  TemplateAbility ability{"prefill", TemplateAnswer::kWorks, ""};
  auto opened = Render(chat_template, "[" INGLE_ASK "]", false, {}, true);
  auto begun = Render(chat_template, "[" INGLE_ASK "," INGLE_ANSWER "]", false, {}, false);
  if (!opened || !begun) {
    ability.answer = TemplateAnswer::kRefused;
    ability.detail = opened ? begun.error().message : opened.error().message;
  } else if (!begun->starts_with(*opened + "zanswerone")) {
    ability.answer = TemplateAnswer::kIgnored;
    ability.detail = "a begun answer does not follow what opens the assistant's turn";
  }
  return ability;
}

// The first variable whose values make a difference to the prompt.
std::string ThinkingVariable(const ChatTemplate& chat_template) {
  for (std::string_view name : kThinkingVariables) {
    if (!chat_template.Uses(name)) continue;
    const bool text = name == "reasoning_effort" || name == "thinking_mode";
    json::value on = text ? json::value("high") : json::value(true);
    json::value off = text ? json::value("low") : json::value(false);
    auto with = Render(chat_template, "[" INGLE_ASK "]", false, {{name, on}}, true);
    auto without = Render(chat_template, "[" INGLE_ASK "]", false, {{name, off}}, true);
    if (with && without && *with != *without) return std::string(name);
  }
  return {};
}

std::string GenerationPrompt(const ChatTemplate& chat_template) {
  auto with = Render(chat_template, "[" INGLE_ASK "]", false, {}, true);
  auto without = Render(chat_template, "[" INGLE_ASK "]", false, {}, false);
  if (!with || !without || !with->starts_with(*without)) return {};
  return with->substr(without->size());
}

#undef INGLE_ASK
#undef INGLE_ANSWER
#undef INGLE_CALL
#undef INGLE_CALLS
#undef INGLE_RESULT

constexpr std::string_view kAnswerNames[] = {"works", "ignored", "refused"};

}  // namespace

bool TemplateReport::Works(std::string_view name) const {
  return std::ranges::any_of(abilities, [&](const TemplateAbility& ability) {
    return ability.name == name && ability.answer == TemplateAnswer::kWorks;
  });
}

bool TemplateReport::Ignores(std::string_view name) const {
  return std::ranges::any_of(abilities, [&](const TemplateAbility& ability) {
    return ability.name == name && ability.answer == TemplateAnswer::kIgnored;
  });
}

TemplateReport TestTemplate(const ChatTemplate& chat_template) {
  TemplateReport report;
  for (const Probe& probe : kProbes) report.abilities.push_back(Run(chat_template, probe));
  report.abilities.push_back(RunPrefill(chat_template));
  report.thinking_variable = ThinkingVariable(chat_template);
  report.generation_prompt = GenerationPrompt(chat_template);
  return report;
}

json::object DescribeReport(const TemplateReport& report) {
  json::object out;
  for (const TemplateAbility& ability : report.abilities) {
    json::object entry = {{"answer", kAnswerNames[static_cast<size_t>(ability.answer)]}};
    if (!ability.detail.empty()) entry["detail"] = ability.detail;
    out[ability.name] = std::move(entry);
  }
  auto text = [](const std::string& value) {
    return value.empty() ? json::value() : json::value(value);
  };
  out["thinking_variable"] = text(report.thinking_variable);
  out["generation_prompt"] = text(report.generation_prompt);
  return out;
}

std::vector<std::string> Shortcomings(const TemplateReport& report) {
  // Most templates leave these out, and a request that needs them is told.
  constexpr std::string_view kRare[] = {"documents", "content_parts", "prefill"};
  std::vector<std::string> lines;
  for (const TemplateAbility& ability : report.abilities)
    if (ability.answer == TemplateAnswer::kRefused ||
        (ability.answer == TemplateAnswer::kIgnored &&
         std::ranges::find(kRare, ability.name) == std::end(kRare)))
      lines.push_back(ability.name + ": " + ability.detail);
  if (report.generation_prompt.empty())
    lines.push_back("generation_prompt: nothing opens the assistant's turn");
  return lines;
}

}  // namespace ingle
