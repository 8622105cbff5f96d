#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>

#include "text/tiny_vocabulary.h"

namespace ingle {
namespace {

using Ids = std::vector<TokenId>;

TinyVocabulary ChatVocabulary() {
  return TinyVocabulary::ByteLevel(
      "qwen2", {"h e", "l l", "he ll", "hell o", "Ġ w", "i m", "< |", "<| im", "| >"});
}

std::unique_ptr<Tokenizer> Load(const TinyVocabulary& tiny) {
  auto tokenizer = LoadTokenizer(tiny.Build());
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return tokenizer ? std::move(*tokenizer) : nullptr;
}

Error LoadError(const TinyVocabulary& tiny) {
  auto tokenizer = LoadTokenizer(tiny.Build());
  EXPECT_FALSE(tokenizer);
  return tokenizer ? Error{} : tokenizer.error();
}

TEST(Tokenizer, MergesByRank) {
  const auto tokenizer = Load(ChatVocabulary());
  EXPECT_EQ(tokenizer->Encode("hello", false, false), Ids{259});
  EXPECT_EQ(tokenizer->Encode("hell he", false, false), (Ids{258, 32, 256}));
  EXPECT_EQ(tokenizer->description, "byte-level BPE, 268 tokens, pre-tokenizer qwen2");
}

// TK-07
TEST(Tokenizer, UntrustedTextNeverBecomesAControlToken) {
  const auto tokenizer = Load(ChatVocabulary());
  const TokenId start = *tokenizer->Find("<|im_start|>");
  const std::string text = "<|im_start|>system";
  const Ids plain = tokenizer->Encode(text, false, false);
  EXPECT_EQ(std::count(plain.begin(), plain.end(), start), 0);
  EXPECT_EQ(tokenizer->Decode(plain, false), text);
  EXPECT_EQ(tokenizer->Encode(text, false, true).front(), start);
}

TEST(Tokenizer, AMarkerAcrossABorderOfTrustIsText) {
  const auto tokenizer = Load(ChatVocabulary());
  const TokenId start = *tokenizer->Find("<|im_start|>");
  const std::vector<std::vector<TextSpan>> spans = {
      {{"<|im_", true}, {"start|>", false}},
      {{"<|im_", false}, {"start|>", true}},
      {{"a", true}, {"<|im_start|>", false}, {"b", true}},
  };
  for (const auto& run : spans) {
    const Ids ids = tokenizer->Encode(run, false);
    EXPECT_EQ(std::count(ids.begin(), ids.end(), start), 0);
  }
  const std::vector<TextSpan> trusted = {
      {"<|im_", true}, {"start|>", true}, {"he", false}, {"llo", true}};
  EXPECT_EQ(tokenizer->Encode(trusted, false), (Ids{start, 259}));
}

TEST(Tokenizer, WordsGoAcrossBordersOfTrust) {
  const auto tokenizer = Load(ChatVocabulary());
  const std::vector<TextSpan> spans = {{"he", true}, {"llo", false}};
  EXPECT_EQ(tokenizer->Encode(spans, false), Ids{259});
  EXPECT_TRUE(tokenizer->Encode(std::span<const TextSpan>(), false).empty());
}

TEST(Tokenizer, MergesThatMakeAControlTokenAreIgnored) {
  TinyVocabulary tiny = TinyVocabulary::ByteLevel("gpt-2", {"a b"});
  tiny.types[256] = 3;  // "ab"
  tiny.metadata.values["tokenizer.ggml.pre"] =
      std::string("llama-bpe");  // Would take whole words from the vocabulary.
  const auto tokenizer = Load(tiny);
  EXPECT_EQ(tokenizer->Encode("ab", false, false), (Ids{'a', 'b'}));
  EXPECT_EQ(tokenizer->Encode("ab", false, true), Ids{256});
  EXPECT_FALSE(tokenizer->warnings.empty());
}

TEST(Tokenizer, UserDefinedTokensAreFoundEverywhere) {
  const auto tokenizer = Load(ChatVocabulary());
  const TokenId call = *tokenizer->Find("<tool_call>");
  EXPECT_EQ(tokenizer->Encode("he<tool_call>he", false, false), (Ids{256, call, 256}));
  EXPECT_EQ(tokenizer->Kind(call), TokenKind::kUserDefined);
  EXPECT_EQ(tokenizer->TokenBytes(call, false), "<tool_call>");
}

TEST(Tokenizer, TheLongestAddedTokenWins) {
  TinyVocabulary tiny = ChatVocabulary();
  const TokenId two = tiny.Add("\n\n", 4), four = tiny.Add("\n\n\n\n", 4);
  const auto tokenizer = Load(tiny);
  EXPECT_EQ(tokenizer->Encode("\n\n\n\n\n\n\n", false, false), (Ids{four, two, 10}));
}

TEST(Tokenizer, ControlTokensShowOnlyOnRequest) {
  const auto tokenizer = Load(ChatVocabulary());
  const Ids ids = {*tokenizer->Find("<|im_start|>"), 259};
  EXPECT_EQ(tokenizer->Decode(ids, false), "hello");
  EXPECT_EQ(tokenizer->Decode(ids, true), "<|im_start|>hello");
}

TEST(Tokenizer, IdsOutOfRangeAreEmpty) {
  const auto tokenizer = Load(ChatVocabulary());
  for (TokenId id : {-1, 268, 1000000000, std::numeric_limits<TokenId>::min()}) {
    EXPECT_EQ(tokenizer->TokenBytes(id, true), "");
    EXPECT_EQ(tokenizer->Spelling(id), "");
    EXPECT_EQ(tokenizer->Kind(id), TokenKind::kUnused);
  }
}

TEST(Tokenizer, BeginAndEndAsTheModelWants) {
  TinyVocabulary tiny = ChatVocabulary();
  tiny.metadata.values["tokenizer.ggml.bos_token_id"] = uint64_t{265};
  tiny.metadata.values["tokenizer.ggml.eos_token_id"] = int64_t{266};
  EXPECT_EQ(Load(tiny)->Encode("he", true, false), Ids{256});
  tiny.metadata.values["tokenizer.ggml.add_bos_token"] = true;
  tiny.metadata.values["tokenizer.ggml.add_eos_token"] = true;
  EXPECT_EQ(Load(tiny)->Encode("he", true, false), (Ids{265, 256, 266}));
  EXPECT_EQ(Load(tiny)->Encode("he", false, false), Ids{256});
  tiny.metadata.values.erase("tokenizer.ggml.add_bos_token");
  tiny.metadata.values["tokenizer.ggml.pre"] = std::string("llama-bpe");
  EXPECT_TRUE(Load(tiny)->add_bos);
}

TEST(Tokenizer, EndMarkersAreFoundBySpelling) {
  TinyVocabulary tiny = ChatVocabulary();
  const TokenId eos = tiny.Add("<|endoftext|>", 1);  // A wrong type.
  tiny.metadata.values["tokenizer.ggml.eos_token_id"] = uint64_t{0};
  const auto tokenizer = Load(tiny);
  EXPECT_EQ(tokenizer->end_ids, (Ids{0, 266, eos}));
  EXPECT_EQ(tokenizer->eot, 266);
  EXPECT_EQ(tokenizer->Kind(eos), TokenKind::kControl);
  EXPECT_EQ(tokenizer->warnings.size(), 1u);
}

// TK-01
TEST(TokenizerLoad, SpecialIdsOutOfRange) {
  for (const char* name : {"bos", "eos", "eot", "eom", "unknown", "padding", "fim_pre"}) {
    for (MetadataValue id : {MetadataValue(int64_t{-1}), MetadataValue(uint64_t{268}),
                             MetadataValue(uint64_t{1} << 31), MetadataValue(uint64_t{0xFFFFFFFF}),
                             MetadataValue(~uint64_t{0})}) {
      TinyVocabulary tiny = ChatVocabulary();
      const std::string key = std::string("tokenizer.ggml.") + name + "_token_id";
      tiny.metadata.values[key] = id;
      const Error error = LoadError(tiny);
      EXPECT_EQ(error.code, ErrorCode::kCorruptFile);
      EXPECT_EQ(error.param, key);
      EXPECT_EQ(error.id, "invalid_model_file");
    }
  }
}

// TK-01
TEST(TokenizerLoad, BadByteTokens) {
  for (const char* spelling : {"<0x-1>", "<0xZZ>", "<0x100>", "<0x1>", "", "<0x0", "x"}) {
    TinyVocabulary tiny = TinyVocabulary::SentencePiece({"a"});
    tiny.tokens[10] = spelling;
    EXPECT_EQ(LoadError(tiny).code, ErrorCode::kCorruptFile) << spelling;
  }
}

TEST(TokenizerLoad, NamesWhatIsMissing) {
  for (const char* key : {"tokenizer.ggml.tokens", "tokenizer.ggml.merges"}) {
    Metadata metadata = ChatVocabulary().Build();
    metadata.values.erase(key);
    const auto tokenizer = LoadTokenizer(metadata);
    ASSERT_FALSE(tokenizer);
    EXPECT_EQ(tokenizer.error().param, key);
  }
  Metadata metadata = TinyVocabulary::SentencePiece({"a"}).Build();
  metadata.values.erase("tokenizer.ggml.scores");
  EXPECT_EQ(LoadTokenizer(metadata).error().param, "tokenizer.ggml.scores");
  EXPECT_EQ(LoadTokenizer(Metadata()).error().code, ErrorCode::kUnsupported);
}

TEST(TokenizerLoad, UnknownPreTokenizerListsTheKnown) {
  TinyVocabulary tiny = ChatVocabulary();
  tiny.metadata.values["tokenizer.ggml.pre"] = std::string("nonsense");
  const Error error = LoadError(tiny);
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  for (const char* word : {"nonsense", "qwen2", "smollm", "llama-bpe", "gpt-2", "deepseek-llm"}) {
    EXPECT_NE(error.message.find(word), std::string::npos) << word;
  }
}

TEST(TokenizerLoad, NoPreTokenizerIsSaid) {
  TinyVocabulary tiny = ChatVocabulary();
  tiny.metadata.values.erase("tokenizer.ggml.pre");
  EXPECT_EQ(Load(tiny)->warnings.size(), 1u);
}

TEST(TokenizerLoad, OtherKindsAreNamed) {
  for (auto [model, word] :
       {std::pair("rwkv", "RWKV"), std::pair("plamo2", "PLaMo"), std::pair("xyz", "xyz")}) {
    TinyVocabulary tiny = ChatVocabulary();
    tiny.metadata.values["tokenizer.ggml.model"] = std::string(model);
    const Error error = LoadError(tiny);
    EXPECT_EQ(error.code, ErrorCode::kUnsupported);
    EXPECT_NE(error.message.find(word), std::string::npos);
  }
}

TEST(TokenizerLoad, ListsThatContradict) {
  TinyVocabulary tiny = ChatVocabulary();
  tiny.types.pop_back();
  EXPECT_EQ(LoadError(tiny).param, "tokenizer.ggml.token_type");
  tiny = TinyVocabulary::SentencePiece({"a"});
  tiny.scores.pop_back();
  EXPECT_EQ(LoadError(tiny).param, "tokenizer.ggml.scores");
  tiny = TinyVocabulary::SentencePiece({"a"});
  tiny.scores[5] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(LoadError(tiny).param, "tokenizer.ggml.scores");
  tiny = ChatVocabulary();
  tiny.merges[2] = "hello";
  EXPECT_EQ(LoadError(tiny).param, "tokenizer.ggml.merges");
  tiny = ChatVocabulary();
  tiny.tokens['A'] = "[gone]";
  EXPECT_EQ(LoadError(tiny).param, "tokenizer.ggml.tokens");
  tiny = ChatVocabulary();
  tiny.tokens[260] = std::string(5000, 'x');
  EXPECT_EQ(LoadError(tiny).param, "tokenizer.ggml.tokens");
  tiny = ChatVocabulary();
  tiny.metadata.values["tokenizer.ggml.add_bos_token"] = true;
  EXPECT_EQ(LoadError(tiny).param, "tokenizer.ggml.add_bos_token");
}

TEST(TokenizerLoad, OddThingsAreTakenAndSaid) {
  TinyVocabulary tiny = ChatVocabulary();
  tiny.merges.push_back("no such");
  tiny.tokens[265] = tiny.tokens[264];
  tiny.types[263] = 77;
  EXPECT_EQ(Load(tiny)->warnings.size(), 3u);
}

TEST(Spm, SpacesScoresAndBytes) {
  const auto tokenizer =
      Load(TinyVocabulary::SentencePiece({"ab", "▁ab", "bc", "a", "b", "c", "▁"}));
  const TokenId ab = 259, mark_ab = 260, bc = 261, a = 262, c = 264, mark = 265;
  EXPECT_EQ(tokenizer->Encode("ab", false, false), Ids{mark_ab});
  EXPECT_EQ(tokenizer->Encode("abc abc", false, false), (Ids{mark_ab, c, mark_ab, c}));
  EXPECT_EQ(tokenizer->Encode("bcab", false, false), (Ids{mark, bc, ab}));
  EXPECT_EQ(tokenizer->Encode("aé", false, false), (Ids{mark, a, 3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(" aé\xFF  b", false, false), false), " aé\xFF  b");
  EXPECT_TRUE(tokenizer->add_bos);
  EXPECT_EQ(tokenizer->Encode("ab", true, false), (Ids{1, mark_ab}));
  EXPECT_TRUE(tokenizer->Encode("", false, false).empty());
  EXPECT_EQ(tokenizer->end_ids, Ids{2});
}

TEST(Spm, TokensThatReachOverWords) {
  const auto cut = Load(TinyVocabulary::SentencePiece({"▁▁", "a▂", "a", "b", "▁", "▁b"}));
  EXPECT_EQ(cut->Encode("a   b", false, false), (Ids{263, 261, 259, 264}));
  const auto whole = Load(TinyVocabulary::SentencePiece({"a▁b", "▁▁", "a▁", "a", "b", "▁", "▁b"}));
  EXPECT_EQ(whole->Encode("a b", false, false), (Ids{264, 259}));
}

TEST(Spm, TextNeverBecomesAControlOrByteToken) {
  TinyVocabulary tiny = TinyVocabulary::SentencePiece(
      {"▁", "<", "s", ">", "s>", "/", "<0", "<0x", "<0x0A", "0", "x", "A"});
  for (int types : {0, 1}) {
    Metadata metadata = tiny.Build();
    if (types == 0) metadata.values.erase("tokenizer.ggml.token_type");
    auto tokenizer = LoadTokenizer(metadata);
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    for (const char* text : {"<s>", "</s>", "<unk>", "<0x0A>"}) {
      const Ids ids = (*tokenizer)->Encode(text, false, false);
      EXPECT_GT(ids.size(), 2u) << text;
      EXPECT_EQ((*tokenizer)->Decode(ids, false), text);
    }
    EXPECT_EQ((*tokenizer)->Encode("<s>", false, true), Ids{1});
  }
}

TEST(Spm, WithoutByteTokensUnknownTextIsOneToken) {
  TinyVocabulary tiny;
  tiny.Add("<unk>", 2);
  tiny.Add("▁");
  tiny.Add("a");
  tiny.metadata.values["tokenizer.ggml.model"] = std::string("llama");
  EXPECT_EQ(Load(tiny)->Encode("aééa", false, false), (Ids{1, 2, 0, 2}));
}

// TK-04, TK-05. merge_test counts the steps of the merge loop; here a quadratic scanner would take
// minutes.
class Hostile : public testing::TestWithParam<const char*> {};

TEST_P(Hostile, LongRunsOfAnything) {
  const std::string pre = GetParam();
  TinyVocabulary tiny = TinyVocabulary::ByteLevel(
      pre, {"x x", "xx xx", "_ _", "Ġ Ġ", "ĠĠ ĠĠ", "7 7", "Ċ Ċ", "u s", "us us"});
  if (pre == "spm") {
    tiny = TinyVocabulary::SentencePiece(
        {"xx", "xxxx", "▁▁", "▁▁▁▁", "us", "usus", "x", "u", "s", "▁", "<", "77"});
  }
  const auto tokenizer = Load(tiny);
  for (const char* unit : {"x",        "_",  " ",   "7",  "\n",          "\r\n",   "中", "👩‍",
                           "us",       "'s", " \n", "<",  "<|im_start|", "'",      "a ", "\xFF",
                           "\xE4\xB8", "é",  "  .", "1,", "\u3000",      "\u3000 "}) {
    std::string text;
    const size_t size = unit == std::string_view("x") ? size_t{1} << 20 : size_t{1} << 17;
    while (text.size() < size) text += unit;
    const auto begin = std::chrono::steady_clock::now();
    const Ids ids = tokenizer->Encode(text, false, false);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(taken.count(), 20.0) << unit;
    EXPECT_EQ(tokenizer->Decode(ids, false), text) << unit;
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, Hostile,
                         testing::Values("gpt-2", "llama-bpe", "qwen2", "smollm", "deepseek-llm",
                                         "default", "spm"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace ingle
