#include "api/generate.h"

#include "api/generation_fields.h"
#include "api/sse.h"

namespace ingle {
namespace {

constexpr Field kOwn[] = {
    {.name = "prompt",
     .type = FieldType::kString,
     .meaning = "one user turn; with raw, the model's whole input"},
    {.name = "sampling_params",
     .type = FieldType::kObject,
     .meaning = "sampling values and limits, which may also stand beside it"},
    {.name = "raw", .type = FieldType::kBool, .meaning = "no chat template"},
};

const std::vector<Field>& Body() {
  static const std::vector<Field> table = [] {
    std::vector<Field> all = WithSharedFields(kOwn);
    std::erase_if(all, [](const Field& field) { return field.name == "stream_options"; });
    return all;
  }();
  return table;
}

const std::vector<Field>& Params() {
  static const std::vector<Field> table = [] {
    std::vector<Field> all = WithSharedFields({});
    // These belong to the body.
    std::erase_if(all, [](const Field& field) {
      return field.name == "model" || field.name == "stream" || field.name == "stream_options";
    });
    return all;
  }();
  return table;
}

// The body's own fields and those in sampling_params are the same; one place each.
Status ReadBoth(const FieldReader& body, const FieldReader& params, GenerateRequest* request,
                std::vector<Warning>* warnings) {
  for (const Field& field : Params())
    if (body.Find(field.name) != nullptr && params.Find(field.name) != nullptr)
      return Fail(ErrorCode::kInvalidRequest,
                  std::string(field.name) +
                      " is given in sampling_params and beside it; give it in one place",
                  params.Param(field.name), "invalid_value");
  INGLE_RETURN_IF_ERROR(ReadShared(body, request, warnings));
  return ReadShared(params, request, warnings);
}

class GenerateReply final : public Reply {
 public:
  using Reply::Reply;

  std::string StreamAccepted(size_t) override { return std::string(kSseKeepAlive); }

  std::string StreamDelta(size_t, const Delta& delta) override {
    text_ += delta.text;
    for (const SampledToken& token : delta.tokens) tokens_.push_back(token.token);
    std::string out;
    for (const std::string_view piece : SplitText(delta.text))
      out += SseData(json::object{{"token", piece}});
    return out;
  }

  std::string StreamFinished(size_t) override { return SseData(Answer(text_, tokens_)); }
  std::string StreamEnd() override { return {}; }
  bool NeedsTokens() const override { return true; }

  json::object Whole() const override {
    json::array tokens;
    for (const SampledToken& token : choices_[0].tokens) tokens.push_back(token.token);
    return Answer(choices_[0].text, tokens);
  }

 private:
  json::object Answer(const std::string& text, const json::array& tokens) const {
    const Choice& state = choices_[0];
    return {{"text", text},
            {"tokens", tokens},
            {"finish_reason", FinishReasonName(state.finished.reason)},
            {"stop_cause", StopCauseName(state.finished.cause)},
            {"usage", Usage()},
            {"seed", state.accepted.sampling.seed.value},
            {"warnings", Warnings(0)}};
  }

  std::string text_;
  json::array tokens_;
};

}  // namespace

std::span<const Field> GenerateFields() { return Body(); }
std::span<const Field> SamplingParamsFields() { return Params(); }

Result<GenerationCall> ParseGenerate(const json::object& body) {
  GenerationCall call;
  INGLE_TRY(const FieldReader fields, FieldReader::Read(body, Body(), &call.warnings));
  INGLE_RETURN_IF_ERROR(ReadCall(fields, &call));
  const auto prompt = fields.String("prompt");
  if (!prompt)
    return Fail(ErrorCode::kInvalidRequest, "prompt is missing; give a string", "prompt",
                "missing_required_parameter");
  if (prompt->empty())
    return Fail(ErrorCode::kInvalidRequest, "prompt is empty; give the text to answer", "prompt",
                "invalid_value");
  static const json::object kNone;
  const json::value* given = fields.Find("sampling_params");
  INGLE_TRY(const FieldReader params,
            FieldReader::Read(given == nullptr ? kNone : given->get_object(), Params(),
                              &call.warnings, "sampling_params."));
  GenerateRequest request;
  INGLE_RETURN_IF_ERROR(ReadBoth(fields, params, &request, &call.warnings));
  if (fields.Bool("raw").value_or(false)) {
    request.prompt = TextPrompt{*prompt, true};
  } else {
    ChatPrompt chat;
    chat.messages.push_back(json::object{{"role", "user"}, {"content", *prompt}});
    request.prompt = std::move(chat);
  }
  call.requests.push_back(std::move(request));
  return call;
}

std::unique_ptr<Reply> MakeGenerateReply(GenerationCall call, ReplyFrame frame) {
  return std::make_unique<GenerateReply>(std::move(call), std::move(frame));
}

}  // namespace ingle
