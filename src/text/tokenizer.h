#pragma once
// Text to token ids and back, for every vocabulary kind.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "files/metadata.h"

namespace ingle {

using TokenId = int32_t;

// Numbers as in GGUF's tokenizer.ggml.token_type.
enum class TokenKind : uint8_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

// A run of prompt text. In an untrusted run (what a user wrote) the spelling of a control token is
// plain text.
struct TextSpan {
  std::string text;
  bool trusted = false;
  friend bool operator==(const TextSpan&, const TextSpan&) = default;
};

// What a vocabulary says about its special tokens, and about itself.
struct SpecialTokens {
  // nullopt when the model has none.
  std::optional<TokenId> bos, eos, eot, eom, unk, pad;
  bool add_bos = false, add_eos = false;
  // Every id that ends a generation as far as the vocabulary says (eos, eot, eom, and control
  // tokens with the spelling of an end marker), ascending. The engine adds what generation_config
  // and the template say.
  std::vector<TokenId> end_ids;
  std::string description;  // "byte-level BPE, 151936 tokens, pre-tokenizer qwen2"
  std::vector<std::string>
      warnings;  // What was odd in the file and how it was taken; for the user.
};

// Tokens become text one by one; all pieces together are the text of all tokens.
class TokenStream {
 public:
  virtual ~TokenStream() = default;
  // Valid UTF-8 that is certain by now; may be empty while a character is incomplete.
  virtual std::string Push(TokenId id) = 0;
  virtual std::string Finish() = 0;
};

class Tokenizer : public SpecialTokens {
 public:
  virtual ~Tokenizer() = default;

  // add_special: begin/end tokens as the model wants them. recognise_special: see
  // TextSpan::trusted. User-defined (non-control) added tokens are matched in every run, as the
  // model was trained.
  virtual std::vector<TokenId> Encode(std::span<const TextSpan> spans, bool add_special) const = 0;
  std::vector<TokenId> Encode(std::string_view text, bool add_special,
                              bool recognise_special) const;

  // The bytes of one token; a control token gives its spelling only when show_control is true. May
  // cut UTF-8.
  virtual std::string TokenBytes(TokenId id, bool show_control) const = 0;
  // Whole sequence, as the original's decode(): may drop SentencePiece's leading space.
  virtual std::string Decode(std::span<const TokenId> ids, bool show_control) const = 0;

  // See Detokenizer, which is what to use. The tokenizer must outlive the stream.
  virtual std::unique_ptr<TokenStream> NewStream(bool show_control, bool at_start) const;

  virtual size_t size() const = 0;
  virtual TokenKind Kind(TokenId id) const = 0;
  virtual std::optional<TokenId> Find(
      std::string_view spelling) const = 0;                 // Exact vocabulary spelling.
  virtual std::string_view Spelling(TokenId id) const = 0;  // As stored in the vocabulary.
};

// Builds the tokenizer that the metadata describes. Names what is missing, contradictory or not
// supported (kCorruptFile with id invalid_model_file, or kUnsupported with id
// unsupported_tokenizer).
Result<std::unique_ptr<Tokenizer>> LoadTokenizer(const Metadata& metadata);

}  // namespace ingle
