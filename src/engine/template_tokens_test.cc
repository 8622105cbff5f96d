#include "engine/template_tokens.h"

#include <gtest/gtest.h>

#include "text/tiny_vocabulary.h"

namespace ingle {
namespace {

TEST(TemplateTokens, OfGgufAreThoseWhoseIdsItNames) {
  TinyVocabulary vocabulary = TinyVocabulary::ByteLevel("gpt-2", {});
  vocabulary.metadata.values["tokenizer.ggml.bos_token_id"] = uint64_t{65};
  vocabulary.metadata.values["tokenizer.ggml.padding_token_id"] = uint64_t{66};
  vocabulary.metadata.values["tokenizer.ggml.mask_token_id"] = uint64_t{67};
  Metadata metadata = vocabulary.Build();
  const auto tokenizer = LoadTokenizer(metadata);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  metadata.values["tokenizer.ggml.cls_token_id"] = uint64_t{1} << 40;
  const TemplateTokens tokens = FindTemplateTokens(metadata, **tokenizer);
  EXPECT_EQ(tokens.at("bos_token"), "A");
  EXPECT_EQ(tokens.at("pad_token"), "B");
  EXPECT_EQ(tokens.at("mask_token"), "C");
  EXPECT_FALSE(tokens.contains("cls_token"));
  EXPECT_FALSE(tokens.contains("unk_token"));
}

TEST(TemplateTokens, OfADirectoryAreThoseThatItSpells) {
  const Metadata gguf = TinyVocabulary::ByteLevel("gpt-2", {}).Build();
  const auto tokenizer = LoadTokenizer(gguf);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  (*tokenizer)->bos = 65;
  Metadata metadata;
  metadata.container = Container::kHuggingFace;
  EXPECT_TRUE(FindTemplateTokens(metadata, **tokenizer).empty());
  metadata.values["model_type"] = std::string("gpt2");  // Whose class spells it.
  EXPECT_EQ(FindTemplateTokens(metadata, **tokenizer).at("bos_token"), "A");
  metadata.values["tokenizer_config.eos_token"] = std::string("</s>");
  metadata.values["tokenizer_config.additional_special_tokens"] = std::vector<std::string>{"<a>"};
  metadata.values["tokenizer_config.extra_special_tokens.image_token"] = std::string("<i>");
  metadata.values["tokenizer_config.extra_special_tokens.boi_token.content"] = std::string("<b>");
  metadata.values["tokenizer_config.extra_special_tokens.boi_token.special"] = true;
  metadata.values["tokenizer_config.extra_special_tokens.0"] = std::string("no name");
  EXPECT_EQ(json::serialize(FindTemplateTokens(metadata, **tokenizer)),
            R"({"eos_token":"</s>","additional_special_tokens":["<a>"],)"
            R"("boi_token":"<b>","image_token":"<i>"})");
}

}  // namespace
}  // namespace ingle
