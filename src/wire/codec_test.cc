#include "wire/codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ingle {
namespace {

GenerateRequest FullRequest() {
  GenerateRequest request;
  request.id = "req_1.0";
  ChatPrompt chat;
  chat.messages.push_back(json::object{{"role", "user"}, {"content", "hi \xf0\x9f\x98\x80"}});
  chat.tools.push_back(json::object{{"type", "function"}});
  chat.template_variables["b"] = 1;
  chat.template_variables["a"] = 2;
  chat.add_generation_prompt = false;
  request.prompt = chat;
  request.sampling = {0.0,       0.1, 0.2, 0.3, 1.4,
                      -0.5,      0.6, 7,   -1,  {{3, -std::numeric_limits<double>::infinity()}},
                      UINT64_MAX};
  request.max_tokens = 9;
  request.stop = {"x", "y"};
  request.ignore_eos = true;
  request.cache_prompt = false;
  request.cache_scope = "key/salt";
  request.top_logprobs = 20;
  return request;
}

TEST(Codec, RequestsSurviveTheTrip) {
  for (int kind = 0; kind < 3; ++kind) {
    GenerateRequest request = FullRequest();
    if (kind == 1) request.prompt = TextPrompt{"some text", false};
    if (kind == 2) request.prompt = TokenPrompt{{1, 2, 3}};
    const std::string bytes = EncodeRequest(request);
    auto again = DecodeRequest(bytes);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(EncodeRequest(*again), bytes);
    EXPECT_EQ(again->prompt.index(), request.prompt.index());
    EXPECT_EQ(again->sampling.temperature, 0.0) << "a present zero is not absent";
    EXPECT_EQ(again->sampling.seed, UINT64_MAX);
    EXPECT_EQ(again->sampling.repeat_last_n, -1);
    EXPECT_EQ(again->sampling.logit_bias, request.sampling.logit_bias);
    EXPECT_EQ(again->stop, request.stop);
    EXPECT_EQ(again->top_logprobs, 20u);
    EXPECT_TRUE(again->ignore_eos);
    EXPECT_FALSE(again->cache_prompt);
    EXPECT_EQ(again->cache_scope, "key/salt");
    if (kind == 0) {
      const auto& chat = std::get<ChatPrompt>(again->prompt);
      EXPECT_EQ(chat.messages, std::get<ChatPrompt>(request.prompt).messages);
      EXPECT_EQ(json::serialize(chat.template_variables), R"({"b":1,"a":2})")
          << "key order is kept";
      EXPECT_FALSE(chat.add_generation_prompt);
    }
  }
}

TEST(Codec, WholeNumbersBeyond64BitsSurviveTheTrip) {
  const auto messages =
      ParseJson(R"([{"n":[123456789012345678901234567890,1.5]}])", "test", {.big_integers = true});
  GenerateRequest request;
  request.id = "a";
  ChatPrompt chat;
  chat.messages = messages->get_array();
  chat.template_variables["n"] = messages->get_array()[0].at("n").get_array()[0];
  request.prompt = chat;
  const auto back = DecodeRequest(EncodeRequest(request));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(std::get<ChatPrompt>(back->prompt).messages, chat.messages);
  EXPECT_EQ(std::get<ChatPrompt>(back->prompt).template_variables, chat.template_variables);
}

TEST(Codec, AbsentStaysAbsent) {
  GenerateRequest request;
  request.id = "a";
  request.prompt = TextPrompt{"x"};
  auto again = DecodeRequest(EncodeRequest(request));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->sampling.temperature || again->sampling.seed || again->max_tokens ||
               again->top_logprobs);
}

TEST(Codec, BadRequestsAreRefused) {
  const auto refused = [](auto change) {
    GenerateRequest request = FullRequest();
    change(request);
    return !DecodeRequest(EncodeRequest(request));
  };
  EXPECT_TRUE(refused([](GenerateRequest& r) { r.id.clear(); }));
  EXPECT_TRUE(refused([](GenerateRequest& r) { r.id.assign(1000, 'x'); }));
  EXPECT_TRUE(refused([](GenerateRequest& r) { r.sampling.temperature = std::nan(""); }));
  EXPECT_TRUE(refused([](GenerateRequest& r) { r.sampling.logit_bias[0].second = std::nan(""); }));
  EXPECT_TRUE(refused([](GenerateRequest& r) { r.top_logprobs = 21; }));
  EXPECT_TRUE(refused([](GenerateRequest& r) { r.stop = {""}; }));
  EXPECT_TRUE(refused([](GenerateRequest& r) { r.stop.assign(65, "x"); }));
  EXPECT_FALSE(DecodeRequest("\xff\xff garbage"));
}

StepReport FullReport() {
  StepReport report;
  report.hello = Hello{kWireProtocol, "ingle 1"};
  report.steps = 77;
  report.step_us = 900;
  report.model_us = 800;
  report.running = 2;
  report.queued = 3;
  report.load = WorkerDescription{"n", "a", "t", "c", 1, 2, 3, 4, 5, true, {{"stop", {"END"}}}};
  Accepted accepted;
  accepted.prompt_tokens = 5;
  accepted.sampling.seed = {42, Origin::kRequest};
  accepted.sampling.top_k = {-1, Origin::kModel};
  accepted.warnings.push_back({"code", "field", "message"});
  report.events.push_back({"a", accepted, 0});
  report.events.push_back({"a", Progress{1, 2}, 0});
  report.events.push_back({"a", Delta{"text", {{5, "\xff", -0.5, {{6, -1.5, "\xfe"}}}}}, 4});
  Finished finished;
  finished.reason = FinishReason::kLength;
  finished.cause = StopCause::kContextFull;
  finished.stop_string = "s";
  finished.completion_tokens = 8;
  finished.decode_ms = 1.5;
  report.events.push_back({"a", finished, 0});
  report.events.push_back({"b", Error{ErrorCode::kDeadline, "m", "p", "i"}, 0});
  return report;
}

