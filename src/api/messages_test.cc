#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "api/chat_completions.h"
#include "api/completions.h"
#include "api/error_json.h"
#include "api/generate.h"
#include "api/logprobs.h"
#include "api/sse.h"

namespace ingle {
namespace {

std::string ParamOf(const char* body) {
  auto call = ParseChatCompletion(json::parse(body).as_object());
  return call ? "accepted" : call.error().param;
}

TEST(Messages, FaultsAreNamed) {
  EXPECT_EQ(ParamOf(R"({})"), "messages");
  EXPECT_EQ(ParamOf(R"({"messages":[]})"), "messages");
  EXPECT_EQ(ParamOf(R"({"messages":[{}]})"), "messages[0].role");
  EXPECT_EQ(ParamOf(R"({"messages":[{"role":123}]})"), "messages[0].role");
  EXPECT_EQ(ParamOf(R"({"messages":[{"role":"user","content":"a"},{"role":"wizard"}]})"),
            "messages[1].role");
  EXPECT_EQ(ParamOf(R"({"messages":[{"role":"user","content":123}]})"), "messages[0].content");
  EXPECT_EQ(ParamOf(R"({"messages":[{"role":"user","content":[{"type":"text"}]}]})"),
            "messages[0].content[0].text");
  EXPECT_EQ(ParamOf(
                R"({"messages":[{"role":"user","content":[
          {"type":"image_url","image_url":{"url":"x"}}]}]})"),
            "messages[0].content[0].type");
  EXPECT_EQ(ParamOf(R"({"messages":[{"role":"assistant","tool_calls":[{}]}]})"),
            "messages[0].tool_calls[0].function");
}

TEST(Messages, AUserSaysSomething) {
  EXPECT_EQ(ParamOf(R"({"messages":[{"role":"user","content":null}]})"), "messages[0].content");
  EXPECT_EQ(ParamOf(R"({"messages":[{"role":"user"}]})"), "messages[0].content");
  EXPECT_EQ(ParamOf(R"({"messages":[{"role":"user","content":[]}]})"), "messages[0].content");
  EXPECT_EQ(ParamOf(R"({"messages":[{"role":"system","content":[]}]})"), "messages[0].content");
  EXPECT_EQ(ParamOf(R"({"messages":[{"role":"user","content":[{"type":"input_text"}]}]})"),
            "messages[0].content[0].text");
}

TEST(Messages, WhatIsNotHeededIsNamed) {
  const auto warned = [](const char* messages) {
    auto call = ParseChatCompletion({{"messages", json::parse(messages)}});
    if (!call) return "refused: " + call.error().message;
    std::string out;
    for (const Warning& warning : call->warnings) out += warning.code + " " + warning.field + "\n";
    return out;
  };
  EXPECT_EQ(warned(R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])"),
            "answer_not_continued messages[1]\n");
  EXPECT_EQ(warned(R"([{"role":"assistant","content":"b"},{"role":"user","content":"a"}])"), "");
  EXPECT_EQ(warned(R"([{"role":"user","content":[{"type":"text","text":"a","cache_control":{}},
                                                 {"type":"text","text":"b","detail":null}]}])"),
            "ignored_field messages[0].content[0].cache_control\n");
  json::array parts(100, json::object{{"type", "text"}, {"text", "a"}, {"x", 1}});
  auto call = ParseChatCompletion(
      {{"messages", json::array{json::object{{"role", "user"}, {"content", parts}}}}});
  ASSERT_TRUE(call);
  EXPECT_EQ(call->warnings.size(), 32u) << "as many as are of use";
}

TEST(Messages, WhatClientsSendIsAccepted) {
  for (const char* messages :
       {R"([{"role":"system","content":[{"type":"text","text":"a"}]},
            {"role":"user","content":"b"}])",
        R"([{"role":"developer","content":"a"},{"role":"system","content":null},
            {"role":"user","content":""}])",
        R"([{"role":"user","content":[{"type":"input_text","text":"a"}]},
            {"role":"assistant","content":[{"type":"output_text","text":"b"},
                                           {"type":"refusal","refusal":"no"}]},
            {"role":"assistant","content":[]},{"role":"user","content":"c"}])",
        R"([{"role":"user","content":"a","name":"bob"},{"role":"user","content":"b"}])",
        R"([{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function",
            "function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"1","content":"4"}])",
        R"([{"role":"assistant","content":"a","reasoning_content":"hm"},
            {"role":"user","content":"b"}])"})
    EXPECT_EQ(ParamOf((std::string(R"({"messages":)") + messages + "}").c_str()), "accepted")
        << messages;
}

