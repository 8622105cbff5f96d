// Templates by name, and what they can do.

#include "chat/template_choice.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "chat/template_selftest.h"

namespace ingle {
namespace {

std::string NameOf(const Result<const NamedTemplate*>& chosen) {
  return chosen ? (*chosen)->name : "refused: " + chosen.error().message;
}

TEST(TemplateChoice, OfMetadata) {
  const std::vector<std::pair<std::string, std::string>> texts = {
      {"tokenizer.chat_template", "plain"},
      {"tokenizer.chat_template.tool_use", "tools"},
      {"tokenizer.chat_template.", "nameless"},
      {"tokenizer.chat_templates", "a list of names"},
      {"tokenizer.ggml.model", "gpt2"}};
  auto templates = TemplatesOfMetadata(texts);
  ASSERT_EQ(templates.size(), 2U);
  EXPECT_EQ(templates[0].name, "default");
  EXPECT_EQ(templates[1].name, "tool_use");
  EXPECT_EQ(templates[1].source, "tools");
}

TEST(TemplateChoice, ToolsDefaultAndName) {
  const std::vector<NamedTemplate> both = {{"default", "d"}, {"tool_use", "t"}};
  EXPECT_EQ(NameOf(ChooseTemplate(both, false)), "default");
  EXPECT_EQ(NameOf(ChooseTemplate(both, true)), "tool_use");
  EXPECT_EQ(NameOf(ChooseTemplate(both, false, "tool_use")), "tool_use");
  EXPECT_EQ(NameOf(ChooseTemplate(both, true, "rag")),
            "refused: the model has no chat template named 'rag'; it has 'default', 'tool_use'");
  const std::vector<NamedTemplate> single = {{"rag", "r"}};
  EXPECT_EQ(NameOf(ChooseTemplate(single, true)), "rag");
  const std::vector<NamedTemplate> nothing_fits = {{"rag", "r"}, {"tool_use", "t"}};
  EXPECT_EQ(NameOf(ChooseTemplate(nothing_fits, true)), "tool_use");
  EXPECT_NE(NameOf(ChooseTemplate(nothing_fits, false)).find("none is the default"),
            std::string::npos);
  EXPECT_EQ(NameOf(ChooseTemplate({}, false)), "refused: the model has no chat template");
}

TEST(TemplateChoice, OneChatTemplateOfAll) {
  const std::vector<NamedTemplate> both = {
      {"default", "plain {{ bos_token }}"},
      {"tool_use", "{{ tools|length }} tools{{ enable_thinking }}"}};
  auto chat = CompileTemplates(both, {{"bos_token", "<s>"}});
  ASSERT_TRUE(chat) << chat.error().message;
  auto render = [&](const json::array& tools, bool pass_empty) {
    RenderOptions options;
    options.pass_empty_tools = pass_empty;
    auto spans = (*chat)->Render({}, tools, options);
    std::string text;
    if (spans)
      for (const TextSpan& span : *spans) text += span.text;
    return text;
  };
  EXPECT_EQ(render({}, false), "plain <s>");
  EXPECT_EQ(render({}, true), "0 tools");
  EXPECT_EQ(render({json::object()}, false), "1 tools");
  EXPECT_EQ((*chat)->source(), "plain {{ bos_token }}");
  EXPECT_TRUE((*chat)->Uses("enable_thinking"));
  EXPECT_FALSE((*chat)->Uses("thinking"));
  EXPECT_FALSE(CompileTemplates({}, {}));
  auto broken =
      CompileTemplates(std::vector<NamedTemplate>{{"default", "x"}, {"tool_use", "{% if %}"}}, {});
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("'tool_use'"), std::string::npos);
}

std::string AnswerOf(const TemplateReport& report, std::string_view name) {
  for (const TemplateAbility& ability : report.abilities)
    if (ability.name == name)
      return ability.answer == TemplateAnswer::kWorks     ? "works"
             : ability.answer == TemplateAnswer::kIgnored ? "ignored"
                                                          : "refused";
  return "not asked";
}

TEST(TemplateSelftest, SaysWhatIsMissing) {
  auto chat = CompileChatTemplate(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
      "{% endif %}{% if m.role == 'user' %}Q {{ m.content }}{% elif m.role == 'assistant' %}"
      "A {{ m.content }}{% endif %}{% endfor %}{{ 'A ' if add_generation_prompt }}",
      "", "");
  ASSERT_TRUE(chat) << chat.error().message;
  const TemplateReport report = TestTemplate(**chat);
  const std::pair<const char*, const char*> expected[] = {
      {"one_turn", "works"},       {"several_turns", "works"}, {"system", "refused"},
      {"late_system", "refused"},  {"tools", "ignored"},       {"tool_calls", "ignored"},
      {"tool_results", "ignored"}, {"documents", "ignored"},   {"prefill", "works"},
      {"same_role_twice", "works"}};
  for (const auto& [name, answer] : expected) EXPECT_EQ(AnswerOf(report, name), answer) << name;
  EXPECT_TRUE(report.Works("prefill"));
  EXPECT_FALSE(report.Works("tools"));
  EXPECT_FALSE(report.Works("no such thing"));
  EXPECT_EQ(report.generation_prompt, "A ");
  EXPECT_EQ(report.thinking_variable, "");
  const json::object described = DescribeReport(report);
  EXPECT_EQ(described.at("tools").at("answer").as_string(), "ignored");
  EXPECT_NE(std::string_view(described.at("system").at("detail").as_string()).find("no system"),
            std::string_view::npos);
  EXPECT_TRUE(described.at("thinking_variable").is_null());
  EXPECT_EQ(described.at("generation_prompt").as_string(), "A ");
  const std::vector<std::string> lines = Shortcomings(report);
  EXPECT_TRUE(std::ranges::count(lines, "tools: not in the prompt") == 1);
}

TEST(TemplateSelftest, ATemplateThatRefusesEverything) {
  auto chat = CompileChatTemplate("{{ raise_exception('no') }}", "", "");
  ASSERT_TRUE(chat);
  const TemplateReport report = TestTemplate(**chat);
  for (const TemplateAbility& ability : report.abilities)
    EXPECT_EQ(AnswerOf(report, ability.name), "refused") << ability.name;
  EXPECT_EQ(Shortcomings(report).size(), report.abilities.size() + 1);
}

TEST(TemplateSelftest, PrefillAfterASwitchedThought) {
  auto chat = CompileChatTemplate(
      "{{ messages[0].content }}{% if messages|length > 1 %}<a>{{ messages[1].content }}{% endif %}"
      "{% if add_generation_prompt %}<a>{{ '' if enable_thinking else '<think></think>' }}"
      "{% endif %}",
      "", "");
  ASSERT_TRUE(chat);
  const TemplateReport report = TestTemplate(**chat);
  EXPECT_EQ(AnswerOf(report, "prefill"), "ignored");
  EXPECT_EQ(report.thinking_variable, "enable_thinking");
}

TEST(TemplateSelftest, PublishedTemplates) {
  const std::filesystem::path folder = INGLE_SOURCE_DIR "/../shared/data/templates";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "SKIPPED: " << folder << " is not there";
  struct Known {
    const char *file, *works, *fails, *thinking;
  };
  const Known known[] = {
      {"Qwen-Qwen3-0.6B", "tools tool_calls tool_results parallel_tool_calls reasoning system",
       "documents content_parts", "enable_thinking"},
      {"google-gemma-2-2b-it", "one_turn several_turns prefill",
       "system tools same_role_twice late_system", ""},
      {"mistralai-Mistral-Nemo-Instruct-2407", "tools tool_calls several_turns", "late_system", ""},
      {"ibm-granite-granite-3.3-2B-Instruct", "documents tools", "", "thinking"},
  };
  for (const Known& each : known) {
    std::ifstream file(folder / (std::string(each.file) + ".jinja"), std::ios::binary);
    std::stringstream source;
    source << file.rdbuf();
    auto chat = CompileChatTemplate(source.str(), "<s>", "</s>");
    ASSERT_TRUE(chat) << each.file;
    const TemplateReport report = TestTemplate(**chat);
    std::string name;
    for (std::istringstream names(each.works); names >> name;)
      EXPECT_EQ(AnswerOf(report, name), "works") << each.file << " " << name;
    for (std::istringstream names(each.fails); names >> name;)
      EXPECT_FALSE(report.Works(name)) << each.file << " " << name;
    EXPECT_EQ(report.thinking_variable, each.thinking) << each.file;
  }
}

}  // namespace
}  // namespace ingle