TEST(Codec, ReportsSurviveTheTrip) {
  const std::string bytes = EncodeReport(FullReport());
  auto again = DecodeReport(bytes);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(EncodeReport(*again), bytes);
  EXPECT_EQ(again->hello->build, "ingle 1");
  EXPECT_EQ(again->step_us, 900u);
  EXPECT_EQ(again->model_us, 800u);
  EXPECT_EQ(std::get<WorkerDescription>(again->load).context, 1u);
  EXPECT_EQ(json::serialize(std::get<WorkerDescription>(again->load).text_facts),
            R"({"stop":["END"]})");
  ASSERT_EQ(again->events.size(), 5u);
  EXPECT_EQ(std::get<Accepted>(again->events[0].event).sampling.seed.value, 42u);
  EXPECT_EQ(again->events[2].first_index, 4u);
  EXPECT_EQ(std::get<Delta>(again->events[2].event).tokens[0].top[0].bytes, "\xfe");
  EXPECT_EQ(std::get<Finished>(again->events[3].event).cause, StopCause::kContextFull);
  EXPECT_EQ(std::get<Error>(again->events[4].event).code, ErrorCode::kDeadline);
}

TEST(Codec, EveryStopCauseAndErrorCode) {
  for (int cause = 0; cause <= static_cast<int>(StopCause::kNothingAllowed); ++cause) {
    StepReport report;
    Finished finished;
    finished.cause = static_cast<StopCause>(cause);
    report.events.push_back({"a", finished, 0});
    auto again = DecodeReport(EncodeReport(report));
    ASSERT_TRUE(again);
    EXPECT_EQ(std::get<Finished>(again->events[0].event).cause, finished.cause);
  }
}

// A proto3 string that is not UTF-8 would make the whole report unreadable.
TEST(Codec, TextsCutInsideACharacterSurviveTheTrip) {
  const std::string cut = "cut \xc3", mended = "cut \xef\xbf\xbd";
  StepReport report;
  report.load = Error{ErrorCode::kCorruptFile, cut, cut, cut};
  report.events.push_back({"a", Error{ErrorCode::kInvalidRequest, cut, cut, cut}, 0});
  Accepted accepted;
  accepted.warnings.push_back({cut, cut, cut});
  report.events.push_back({"b", accepted, 0});
  auto again = DecodeReport(EncodeReport(report));
  ASSERT_TRUE(again) << again.error().message;
  for (const Error& error :
       {std::get<Error>(again->load), std::get<Error>(again->events[0].event)}) {
    EXPECT_EQ(error.message, mended);
    EXPECT_EQ(error.param, mended);
    EXPECT_EQ(error.id, mended);
  }
  const Warning& warning = std::get<Accepted>(again->events[1].event).warnings.at(0);
  EXPECT_EQ(warning.code + warning.field + warning.message, mended + mended + mended);
  report.load = WorkerDescription{cut, cut, "t", "c", 1, 2, 3, 4, 5, true, {{"stop", cut}}};
  again = DecodeReport(EncodeReport(report));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(std::get<WorkerDescription>(again->load).name, mended);
  EXPECT_EQ(std::get<WorkerDescription>(again->load).text_facts.at("stop").as_string(), mended);
}

TEST(Codec, TextFactsThatAreTooLongAreNamed) {
  StepReport report;
  WorkerDescription description;
  description.text_facts = {{"stop", std::string(2 << 20, 'x')}};
  report.load = description;
  const auto again = DecodeReport(EncodeReport(report));
  ASSERT_TRUE(again) << again.error().message;
  const json::object& facts = std::get<WorkerDescription>(again->load).text_facts;
  EXPECT_NE(json::serialize(facts).find("more than 1 MiB"), std::string::npos);
}

TEST(Codec, TextFactsThatAreNoObjectAreRefused) {
  const std::string whole = EncodeReport(FullReport());
  for (const char* other : {R"([ stop":["END"]})", R"(["stop","E","D"])"}) {
    std::string bytes = whole;
    bytes.replace(bytes.find(R"({"stop)"), 16, other);
    const auto again = DecodeReport(bytes);
    ASSERT_FALSE(again) << other;
    EXPECT_NE(again.error().message.find("about the model's text"), std::string::npos);
  }
}

TEST(Codec, BadReportsAreRefused) {
  StepReport report = FullReport();
  std::get<Delta>(report.events[2].event).tokens[0].logprob = std::nan("");
  EXPECT_FALSE(DecodeReport(EncodeReport(report)));
  report = FullReport();
  std::get<Finished>(report.events[3].event).cause = static_cast<StopCause>(200);
  EXPECT_FALSE(DecodeReport(EncodeReport(report)));
  report = FullReport();
  std::get<Accepted>(report.events[0].event).sampling.min_p.origin = static_cast<Origin>(99);
  EXPECT_FALSE(DecodeReport(EncodeReport(report)));
  // Truncation at every byte: an error or a shorter message, never a crash.
  const std::string bytes = EncodeReport(FullReport());
  for (size_t size = 0; size < bytes.size(); ++size)
    (void)DecodeReport(std::string_view(bytes).substr(0, size));
}

}  // namespace
}  // namespace ingle