TEST(Messages, ToolsAreChecked) {
  const std::string start = R"({"messages":[{"role":"user","content":"a"}],"tools":)";
  EXPECT_EQ(ParamOf((start + R"([{"type":"custom"}]})").c_str()), "tools[0].type");
  EXPECT_EQ(ParamOf((start + R"(["str"]})").c_str()), "tools[0]");
  EXPECT_EQ(ParamOf((start + R"([{"type":"function","function":{"name":"a\nb"}}]})").c_str()),
            "tools[0].function.name");
  EXPECT_EQ(ParamOf((start + R"([{"type":"function","function":{"name":"a"}},
                                {"type":"function","function":{"name":"a"}}]})")
                        .c_str()),
            "tools[1].function.name");
  EXPECT_EQ(
      ParamOf((start + R"([{"type":"function","function":{"name":"extract-1","parameters":{}}}]})")
                  .c_str()),
      "accepted");
}

TEST(Messages, ReservedTemplateVariables) {
  for (const char* name : {"messages", "tools", "bos_token", "chat_template", "tokenize"}) {
    auto call = ParseChatCompletion(
        {{"messages", json::array{json::object{{"role", "user"}, {"content", "a"}}}},
         {"chat_template_kwargs", json::object{{name, 1}}}});
    ASSERT_FALSE(call);
    EXPECT_EQ(call.error().id, "reserved_kwarg");
  }
}

TEST(Prompts, AllForms) {
  const auto parse = [](const char* prompt) {
    return ParseCompletion({{"prompt", json::parse(prompt)}, {"n", 2}});
  };
  EXPECT_EQ(parse(R"("a")")->requests.size(), 2u);
  EXPECT_EQ(parse(R"(["a","b"])")->requests.size(), 4u);
  EXPECT_EQ(std::get<TokenPrompt>(parse("[1,2,3]")->requests[0].prompt).tokens,
            (std::vector<int32_t>{1, 2, 3}));
  EXPECT_EQ(std::get<TokenPrompt>(parse("[[1],[2]]")->requests[2].prompt).tokens,
            (std::vector<int32_t>{2}));
  for (const char* bad :
       {R"("")", "[]", "[[]]", "[-1]", "[1.5]", "[1,\"a\"]", "[true]", "5", "[4294967296]"}) {
    auto call = parse(bad);
    ASSERT_FALSE(call) << bad;
    EXPECT_EQ(call.error().param, "prompt") << bad;
  }
}

TEST(Generate, RawAndTemplate) {
  auto call = ParseGenerate({{"prompt", "hi"}, {"raw", true}});
  EXPECT_EQ(std::get<TextPrompt>(call->requests[0].prompt).text, "hi");
  call = ParseGenerate(
      {{"prompt", "hi"}, {"sampling_params", {{"max_new_tokens", 3}, {"temperature", 0}}}});
  EXPECT_EQ(std::get<ChatPrompt>(call->requests[0].prompt).messages.size(), 1u);
  EXPECT_EQ(call->requests[0].max_tokens, 3u);
  EXPECT_EQ(call->requests[0].sampling.temperature, 0.0);
}

TEST(Generate, FieldsMayStandBesideSamplingParamsButNotTwice) {
  auto call = ParseGenerate({{"prompt", "hi"},
                             {"max_tokens", 3},
                             {"temperature", 0.5},
                             {"ignore_eos", true},
                             {"stop", "a"},
                             {"sampling_params", {{"top_k", 4}, {"max_new_tokens", 2}}}});
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_TRUE(call->warnings.empty());
  EXPECT_EQ(call->requests[0].max_tokens, 2u);
  EXPECT_EQ(call->requests[0].sampling.temperature, 0.5);
  EXPECT_EQ(call->requests[0].sampling.top_k, 4);
  EXPECT_TRUE(call->requests[0].ignore_eos);
  EXPECT_EQ(call->requests[0].stop, std::vector<std::string>{"a"});
  call = ParseGenerate({{"prompt", "hi"}, {"seed", 3}, {"sampling_params", {{"seed", 3}}}});
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().param, "sampling_params.seed");
  EXPECT_NE(call.error().message.find("one place"), std::string::npos);
  // Not a field of this endpoint, so nothing looks at its type.
  call = ParseGenerate({{"prompt", "hi"}, {"stream_options", 5}});
  ASSERT_TRUE(call);
  EXPECT_EQ(call->warnings.at(0).field, "stream_options");
  call = ParseGenerate({{"prompt", "hi"}, {"top_p", 7}});
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().param, "top_p");
}

TEST(Sse, LineSeparatorsAreEscaped) {
  const std::string data = SseData(json::object{{"t",
                                                 "a\xe2\x80\xa8"
                                                 "b\xe2\x80\xa9"
                                                 "c\xc2\x85"
                                                 "d\n"}});
  EXPECT_EQ(data, "data: {\"t\":\"a\\u2028b\\u2029c\\u0085d\\n\"}\n\n");
}

