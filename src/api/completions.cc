#include "api/completions.h"

#include <limits>

#include "api/generation_fields.h"
#include "api/logprobs.h"
#include "api/openai_reply.h"
#include "api/sse.h"

namespace ingle {
namespace {

constexpr Field kOwn[] = {
    {.name = "prompt",
     .type = FieldType::kAny,
     .meaning = "a string, an array of strings, an array of token ids, or an array of arrays of "
                "token ids"},
    {.name = "logprobs",
     .type = FieldType::kInteger,
     .min = 0,
     .max = 20,
     .meaning = "report log-probabilities, with this many likeliest tokens at each position"},
    {.name = "echo",
     .type = FieldType::kBool,
     .meaning = "begin the text with the prompt (string prompts only)"},
    {.name = "best_of",
     .type = FieldType::kInteger,
     .min = 0,
     .max = 20,
     .meaning = "0, 1 or n: answers are not ranked",
     .neutral = "1|0"},
    {.name = "suffix",
     .use = FieldUse::kRefused,
     .meaning = "text is only added at the end; give everything before it as prompt",
     .neutral = "\"\""},
};

const std::vector<Field>& Table() {
  static const std::vector<Field> table = WithOpenAiFields(kOwn);
  return table;
}

std::unexpected<Error> BadPrompt(const std::string& must) {
  return Fail(ErrorCode::kInvalidRequest, "prompt " + must, "prompt", "invalid_value");
}

Result<GenerateRequest> TextRequest(const json::string& text, const GenerateRequest& prototype) {
  if (text.empty()) return BadPrompt("is empty; give the text to go on from");
  GenerateRequest request = prototype;
  request.prompt = TextPrompt{std::string(text.data(), text.size()), true};
  return request;
}

Result<GenerateRequest> TokenRequest(const json::array& ids, const GenerateRequest& prototype) {
  if (ids.empty()) return BadPrompt("holds no token; give at least one token id");
  TokenPrompt prompt;
  for (const json::value& id : ids) {
    const auto token = AsInteger(id);
    if (!token || *token < 0 || *token > std::numeric_limits<int32_t>::max())
      return BadPrompt("holds something that is not a token id; ids are integers from 0");
    prompt.tokens.push_back(static_cast<int32_t>(*token));
  }
  GenerateRequest request = prototype;
  request.prompt = std::move(prompt);
  return request;
}

Result<std::vector<GenerateRequest>> ReadPrompts(const json::value* prompt,
                                                 const GenerateRequest& prototype) {
  std::vector<GenerateRequest> out;
  if (prompt == nullptr)
    return Fail(ErrorCode::kInvalidRequest, "prompt is missing; give a string, or token ids",
                "prompt", "missing_required_parameter");
  if (const json::string* text = prompt->if_string()) {
    INGLE_TRY(out.emplace_back(), TextRequest(*text, prototype));
    return out;
  }
  const json::array* array = prompt->if_array();
  if (array == nullptr) return BadPrompt("must be a string or an array");
  if (array->empty()) return BadPrompt("is an empty array; give at least one prompt");
  if (array->front().is_number()) {
    INGLE_TRY(out.emplace_back(), TokenRequest(*array, prototype));
    return out;
  }
  if (array->size() > kMaxPrompts)
    return BadPrompt("has more than " + std::to_string(kMaxPrompts) +
                     " entries; send them in several requests");
  for (const json::value& item : *array) {
    if (const json::string* text = item.if_string()) {
      INGLE_TRY(out.emplace_back(), TextRequest(*text, prototype));
    } else if (const json::array* ids = item.if_array()) {
      INGLE_TRY(out.emplace_back(), TokenRequest(*ids, prototype));
    } else {
      return BadPrompt("must hold strings, or token ids, or arrays of token ids");
    }
  }
  return out;
}

Status ReadEchoes(const std::vector<GenerateRequest>& prompts, GenerationCall* call) {
  for (const GenerateRequest& request : prompts) {
    const auto* text = std::get_if<TextPrompt>(&request.prompt);
    if (text == nullptr || call->logprobs)
      return Fail(ErrorCode::kUnsupported,
                  "echo works with string prompts and without logprobs in this version; leave one "
                  "of them out",
                  "echo", "unsupported_parameter");
    call->echoes.push_back(text->text);
  }
  return {};
}

Status CheckBestOf(const FieldReader& fields) {
  const int64_t best_of = fields.Integer("best_of").value_or(0);
  if (best_of <= 1 || best_of == fields.Integer("n").value_or(1)) return {};
  return Fail(ErrorCode::kUnsupported,
              "best_of is " + std::to_string(best_of) +
                  ", but answers are not ranked by this version; leave it out, and ask for several "
                  "answers with n",
              "best_of", "unsupported_parameter");
}

class CompletionReply final : public OpenAiReply {
 public:
  CompletionReply(GenerationCall call, ReplyFrame frame)
      : OpenAiReply(std::move(call), std::move(frame), {"text_completion", "text_completion"}),
        offsets_(call_.requests.size()) {}

