// Against the published pairs of real vocabularies, which lie outside the repository:
// ../shared/data/vocabs.

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "files/gguf.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace ingle {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> SplitBy(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != std::string::npos;
       begin = end + separator.size()) {
    parts.push_back(text.substr(begin, end - begin));
  }
  if (begin < text.size()) parts.push_back(text.substr(begin));  // The file ends with a separator.
  return parts;
}

std::vector<std::string> InputsOf(const std::string& path) {
  return SplitBy(ReadAll(path + ".inp"), "\n__ggml_vocab_test__\n");
}

// Each text of PATH.inp becomes the tokens of its line in PATH.out.
void ExpectPairs(const Tokenizer& tokenizer, const std::string& path) {
  const std::vector<std::string> inputs = InputsOf(path);
  std::istringstream outputs(ReadAll(path + ".out"));
  ASSERT_GE(inputs.size(), 40u);
  for (const std::string& input : inputs) {
    std::string line;
    ASSERT_TRUE(std::getline(outputs, line)) << "fewer outputs than inputs";
    std::istringstream numbers(line);
    std::vector<TokenId> expected;
    for (TokenId id; numbers >> id;) expected.push_back(id);
    EXPECT_EQ(tokenizer.Encode(input, false, false), expected) << testing::PrintToString(input);
  }
}

class Published : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    path_ =
        std::string(INGLE_SOURCE_DIR "/../shared/data/vocabs/ggml-vocab-") + GetParam() + ".gguf";
    if (!std::filesystem::exists(path_)) {
      std::printf("SKIPPED: %s is not on this machine; the published pairs were NOT compared\n",
                  path_.c_str());
      GTEST_SKIP();
    }
    auto file = OpenGguf(path_);
    ASSERT_TRUE(file) << file.error().message;
    auto tokenizer = LoadTokenizer(file->metadata());
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    tokenizer_ = std::move(*tokenizer);
    EXPECT_TRUE(tokenizer_->warnings.empty()) << tokenizer_->warnings.front();
  }

  std::string path_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_P(Published, PairsAreEqual) { ExpectPairs(*tokenizer_, path_); }

// Whole, and token by token with characters cut in pieces.
TEST_P(Published, RoundTrip) {
  std::vector<std::string> texts = InputsOf(path_);
  for (uint32_t c = 1; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 97) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text = "a";
    AppendUtf8(c, text);
    if (c != 0x2581 || !tokenizer_->description.starts_with("SentencePiece"))
      texts.push_back(text + "b");
  }
  for (const std::string& text : texts) {
    const std::vector<TokenId> ids = tokenizer_->Encode(text, false, false);
    ASSERT_EQ(tokenizer_->Decode(ids, false), text);
    Detokenizer detokenizer(tokenizer_.get(), false, true);
    std::string streamed;
    for (TokenId id : ids) {
      const std::string piece = detokenizer.Push(id);
      std::string valid;
      AppendValid(piece, false, valid);
      ASSERT_EQ(piece, valid) << "half a character was emitted";
      streamed += piece;
    }
    ASSERT_EQ(streamed + detokenizer.Finish(), text);
  }
}

// TK-06: what is not UTF-8 comes back byte by byte. DeepSeek LLM has no tokens for the bytes that
// UTF-8 never has.
TEST_P(Published, InvalidUtf8ComesBack) {
  std::vector<std::string> texts = {"\xC0\x80",     "\xE0\x80\x80",     "\xED\xA0\x80",
                                    "\xED\xBF\xBF", "\xF4\x90\x80\x80", "\xF4\x8F\xBF\xBF",
                                    "\x80\x80\x80", "a\xE4\xB8",        "\xFF\xFE\xFD"};
  for (unsigned byte = 0; byte < 256; ++byte)
    texts.emplace_back(1, static_cast<char>(static_cast<uint8_t>(byte)));
  for (const std::string& text : texts) {
    const std::vector<TokenId> ids = tokenizer_->Encode(text, false, false);
    std::string expected = text;
    if (GetParam() == std::string_view("deepseek-llm")) {
      expected.clear();
      AppendValid(text, false, expected);
    }
    EXPECT_EQ(tokenizer_->Decode(ids, false), expected) << testing::PrintToString(text);
  }
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, Published,
                         testing::Values("gpt-2", "llama-bpe", "qwen2", "deepseek-llm",
                                         "llama-spm"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

// BERT's tokenizer drops what it does not know, so the text itself does not come back.
TEST(PublishedBert, PairsAreEqual) {
  const std::string path = INGLE_SOURCE_DIR "/../shared/data/vocabs/ggml-vocab-bert-bge.gguf";
  if (!std::filesystem::exists(path)) {
    std::printf("SKIPPED: %s is not on this machine; the published pairs were NOT compared\n",
                path.c_str());
    GTEST_SKIP();
  }
  auto file = OpenGguf(path);
  ASSERT_TRUE(file) << file.error().message;
  const auto tokenizer = LoadTokenizer(file->metadata());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  ExpectPairs(**tokenizer, path);
  EXPECT_EQ((*tokenizer)->Encode("Hello", true, false), (std::vector<TokenId>{101, 7592, 102}));
}

}  // namespace
}  // namespace ingle
