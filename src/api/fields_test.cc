// One test per request field, made from the tables: a value outside the range or of the wrong type
// is refused with `param`, and unknown fields give a warning.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "api/chat_completions.h"
#include "api/completions.h"
#include "api/error_json.h"
#include "api/generate.h"

namespace ingle {
namespace {

struct Endpoint {
  const char* name;
  std::span<const Field> (*fields)();
  Result<GenerationCall> (*parse)(const json::object&);
  const char* body;       // A valid body.
  const char* container;  // The object that holds the fields; empty: the body.
};

const Endpoint kEndpoints[] = {
    {"chat", &ChatCompletionFields, &ParseChatCompletion,
     R"({"messages":[{"role":"user","content":"hi"}]})", ""},
    {"completions", &CompletionFields, &ParseCompletion, R"({"prompt":"hi"})", ""},
    {"generate", &GenerateFields, &ParseGenerate, R"({"prompt":"hi"})", ""},
    {"sampling_params", &SamplingParamsFields, &ParseGenerate,
     R"({"prompt":"hi","sampling_params":{}})", "sampling_params"},
};

struct Case {
  const Endpoint* endpoint;
  const Field* field;
};

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const Endpoint& endpoint : kEndpoints)
    for (const Field& field : endpoint.fields()) cases.push_back({&endpoint, &field});
  return cases;
}

std::string CaseName(const testing::TestParamInfo<Case>& info) {
  return std::string(info.param.endpoint->name) + "_" + std::string(info.param.field->name);
}

Result<GenerationCall> ParseWith(const Endpoint& endpoint, std::string_view field,
                                 const json::value& value) {
  json::object body = json::parse(endpoint.body).as_object();
  json::object& target = *endpoint.container == '\0' ? body : body[endpoint.container].as_object();
  target[json::string_view(field.data(), field.size())] = value;
  return endpoint.parse(body);
}

std::string ParamOf(const Case& test) {
  const std::string prefix = test.endpoint->container;
  return (prefix.empty() ? "" : prefix + ".") + std::string(test.field->name);
}

class FieldTest : public testing::TestWithParam<Case> {
 protected:
  Result<GenerationCall> With(const json::value& value) {
    return ParseWith(*GetParam().endpoint, GetParam().field->name, value);
  }
  void ExpectRefused(const json::value& value) {
    auto call = With(value);
    ASSERT_FALSE(call) << json::serialize(value);
    EXPECT_EQ(call.error().param.substr(0, ParamOf(GetParam()).size()), ParamOf(GetParam()))
        << json::serialize(value);
    const bool forbidden = GetParam().field->use == FieldUse::kForbidden;
    EXPECT_EQ(HttpStatus(call.error()), forbidden ? 403 : 400);
    EXPECT_FALSE(call.error().message.empty());
  }
};

TEST_P(FieldTest, OutOfRangeIsRefusedWithParam) {
  const Field& field = *GetParam().field;
  if (field.min == field.max) GTEST_SKIP() << "no range";
  const double below =
      field.min_excluded ? field.min : field.min - (std::abs(field.min) > 1e15 ? 1e4 : 1);
  ExpectRefused(field.type == FieldType::kInteger && std::abs(below) < 1e15
                    ? json::value(static_cast<int64_t>(below))
                    : json::value(below));
  ExpectRefused(json::value(field.max * 2 + 1));
  ExpectRefused(json::value(1e308));
}

TEST_P(FieldTest, WrongTypeIsRefusedWithParam) {
  const Field& field = *GetParam().field;
  if (field.use == FieldUse::kRefused || field.use == FieldUse::kForbidden)
    return ExpectRefused(json::object{{"a", 1}});
  if (field.type == FieldType::kAny) {
    if (field.use == FieldUse::kIgnored) GTEST_SKIP() << "any type";
    return ExpectRefused(json::value(true));
  }
  if (field.type != FieldType::kBool) ExpectRefused(true);
  if (field.type != FieldType::kString && field.type != FieldType::kStringOrStrings)
    ExpectRefused("2");
  if (field.type != FieldType::kObject) ExpectRefused(json::object{{"a", 1}});
  if (field.type == FieldType::kInteger) ExpectRefused(1.5);
  if (field.type == FieldType::kStringOrStrings) ExpectRefused(json::array{"a", 1});
}

TEST_P(FieldTest, NullIsAbsent) {
  if (GetParam().field->name == "messages" || GetParam().field->name == "prompt")
    GTEST_SKIP() << "required";
  auto call = With(nullptr);
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_TRUE(call->warnings.empty());
}

