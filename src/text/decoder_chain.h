#pragma once
// The decoder of a tokenizer.json: the spellings of tokens become text, one token at a time. What
// a stream gives is what the whole gives, because the whole is a stream.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace ingle {

// One stage at work. Takes tokens, or chunks of one endless token behind a stage that joins them.
class DecodeStage {
 public:
  virtual ~DecodeStage() = default;
  using Tokens = std::vector<std::string>;
  virtual void Push(std::string token, Tokens& out) = 0;
  virtual void Finish(Tokens&) {}
};

class DecoderChain {
 public:
  DecoderChain();
  ~DecoderChain();
  DecoderChain(DecoderChain&&) noexcept;
  DecoderChain& operator=(DecoderChain&&) noexcept;

  // null: tokens with blanks between.
  static Result<DecoderChain> FromJson(const json::value& value);
  // U+2581 as a blank, the first of a text not at all (GGUF); with bytes where `bytes`.
  static DecoderChain Marked(bool drops_first, bool bytes);

  // at_start: the first token is the first of a text, which some stages treat differently.
  class Stream {
   public:
    std::string Push(std::string_view spelling);
    std::string Finish();

   private:
    friend class DecoderChain;
    std::string Run(DecodeStage::Tokens tokens, size_t from);
    std::vector<std::unique_ptr<DecodeStage>> stages_;
  };
  Stream Start(bool at_start) const;

  bool spells_bytes() const { return spells_bytes_; }       // GPT-2's spelling of bytes.
  bool falls_back_to_bytes() const { return falls_back_; }  // <0x00> to <0xFF>.

  struct Stage;

 private:
  std::vector<Stage> stages_;
  bool spells_bytes_ = false, falls_back_ = false;
};

}  // namespace ingle
