// Special tokens of a directory: which file says what, as in transformers.

#include "text/directory_tokenizer.h"

#include <gtest/gtest.h>

#include "files/model_files.h"

namespace ingle {
namespace {

constexpr char kTokenizer[] =
    R"({"added_tokens":[{"id":2,"content":"<e>","special":true}],)"
    R"("model":{"type":"BPE","vocab":{"a":0,"b":1,"<e>":2},"merges":[]}})";

Metadata Directory(std::initializer_list<std::pair<const std::string, MetadataValue>> values) {
  Metadata metadata;
  metadata.container = Container::kHuggingFace;
  metadata.values = {values.begin(), values.end()};
  return metadata;
}

TEST(DirectoryTokenizer, SpellingsOfTheFileThatWins) {
  Metadata metadata = Directory({
      {"tokenizer_config.bos_token", std::string("<s>")},
      {"tokenizer_config.pad_token.content", std::string("<p>")},
      {"special_tokens_map.bos_token.content", std::string("<m>")},
      {"tokenizer_config.additional_special_tokens.0.content", std::string("<x>")},
      {"tokenizer_config.additional_special_tokens.1", std::string("<y>")},
  });
  EXPECT_EQ(SpecialTokenSpelling(metadata, "bos_token"), "<m>");
  EXPECT_EQ(SpecialTokenSpelling(metadata, "pad_token"), "<p>");
  EXPECT_EQ(SpecialTokenSpelling(metadata, "unk_token"), std::nullopt);
  EXPECT_EQ(AdditionalSpecialTokens(metadata), (std::vector<std::string>{"<x>", "<y>"}));
  metadata.values["tokenizer_config.added_tokens_decoder.0.content"] = std::string("<s>");
  EXPECT_EQ(SpecialTokenSpelling(metadata, "bos_token"), "<s>");
  metadata.values["tokenizer_config.additional_special_tokens"] = std::vector<std::string>{"<z>"};
  EXPECT_EQ(AdditionalSpecialTokens(metadata), std::vector<std::string>{"<z>"});
  EXPECT_TRUE(AdditionalSpecialTokens(Directory({})).empty());
}

TEST(DirectoryTokenizer, IdsStandInForSpellings) {
  const TokenizerFacts facts = FactsOfDirectory(Directory({
      {"vocab_size", int64_t{10}},
      {"bos_token_id", int64_t{-1}},
      {"generation_config.eos_token_id", std::vector<int64_t>{11, 3}},
      {"eos_token_id", int64_t{4}},
      {"tokenizer_config.add_bos_token", true},
      {"tokenizer_config.add_eos_token", std::string("no")},
      {"tokenizer_config.tokenizer_class", std::string("LlamaTokenizer")},
  }));
  EXPECT_EQ(facts.bos_token_id, std::nullopt);
  EXPECT_EQ(facts.eos_token_id, 4);  // 11 is past the vocabulary.
  EXPECT_EQ(facts.add_bos_token, true);
  EXPECT_EQ(facts.add_eos_token, std::nullopt);
  EXPECT_EQ(facts.tokenizer_class, "LlamaTokenizer");
  EXPECT_EQ(FactsOfDirectory(Directory({{"eos_token_id", int64_t{4}},
                                        {"special_tokens_map.eos_token", std::string("</s>")}}))
                .eos_token_id,
            std::nullopt);
}

TEST(DirectoryTokenizer, IsWhatLoadTokenizerMakesOfADirectory) {
  auto tokenizer =
      LoadTokenizer(Directory({{std::string(kTokenizerJsonKey), std::string(kTokenizer)},
                               {"tokenizer_config.eos_token", std::string("<e>")}}));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->eos, 2);
  EXPECT_EQ((*tokenizer)->Encode("ab<e>", false, true), (std::vector<TokenId>{0, 1, 2}));
  tokenizer = LoadTokenizer(Directory({}));
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().id, "unsupported_tokenizer");
  EXPECT_NE(tokenizer.error().message.find("no tokenizer.json"), std::string::npos);
}

}  // namespace
}  // namespace ingle