TEST_P(FieldTest, IgnoredFieldsWarn) {
  const Field& field = *GetParam().field;
  if (field.use != FieldUse::kIgnored) GTEST_SKIP() << "honoured or refused";
  json::value value = "x";
  if (field.type == FieldType::kBool) value = field.neutral == "true" ? false : true;
  if (field.type == FieldType::kObject) value = json::object{{"a", "b"}};
  auto call = With(value);
  ASSERT_TRUE(call) << call.error().message;
  const bool silent = field.neutral.find(json::serialize(value)) != std::string_view::npos;
  ASSERT_EQ(call->warnings.size(), silent ? 0u : 1u);
  if (!silent) {
    EXPECT_EQ(call->warnings[0].code, "ignored_field");
    EXPECT_EQ(call->warnings[0].field, ParamOf(GetParam()));
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, FieldTest, testing::ValuesIn(AllCases()), CaseName);

class EndpointTest : public testing::TestWithParam<size_t> {};

TEST_P(EndpointTest, UnknownFieldsWarn) {
  const Endpoint& endpoint = kEndpoints[GetParam()];
  auto call = ParseWith(endpoint, "no_such_field", json::object{{"a", 1}});
  ASSERT_TRUE(call) << call.error().message;
  ASSERT_EQ(call->warnings.size(), 1u);
  EXPECT_EQ(call->warnings[0].code, "unknown_field");
  const std::string prefix = endpoint.container;
  EXPECT_EQ(call->warnings[0].field, (prefix.empty() ? "" : prefix + ".") + "no_such_field");
}

TEST_P(EndpointTest, ManyUnknownFieldsAreFewWarnings) {
  const Endpoint& endpoint = kEndpoints[GetParam()];
  json::object body = json::parse(endpoint.body).as_object();
  for (int i = 0; i < 100'000; ++i) body["unknown" + std::to_string(i)] = i;
  auto call = endpoint.parse(body);
  ASSERT_TRUE(call);
  EXPECT_LT(call->warnings.size(), 20u);
}

INSTANTIATE_TEST_SUITE_P(Endpoints, EndpointTest, testing::Range<size_t>(0, std::size(kEndpoints)));

// Every name in the tables that carries a value must arrive in the request: no field is honoured in
// name only.
TEST(Fields, SamplingValuesArrive) {
  auto call = ParseChatCompletion(
      json::parse(
          R"({"messages":[{"role":"user","content":"hi"}],"temperature":0.5,"top_p":0.6,
      "min_p":0.1,
      "typical_p":0.7,"repetition_penalty":1.1,"frequency_penalty":0.2,
      "presence_penalty":0.3,"top_k":7,
      "repeat_last_n":9,"seed":18446744073709551615,"max_tokens":5,
      "max_completion_tokens":4,"stop":["a","b"],
      "ignore_eos":true,"logit_bias":{"3":-100},"logprobs":true,"top_logprobs":2,
      "n":2,"stream":true,
      "stream_options":{"include_usage":true},"chat_template_kwargs":{"x":1},
      "reasoning_effort":"none",
      "tools":[{"type":"function","function":{"name":"f"}}],"model":"m"})")
          .as_object());
  ASSERT_TRUE(call) << call.error().message;
  ASSERT_EQ(call->requests.size(), 2u);
  const GenerateRequest& request = call->requests[1];
  const SamplingRequest& sampling = request.sampling;
  EXPECT_EQ(sampling.temperature, 0.5);
  EXPECT_EQ(sampling.top_p, 0.6);
  EXPECT_EQ(sampling.min_p, 0.1);
  EXPECT_EQ(sampling.typical_p, 0.7);
  EXPECT_EQ(sampling.repetition_penalty, 1.1);
  EXPECT_EQ(sampling.frequency_penalty, 0.2);
  EXPECT_EQ(sampling.presence_penalty, 0.3);
  EXPECT_EQ(sampling.top_k, 7);
  EXPECT_EQ(sampling.repeat_last_n, 9);
  EXPECT_EQ(sampling.seed, UINT64_MAX);
  EXPECT_EQ(request.max_tokens, 4u) << "the smaller of the two";
  EXPECT_EQ(request.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(request.ignore_eos);
  EXPECT_EQ(sampling.logit_bias, (std::vector<std::pair<int32_t, double>>{{3, -100.0}}));
  EXPECT_EQ(request.top_logprobs, 2u);
  EXPECT_TRUE(call->stream && call->include_usage && call->logprobs);
  EXPECT_EQ(call->model, "m");
  const auto& chat = std::get<ChatPrompt>(request.prompt);
  EXPECT_EQ(chat.template_variables.at("x"), 1);
  EXPECT_EQ(chat.template_variables.at("enable_thinking"), false);
  EXPECT_EQ(chat.template_variables.at("reasoning_effort"), "none");
  EXPECT_EQ(chat.tools.size(), 1u);
  ASSERT_EQ(call->warnings.size(), 1u);
  EXPECT_EQ(call->warnings[0].code, "tool_calls_as_text");
}

TEST(Fields, EveryNameOfMaxTokensCountsEverywhere) {
  for (const Endpoint& endpoint : kEndpoints)
    for (const char* name :
         {"max_tokens", "max_completion_tokens", "max_new_tokens", "n_predict"}) {
      auto call = ParseWith(endpoint, name, 7);
      ASSERT_TRUE(call) << endpoint.name << " " << name;
      EXPECT_EQ(call->requests[0].max_tokens, 7u) << endpoint.name << " " << name;
      EXPECT_TRUE(call->warnings.empty()) << endpoint.name << " " << name;
      for (const int64_t bad : {int64_t{0}, int64_t{-2}, int64_t{1} << 32, (int64_t{1} << 32) + 5})
        EXPECT_FALSE(ParseWith(endpoint, name, bad)) << endpoint.name << " " << name << " " << bad;
    }
  auto call = ParseCompletion(
      {{"prompt", "x"}, {"max_tokens", 9}, {"max_completion_tokens", 8}, {"max_new_tokens", 10}});
  ASSERT_TRUE(call);
  EXPECT_EQ(call->requests[0].max_tokens, 8u);
  EXPECT_FALSE(ParseCompletion({{"prompt", "x"}, {"max_tokens", -1}}));
  call = ParseCompletion({{"prompt", "x"}, {"n_predict", -1}});
  ASSERT_TRUE(call) << "as llama.cpp says: no limit";
  EXPECT_FALSE(call->requests[0].max_tokens);
  EXPECT_TRUE(call->warnings.empty());
}

std::vector<std::string> WarnedOf(const Result<GenerationCall>& call) {
  std::vector<std::string> fields;
  if (!call) return {"refused: " + call.error().message};
  for (const Warning& warning : call->warnings) fields.push_back(warning.field);
  return fields;
}
using Names = std::vector<std::string>;

TEST(Fields, WhatHasNoEffectIsNamed) {
  const auto warned = [](const char* fields) {
    const std::string start = R"({"messages":[{"role":"user","content":"hi"}],)";
    return WarnedOf(ParseChatCompletion(json::parse(start + fields + "}").as_object()));
  };
  EXPECT_EQ(ParseWith(kEndpoints[1], "cache_salt", json::string(513, 'x')).error().param,
            "cache_salt");
  EXPECT_EQ(warned(R"("prompt_cache_retention":"24h")"), Names{"prompt_cache_retention"});
  EXPECT_EQ(warned(R"("cache_prompt":false,"cache_salt":"a","prompt_cache_key":"b")"), Names{});
  EXPECT_EQ(warned(R"("stream_options":{"include_usage":true,"a":1,"include_obfuscation":true})"),
            (Names{"stream_options.a", "stream_options.include_obfuscation"}));
  EXPECT_EQ(warned(R"("stream_options":{"include_usage":null,"include_obfuscation":false})"),
            Names{});
  EXPECT_EQ(warned(R"("response_format":{"type":"text","schema":{}})"),
            Names{"response_format.schema"});
  EXPECT_EQ(warned(R"("repeat_penalty":1.1,"repetition_penalty":1.2)"), Names{"repeat_penalty"});
  EXPECT_EQ(warned(R"("repeat_penalty":1.2,"repetition_penalty":1.2)"), Names{});
  EXPECT_EQ(warned(R"("reasoning_effort":"none","enable_thinking":true)"),
            Names{"enable_thinking"});
  EXPECT_EQ(warned(R"("enable_thinking":true,"chat_template_kwargs":{"enable_thinking":false})"),
            Names{"enable_thinking"});
  EXPECT_EQ(warned(R"("enable_thinking":true,"chat_template_kwargs":{"enable_thinking":true})"),
            Names{});
  EXPECT_EQ(warned(R"("tools":[{"type":"function","function":{"name":"f","strict":true}}])"),
            (Names{"tools[0].function.strict", "tools"}));
}

TEST(Fields, RangesAreShownExactly) {
  for (const Endpoint& endpoint : kEndpoints)
    for (const Field& field : endpoint.fields()) {
      const std::string range = RangeText(field);
      EXPECT_EQ(range.empty(), field.min == field.max) << field.name;
      if (field.name == "seed") {
        EXPECT_EQ(range, "-9223372036854775808 to 18446744073709551615");
      }
      EXPECT_EQ(range.find("e+"), std::string::npos) << field.name << ": " << range;
      if (field.name == "top_p") {
        EXPECT_EQ(range, "0 (excluded) to 1");
      }
    }
  auto call = ParseCompletion({{"prompt", "x"}, {"seed", 18446744073709551615u}});
  ASSERT_TRUE(call);
  EXPECT_EQ(call->requests[0].sampling.seed, UINT64_MAX);
}

TEST(Fields, StopStringsThatAreEmptyAreExplained) {
  auto call = ParseCompletion({{"prompt", "x"}, {"stop", json::array{"a", ""}}});
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().param, "stop");
  EXPECT_NE(call.error().message.find("leave it out"), std::string::npos);
}

TEST(Fields, ModelNamesHaveALimit) {
  for (const Endpoint& endpoint : {kEndpoints[0], kEndpoints[1], kEndpoints[2]}) {
    EXPECT_TRUE(ParseWith(endpoint, "model", json::value(std::string(256, 'm')))) << endpoint.name;
    auto call = ParseWith(endpoint, "model", json::value(std::string(257, 'm')));
    ASSERT_FALSE(call) << endpoint.name;
    EXPECT_EQ(call.error().param, "model");
    EXPECT_EQ(HttpStatus(call.error()), 400);
  }
}

TEST(Fields, MoreChoicesThanTheQueueTakesAreRefused) {
  const auto parse = [](size_t prompts, int n) {
    return ParseCompletion({{"prompt", json::array(prompts, "x")}, {"n", n}});
  };
  auto call = parse(64, 4);
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->requests.size(), 256u);
  call = parse(52, 5);
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().param, "n");
  EXPECT_EQ(HttpStatus(call.error()), 400);
  EXPECT_FALSE(parse(64, 16));
}

