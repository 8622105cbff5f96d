#include "text/pre_tokenizer.h"

#include <gtest/gtest.h>

namespace ingle {
namespace {

using Strings = std::vector<std::string>;

Strings Split(std::string_view name, const std::string& text) {
  const auto pre_tokenizer = FindPreTokenizer(name);
  EXPECT_TRUE(pre_tokenizer);
  Words words;
  pre_tokenizer->Split(text, words);
  std::string joined;
  for (std::string_view word : words) {
    EXPECT_FALSE(word.empty());
    joined += word;
  }
  EXPECT_EQ(joined, text);
  return Strings(words.begin(), words.end());
}

TEST(PreTokenizer, Gpt2) {
  EXPECT_EQ(Split("gpt-2", "Hello  world's 123!?\n\n x"),
            (Strings{"Hello", " ", " world", "'s", " 123", "!?", "\n\n", " x"}));
  EXPECT_EQ(Split("gpt-2", "a  "), (Strings{"a", "  "}));
  EXPECT_EQ(Split("gpt-2", "WE'LL"), (Strings{"WE", "'", "LL"}));
  EXPECT_EQ(Split("mpt", "\xFF x"), (Strings{"\xFF", " x"}));
  EXPECT_TRUE(Split("gpt-2", "").empty());
}

TEST(PreTokenizer, Llama3AndQwen2) {
  EXPECT_EQ(Split("llama-bpe", "WE'LL 12345 !\r\n\n x"),
            (Strings{"WE", "'LL", " ", "123", "45", " !\r\n\n", " x"}));
  EXPECT_EQ(Split("qwen2", "v12(foo)\n  \n  bar"),
            (Strings{"v", "1", "2", "(foo", ")\n", "  \n", " ", " bar"}));
  EXPECT_EQ(Split("llama-bpe", "'\u017Fx"), (Strings{"'\u017F", "x"}));
}

TEST(PreTokenizer, SmolLm) {
  EXPECT_EQ(Split("smollm", "a 17  + 25"), (Strings{"a", " ", "1", "7", " ", " +", " ", "2", "5"}));
}

TEST(PreTokenizer, DeepSeekLlm) {
  EXPECT_EQ(Split("deepseek-llm", "Hi, you 12\n中文 x  "),
            (Strings{"Hi", ",", " you", " ", "1", "2", "\n", "中文", " x", "  "}));
}

TEST(PreTokenizer, Default) {
  EXPECT_EQ(Split("default", "a.b 12345"), (Strings{"a", ".", "b", " ", "123", "45"}));
}

TEST(PreTokenizer, UnknownIsAnError) {
  for (const char* name : {"", "gpt-3", "gpt-2 phi-2", "tekken\x1b["}) {
    const auto found = FindPreTokenizer(name);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().code, ErrorCode::kUnsupported);
  }
}

}  // namespace
}  // namespace ingle
