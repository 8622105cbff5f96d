#include "text/detokenizer.h"

#include <gtest/gtest.h>

#include <random>

#include "text/tiny_vocabulary.h"

namespace ingle {
namespace {

std::unique_ptr<Tokenizer> Load(const TinyVocabulary& tiny) {
  auto tokenizer = LoadTokenizer(tiny.Build());
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return std::move(*tokenizer);
}

TEST(Detokenizer, HoldsBackUnfinishedCharacters) {
  const auto tokenizer = Load(TinyVocabulary::ByteLevel("gpt-2", {}));
  Detokenizer detokenizer(tokenizer.get());
  EXPECT_EQ(detokenizer.Push(0xF0), "");
  EXPECT_EQ(detokenizer.Push(0x9F), "");
  EXPECT_EQ(detokenizer.Push(0x98), "");
  EXPECT_EQ(detokenizer.Push(0x80), "😀");
  EXPECT_EQ(detokenizer.Push(0xE4), "");
  EXPECT_EQ(detokenizer.Push('a'), "\uFFFDa");
  EXPECT_EQ(detokenizer.Push(0xE4), "");
  EXPECT_EQ(detokenizer.Push(0xB8), "");
  EXPECT_EQ(detokenizer.Finish(), "\uFFFD");
  EXPECT_EQ(detokenizer.Finish(), "");
}

TEST(Detokenizer, AControlTokenIsEmptyUnlessShown) {
  const auto tokenizer = Load(TinyVocabulary::ByteLevel("gpt-2", {}));
  const TokenId start = *tokenizer->Find("<|im_start|>");
  EXPECT_EQ(Detokenizer(tokenizer.get()).Push(start), "");
  EXPECT_EQ(Detokenizer(tokenizer.get(), true).Push(start), "<|im_start|>");
  EXPECT_EQ(Detokenizer(tokenizer.get()).Push(-1), "");
}

TEST(Detokenizer, SentencePieceSpaces) {
  const auto tokenizer = Load(TinyVocabulary::SentencePiece({"▁a", "▁", "a"}));
  Detokenizer continuation(tokenizer.get());
  EXPECT_EQ(continuation.Push(259), " a");
  Detokenizer whole(tokenizer.get(), false, true);
  EXPECT_EQ(whole.Push(1), "");  // <s>
  EXPECT_EQ(whole.Push(259), "a");
  EXPECT_EQ(whole.Push(259), " a");
}

// However the bytes fall into tokens, the pieces together are the whole, as valid UTF-8.
TEST(Detokenizer, PiecesEqualTheWhole) {
  const auto tokenizer = Load(TinyVocabulary::ByteLevel("gpt-2", {"Ã ©", "ä ¸", "Ń ä"}));
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::vector<TokenId> ids(random() % 12);
    for (TokenId& id : ids)
      id = static_cast<TokenId>(random() % 4 ? 0x80 + random() % 0x80 : random() % 259);
    Detokenizer detokenizer(tokenizer.get());
    std::string streamed, whole;
    for (TokenId id : ids) streamed += detokenizer.Push(id);
    streamed += detokenizer.Finish();
    AppendValid(tokenizer->Decode(ids, false), false, whole);
    ASSERT_EQ(streamed, whole);
  }
}

}  // namespace
}  // namespace ingle