TEST(Fields, BestOfThatChangesNothingPasses) {
  for (const int best_of : {0, 1, 3})
    EXPECT_TRUE(ParseCompletion({{"prompt", "x"}, {"n", 3}, {"best_of", best_of}})) << best_of;
  for (const int best_of : {2, 4}) {
    auto call = ParseCompletion({{"prompt", "x"}, {"n", 3}, {"best_of", best_of}});
    ASSERT_FALSE(call) << best_of;
    EXPECT_EQ(call.error().param, "best_of");
  }
}

TEST(Fields, ManyCopiesOfALongPromptAreRefused) {
  const std::string long_text(5 << 20, 'x');
  const json::array messages{json::object{{"role", "user"}, {"content", long_text}}};
  EXPECT_TRUE(ParseCompletion({{"prompt", long_text}, {"n", 12}}));
  EXPECT_TRUE(ParseChatCompletion({{"messages", messages}, {"n", 12}}));
  for (const auto& call : {ParseCompletion({{"prompt", long_text}, {"n", 13}}),
                           ParseChatCompletion({{"messages", messages}, {"n", 13}})}) {
    ASSERT_FALSE(call);
    EXPECT_EQ(call.error().param, "n");
    EXPECT_EQ(HttpStatus(call.error()), 400);
  }
  EXPECT_TRUE(ParseCompletion({{"prompt", json::array(500'000, 1)}, {"n", 16}}));
}

TEST(Fields, BiasForms) {
  const auto biases = [](const char* text) {
    json::object body{{"prompt", "x"}, {"logit_bias", json::parse(text)}};
    auto call = ParseCompletion(body);
    return call ? call->requests[0].sampling.logit_bias : std::vector<std::pair<int32_t, double>>();
  };
  EXPECT_EQ(biases("[[5, -3.5]]"), (std::vector<std::pair<int32_t, double>>{{5, -3.5}}));
  EXPECT_EQ(biases("[[5, false]]").at(0).second, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(biases(R"({"7": 1})"), (std::vector<std::pair<int32_t, double>>{{7, 1.0}}));
  for (const char* bad :
       {R"({"x": 1})", "[[1]]", "[[-1, 2]]", R"([["1x", 2]])", R"({"1": "2"})", R"({"1": 101})"})
    EXPECT_FALSE(ParseCompletion({{"prompt", "x"}, {"logit_bias", json::parse(bad)}})) << bad;
}

}  // namespace
}  // namespace ingle
