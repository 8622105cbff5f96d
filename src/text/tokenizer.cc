#include "text/tokenizer.h"

#include "text/bpe_tokenizer.h"
#include "text/directory_tokenizer.h"
#include "text/gguf_parts.h"
#include "text/spm_tokenizer.h"
#include "text/unicode.h"

namespace ingle {
namespace {

constexpr char kModelKey[] = "tokenizer.ggml.model";

struct ModelKind {
  std::string_view name;
  std::string_view what;
  Result<std::unique_ptr<Tokenizer>> (*load)(const Metadata&);  // Null: not supported yet.
};

constexpr ModelKind kModelKinds[] = {
    {"gpt2", "byte-level BPE", LoadBpeTokenizer},
    {"llama", "SentencePiece BPE", LoadSpmTokenizer},
    {"bert", "WordPiece", LoadWordPieceTokenizer},
    {"t5", "SentencePiece unigram", LoadUnigramTokenizer},
    {"rwkv", "RWKV's greedy tokenizer", nullptr},
    {"plamo2", "PLaMo's tokenizer", nullptr},
    {"gemma4", "BPE over characters", LoadCharacterBpeTokenizer},
    {"no_vocab", "no vocabulary at all", nullptr},
    {"none", "no vocabulary at all", nullptr},
};

}  // namespace

std::vector<TokenId> Tokenizer::Encode(std::string_view text, bool add_special,
                                       bool recognise_special) const {
  const TextSpan span{std::string(text), recognise_special};
  return Encode(std::span(&span, 1), add_special);
}

Result<std::unique_ptr<Tokenizer>> LoadTokenizer(const Metadata& metadata) {
  if (metadata.container == Container::kHuggingFace) return LoadDirectoryTokenizer(metadata);
  INGLE_TRY(const std::string* model, metadata.String(kModelKey));
  if (model == nullptr) {
    return Fail(ErrorCode::kUnsupported,
                "the model file has no tokenizer (key tokenizer.ggml.model is absent); download "
                "one that has",
                kModelKey, "unsupported_tokenizer");
  }
  std::string shown;
  AppendValid(std::string_view(*model).substr(0, 64), false, shown);
  std::string message =
      "the model's tokenizer \"" + shown + "\" (key tokenizer.ggml.model) is not supported";
  std::string supported;
  for (const ModelKind& kind : kModelKinds) {
    if (kind.load != nullptr) {
      supported.append(supported.empty() ? "" : ", ").append(kind.name);
      supported.append(" (").append(kind.what).append(")");
    }
    if (kind.name != *model) continue;
    if (kind.load != nullptr) return kind.load(metadata);
    message += ": it is " + std::string(kind.what);
  }
  return Fail(ErrorCode::kUnsupported, message + "; supported are " + supported, kModelKey,
              "unsupported_tokenizer");
}

}  // namespace ingle