  std::string StreamAccepted(size_t choice) override {
    std::string out;
    // Without an echo there is nothing to show yet, but the client learns that work has begun.
    if (call_.echoes.empty()) return SseData(Chunk(NoPiece(choice)));
    for (const std::string_view piece : SplitText(Echo(choice)))
      out += SseData(Chunk(Piece(choice, piece, nullptr)));
    return out;
  }

 private:
  std::string_view Echo(size_t choice) const {
    return call_.echoes.empty() ? std::string_view()
                                : call_.echoes[choice / call_.choices_per_prompt];
  }

  json::object Piece(size_t choice, std::string_view text, json::value logprobs) const override {
    return {{"text", text}, {"index", choice}, {"logprobs", std::move(logprobs)}};
  }
  json::object NoPiece(size_t choice) const override { return Piece(choice, "", nullptr); }
  json::value StreamLogprobs(size_t choice, std::span<const SampledToken> tokens) override {
    return CompletionLogprobs(tokens, &offsets_[choice]);
  }
  json::object WholeChoice(size_t choice) const override {
    const Choice& state = choices_[choice];
    uint64_t offset = 0;
    return Piece(choice, std::string(Echo(choice)) + state.text,
                 call_.logprobs ? json::value(CompletionLogprobs(state.tokens, &offset))
                                : json::value(nullptr));
  }

  std::vector<uint64_t> offsets_;  // Of each choice: characters before its next token.
};

}  // namespace

std::span<const Field> CompletionFields() { return Table(); }

Result<GenerationCall> ParseCompletion(const json::object& body) {
  GenerationCall call;
  INGLE_TRY(const FieldReader fields, FieldReader::Read(body, Table(), &call.warnings));
  INGLE_RETURN_IF_ERROR(ReadCall(fields, &call));
  INGLE_RETURN_IF_ERROR(CheckBestOf(fields));
  GenerateRequest prototype;
  INGLE_RETURN_IF_ERROR(ReadShared(fields, &prototype, &call.warnings));
  if (const auto top = fields.Integer("logprobs")) {
    call.logprobs = true;
    prototype.top_logprobs = static_cast<uint32_t>(*top);
  }
  INGLE_TRY(auto prompts, ReadPrompts(fields.Find("prompt"), prototype));
  if (fields.Bool("echo").value_or(false)) INGLE_RETURN_IF_ERROR(ReadEchoes(prompts, &call));
  INGLE_RETURN_IF_ERROR(RepeatForChoices(std::move(prompts), fields, &call));
  return call;
}

std::unique_ptr<Reply> MakeCompletionReply(GenerationCall call, ReplyFrame frame) {
  return std::make_unique<CompletionReply>(std::move(call), std::move(frame));
}

}  // namespace ingle