TEST(Sse, LongTextIsSplitBetweenCharacters) {
  std::string text = "a";
  while (text.size() < 3 * kTextPerEventBytes) text += "\xe4\xb8\xad";
  std::string together;
  for (const std::string_view piece : SplitText(text)) {
    EXPECT_LE(piece.size(), kTextPerEventBytes);
    EXPECT_NE(static_cast<unsigned char>(piece[0]) & 0xc0, 0x80);
    together += piece;
  }
  EXPECT_EQ(together, text);
  EXPECT_TRUE(SplitText("").empty());
}

TEST(Errors, StatusAndBody) {
  const Error overflow{ErrorCode::kInvalidRequest, "This model's ...", "messages",
                       "context_length_exceeded"};
  EXPECT_EQ(HttpStatus(overflow), 400);
  const json::object body = ErrorJson(overflow);
  const json::object& error = body.at("error").as_object();
  EXPECT_EQ(error.at("type"), "invalid_request_error");
  EXPECT_EQ(error.at("param"), "messages");
  EXPECT_EQ(error.at("code"), "context_length_exceeded");
  EXPECT_EQ(HttpStatus({ErrorCode::kUnavailable, "", "", "queue_full"}), 429);
  const HttpError died = ToHttpError({ErrorCode::kUnavailable, "", "", "worker_died"});
  EXPECT_EQ(died.status, 503);
  const HttpError memory = ToHttpError({ErrorCode::kOutOfMemory, "", "", ""});
  const auto has = [](const HttpError& e, const char* name) {
    return std::ranges::any_of(e.headers, [&](const auto& header) { return header.first == name; });
  };
  EXPECT_TRUE(has(died, "Retry-After"));
  const HttpError method = ToHttpError({ErrorCode::kInvalidRequest, "", "", ""}, 501);
  EXPECT_TRUE(has(method, "x-should-retry"));
  EXPECT_NE(method.body.find("\"invalid_request_error\""), std::string::npos) << method.body;
  EXPECT_TRUE(has(memory, "x-should-retry"));
  EXPECT_FALSE(has(memory, "Retry-After"));
}

TEST(Errors, TextCutInsideACharacterIsMended) {
  const HttpError error = ToHttpError({ErrorCode::kInvalidRequest, "cut \xc3", "p\xff", "i"});
  EXPECT_NE(error.body.find("cut \xef\xbf\xbd\""), std::string::npos) << error.body;
  EXPECT_NE(error.body.find("\"p\xef\xbf\xbd\""), std::string::npos) << error.body;
  EXPECT_EQ(JsonText(json::value("\xf0\x9f\x98\x80")), "\"\xf0\x9f\x98\x80\"");
}

TEST(Logprobs, BytesThatAreNotText) {
  EXPECT_EQ(AsUtf8("a\xe4\xb8"), "a\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(AsUtf8("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") << "a surrogate";
  EXPECT_EQ(AsUtf8("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
  const SampledToken token{1, "\xff", -std::numeric_limits<double>::infinity(), {}};
  const json::object shown = ChatLogprobs(std::span(&token, 1));
  EXPECT_EQ(json::serialize(shown),
            "{\"content\":[{\"token\":\"\xef\xbf\xbd\",\"logprob\":-9.999E3,\"bytes\":[255],"
            "\"top_logprobs\":[]}],\"refusal\":null}");
}

// The bytes of a chunk of text do not depend on how it was put together.
void ExpectChunksAsSerialized(Reply& reply, size_t choice, const char* entry_path) {
  const auto chunk_of = [&](const std::string& text) {
    const std::string chunk = reply.StreamDelta(choice, Delta{text, {}});
    EXPECT_TRUE(chunk.starts_with("data: {") && chunk.ends_with("}\n\n")) << chunk;
    return chunk;
  };
  const std::string first = chunk_of("first");
  for (const std::string& text :
       {std::string(" word"), std::string("\"\\/\b\x01\x7f"), std::string("\0", 1),
        std::string("\xff half \xe2\x82"), std::string("\xe2\x80\xa8 \xc2\x85 \xf0\x9f\x99\x82")}) {
    json::value expected = json::parse(first.substr(6));
    expected.at_pointer("/choices/0/index") = choice;
    expected.at_pointer(entry_path) = text;
    EXPECT_EQ(chunk_of(text), SseData(expected));
  }
}

TEST(Replies, ChunksOfTextAreAsSerialized) {
  const ReplyFrame frame{"id \x01 \"\x01\"", 7, "\x01", "print"};
  for (const bool usage : {false, true}) {
    GenerationCall call;
    call.requests.resize(2);
    call.stream = true;
    call.include_usage = usage;
    auto chat = MakeChatReply(call, frame);
    auto completion = MakeCompletionReply(call, frame);
    for (const size_t choice : {1u, 0u, 1u}) {
      ExpectChunksAsSerialized(*chat, choice, "/choices/0/delta/content");
      ExpectChunksAsSerialized(*completion, choice, "/choices/0/text");
    }
  }
}

}  // namespace
}  // namespace ingle
