#include "engine/prompt.h"

#include <gtest/gtest.h>

#include "engine/fake_model.h"

namespace ingle {
namespace {

TEST(PromptMaker, ExactlyOneBeginToken) {
  FakeTokenizer tokenizer;
  PromptMaker maker{&tokenizer, nullptr, ""};
  auto make = [&](std::string text) { return maker.Tokenize({{std::move(text), true}}); };
  EXPECT_EQ(make("x"), (std::vector<TokenId>{'x'}));
  EXPECT_EQ(make("<s>x"), (std::vector<TokenId>{kFakeBegin, 'x'}));
  tokenizer.add_bos = true;
  EXPECT_EQ(make("x"), (std::vector<TokenId>{kFakeBegin, 'x'}));
  EXPECT_EQ(make("<s>x"), (std::vector<TokenId>{kFakeBegin, 'x'}));
  EXPECT_EQ(make("<s><s>x<s>"), (std::vector<TokenId>{kFakeBegin, 'x', kFakeBegin}));
  tokenizer.bos.reset();
  EXPECT_EQ(make("x"), (std::vector<TokenId>{'x'}));
}

// TK-03
TEST(PromptMaker, MoreTokensThan32BitsCountAreTooMany) {
  EXPECT_TRUE(FitsContext(99, 100, true));
  for (const uint64_t tokens :
       {uint64_t{100}, (uint64_t{1} << 31) + 1, (uint64_t{1} << 32) + 5, ~uint64_t{0}}) {
    const auto fits = FitsContext(tokens, 100, false);
    ASSERT_FALSE(fits) << tokens;
    EXPECT_EQ(fits.error().id, "context_length_exceeded");
    EXPECT_EQ(fits.error().param, "prompt");
    EXPECT_NE(fits.error().message.find(std::to_string(tokens) + " tokens"), std::string::npos);
  }
}

TEST(PromptMaker, PlainTextWithoutSpecials) {
  FakeTokenizer tokenizer;
  PromptMaker maker{&tokenizer, nullptr, ""};
  GenerateRequest request;
  request.prompt = TextPrompt{"</s>", false};
  EXPECT_EQ(maker.Make(request, 0, nullptr)->size(), 4u);
  request.prompt = TextPrompt{"</s>", true};
  EXPECT_EQ(*maker.Make(request, 0, nullptr), (std::vector<TokenId>{kFakeEos}));
}

TEST(PromptMaker, NamesWhatTheTemplateDoesNotUse) {
  const auto chat_template =
      CompileChatTemplate("{{ messages[0].content }}{{ enable_thinking }}", "", "");
  ASSERT_TRUE(chat_template);
  ChatPrompt chat;
  chat.template_variables = {{"enable_thinking", true}, {"date", "today"}};
  auto warnings = UnusedByTemplate(chat, **chat_template, {});
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].code, "template_variable_unused");
  EXPECT_EQ(warnings[0].field, "chat_template_kwargs.date");
  chat.tools.push_back(json::object{});
  warnings = UnusedByTemplate(chat, **chat_template, {});
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_EQ(warnings[0].code, "tools_not_shown");
  EXPECT_EQ(warnings[0].field, "tools");
}

TEST(PromptMaker, NamesWhatTheTemplateLeavesOut) {
  const auto chat_template = CompileChatTemplate(
      "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}", "",
      "");
  ASSERT_TRUE(chat_template);
  const TemplateReport report = TestTemplate(**chat_template);
  auto codes = [&](const char* messages) {
    ChatPrompt chat;
    chat.messages = ParseJson(messages, "test")->as_array();
    std::string all;
    for (const Warning& warning : UnusedByTemplate(chat, **chat_template, report))
      all += warning.code + ";";
    return all;
  };
  EXPECT_EQ(codes(R"([{"role":"user","content":"a"}])"), "");
  EXPECT_EQ(codes(R"([{"role":"developer","content":"s"}])"), "system_not_shown;");
  EXPECT_EQ(codes(R"([{"role":"user","content":"a"},{"role":"system","content":"s"}])"),
            "system_not_shown;");
  EXPECT_EQ(codes(R"([{"role":"assistant","content":"a","reasoning":"r"}])"),
            "turns_not_shown;reasoning_not_shown;");
  EXPECT_EQ(codes(R"([{"role":"assistant","tool_calls":[]},{"role":"tool","content":"r"}, 7])"),
            "turns_not_shown;tool_calls_not_shown;tool_results_not_shown;");
}

}  // namespace
}  // namespace ingle
