#include "text/gguf_parts.h"

#include <gtest/gtest.h>

#include <fstream>

#include "text/detokenizer.h"
#include "text/pre_tokenizer.h"
#include "text/tiny_vocabulary.h"

namespace ingle {
namespace {

using Ids = std::vector<TokenId>;

std::unique_ptr<Tokenizer> Load(const TinyVocabulary& tiny) {
  auto tokenizer = LoadTokenizer(tiny.Build());
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return tokenizer ? std::move(*tokenizer) : nullptr;
}

TinyVocabulary Bert() {
  TinyVocabulary tiny;
  tiny.Add("[UNK]", 2);
  tiny.Add("[CLS]", 3);
  tiny.Add("[SEP]", 3);
  for (const char* piece : {"\xE2\x96\x81hel", "lo", "\xE2\x96\x81wor", "ld", "\xE2\x96\x81!",
                            "\xE2\x96\x81\xE4\xB8\xAD"})
    tiny.Add(piece);
  tiny.metadata.values["tokenizer.ggml.model"] = std::string("bert");
  tiny.metadata.values["tokenizer.ggml.unknown_token_id"] = uint64_t{0};
  tiny.metadata.values["tokenizer.ggml.bos_token_id"] = uint64_t{1};
  tiny.metadata.values["tokenizer.ggml.seperator_token_id"] = uint64_t{2};
  return tiny;
}

TEST(GgufWordPiece, SplitsAsBert) {
  const auto tokenizer = Load(Bert());
  EXPECT_EQ(tokenizer->Encode("H\xC3\xA9llo World!\xE4\xB8\xAD", true, false),
            (Ids{1, 3, 4, 5, 6, 7, 8, 2}));
  EXPECT_EQ(tokenizer->Encode("hex [SEP]", false, false).front(), 0);
  EXPECT_EQ(tokenizer->Encode("[SEP]", false, true), Ids{2});
  EXPECT_EQ(tokenizer->Decode(Ids{3, 4, 5, 6}, false), "hello world");
  TinyVocabulary cased = Bert();
  cased.metadata.values["tokenizer.ggml.normalizer.lowercase"] = false;
  EXPECT_EQ(Load(cased)->Encode("Hello", false, false), Ids{0});
}

TEST(GgufUnigram, TakesTheBestPath) {
  TinyVocabulary tiny;
  tiny.Add("<pad>", 3);
  tiny.Add("</s>", 3);
  tiny.Add("<unk>", 2);
  tiny.Add("\xE2\x96\x81", 1, -3);
  tiny.Add("\xE2\x96\x81the", 1, -2);
  tiny.Add("the", 1, -4);
  tiny.Add("t", 1, -5);
  tiny.metadata.values["tokenizer.ggml.model"] = std::string("t5");
  const auto tokenizer = Load(tiny);
  EXPECT_EQ(tokenizer->Encode("the the", true, false), (Ids{4, 4, 1}));
  EXPECT_EQ(tokenizer->Encode("xyt", false, false), (Ids{3, 2, 6}));
  EXPECT_EQ(tokenizer->Decode(Ids{4, 4}, false), "the the");
  EXPECT_EQ(tokenizer->end_ids, Ids{1});
  tiny.metadata.values["tokenizer.ggml.remove_extra_whitespaces"] = true;
  tiny.metadata.values["tokenizer.ggml.precompiled_charsmap"] = std::vector<int64_t>{1, 2};
  EXPECT_FALSE(LoadTokenizer(tiny.Build()));
  tiny.metadata.values["tokenizer.ggml.precompiled_charsmap"] = std::vector<int64_t>{999};
  EXPECT_FALSE(LoadTokenizer(tiny.Build()));
  tiny.metadata.values.erase("tokenizer.ggml.precompiled_charsmap");
  EXPECT_EQ(Load(tiny)->Encode("  the   the ", false, false), (Ids{4, 4}));
}

TEST(GgufCharacterBpe, MarksSpacesAndFallsBackToBytes) {
  TinyVocabulary tiny =
      TinyVocabulary::SentencePiece({"a", "b", "\xE2\x96\x81", "ab", "\n", "\n\n"});
  tiny.merges = {"a b"};
  tiny.metadata.values["tokenizer.ggml.model"] = std::string("gemma4");
  tiny.metadata.values["tokenizer.ggml.bos_token_id"] = uint64_t{1};
  const auto tokenizer = Load(tiny);
  EXPECT_EQ(tokenizer->Encode("ab ab\n\nx", false, false), (Ids{262, 261, 262, 264, 3 + 'x'}));
  EXPECT_EQ(tokenizer->Decode(Ids{262, 261, 262, 264, 3 + 'x'}, false), "ab ab\n\nx");
  EXPECT_EQ(tokenizer->TokenBytes(3 + 'x', false), "x");
  tiny.merges = {"ab"};
  EXPECT_FALSE(LoadTokenizer(tiny.Build()));
}

TEST(GgufPre, EveryNameLoads) {
  const Result<PreTokenizer> unknown = FindPreTokenizer("nothing");
  ASSERT_FALSE(unknown);
  const std::string& message = unknown.error().message;
  std::string names = message.substr(message.find("known are: ") + 11);
  size_t count = 0;
  for (size_t end; !names.empty(); names.erase(0, std::min(end + 2, names.size())), ++count) {
    end = std::min(names.find(", "), names.size());
    const auto made = FindPreTokenizer(names.substr(0, end));
    ASSERT_TRUE(made) << names.substr(0, end) << ": " << made.error().message;
    Words words;
    const std::string text = "It's 1234567 Caf\xC3\xA9 \xE4\xB8\xAD\xE6\x96\x87\n\n  x\xFF'LL !!";
    made->Split(text, words);
    std::string joined;
    for (std::string_view word : words) joined += word;
    EXPECT_EQ(joined, text) << names.substr(0, end);
    EXPECT_GT(words.size(), 5u) << names.substr(0, end);
  }
  EXPECT_GT(count, 70u);
}

// The names of llama.cpp's src/llama-vocab.cpp, as of its commit 00ad355: a vocabulary with each.
TEST(GgufPre, EveryNameOfLlamaCppLoads) {
  std::ifstream file(INGLE_SOURCE_DIR "/src/text/testdata/llama_cpp_pre.txt");
  size_t count = 0;
  for (std::string name; std::getline(file, name); ++count) {
    TinyVocabulary tiny = TinyVocabulary::ByteLevel(name, {"a b"});
    if (name == "gemma4") tiny.metadata.values["tokenizer.ggml.model"] = name;
    const auto tokenizer = LoadTokenizer(tiny.Build());
    ASSERT_TRUE(tokenizer) << name << ": " << tokenizer.error().message;
    const Ids ids = (*tokenizer)->Encode("ab", false, false);
    EXPECT_EQ((*tokenizer)->Decode(ids, false), "ab") << name;
    EXPECT_FALSE(ids.empty()) << name;
  }
  EXPECT_EQ(count, 90u);
}

}  // namespace
}  // namespace ingle
