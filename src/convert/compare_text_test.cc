// Defaults, end tokens and what templates get: the same in a directory and in the keys written for
// it, or named.

#include <gtest/gtest.h>

#include <algorithm>

#include "convert/test_model.h"
#include "convert/tokenizer_keys.h"
#include "engine/end_tokens.h"
#include "engine/model_sampling.h"
#include "files/model_files.h"

namespace ingle {
namespace {

constexpr char kTemplate[] =
    "{{ bos_token }}{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}";

class CompareText : public testing::Test {
 protected:
  CompareText() {
    directory_.container = Container::kHuggingFace;
    Set(kTokenizerJsonKey, TinyTokenizerJson());
    Set(kChatTemplateKey, std::string(kTemplate));
    Set("vocab_size", int64_t{kTinyVocab});
    Set("tokenizer_config.bos_token", std::string("<s>"));
    Set("tokenizer_config.eos_token", std::string("</s>"));
    Set("tokenizer_config.add_bos_token", true);
  }
  void Set(std::string_view key, MetadataValue value) {
    directory_.values[std::string(key)] = std::move(value);
  }
  // What the directory's keys are when they are read again.
  Metadata Written() {
    GgufKeys keys;
    EXPECT_TRUE(AddTokenizerKeys(directory_, kTinyVocab, "llama", keys, warnings_));
    EXPECT_TRUE(AddTemplateKeys(directory_, keys));
    AddDefaultKeys(directory_, keys, warnings_);
    return *keys.Read();
  }
  std::vector<std::string> Differences(const Metadata& written) {
    auto found = TextDifferences(directory_, written);
    EXPECT_TRUE(found) << found.error().message;
    return found.value_or(std::vector<std::string>());
  }

  Metadata directory_;
  std::vector<std::string> warnings_;
};

TEST_F(CompareText, EverythingComesBack) {
  Set("generation_config.do_sample", false);
  Set("generation_config.temperature", 0.7);
  Set("generation_config.top_p", 0.1234567);
  Set("generation_config.typical_p", 0.9);
  Set("generation_config.repetition_penalty", 1.1);
  Set("generation_config.stop_strings", std::vector<std::string>{"END", "\n\n"});
  Set("generation_config.eos_token_id", std::vector<int64_t>{2, 10, 11, 12});
  Set("eos_token_id", int64_t{13});
  Set("tokenizer.chat_template.tool_use", std::string("{{ tools }}"));
  const Metadata written = Written();
  EXPECT_EQ(Differences(written), std::vector<std::string>());
  const ModelDefaults defaults = FindModelDefaults(written);
  EXPECT_EQ(defaults.sampling.temperature, 0);  // do_sample: false, whatever the temperature.
  EXPECT_EQ(defaults.sampling.top_p, 0.1234567);
  EXPECT_EQ(defaults.sampling.repeat_last_n, -1);
  EXPECT_EQ(*written.Integers(kEndTokensKey), (std::vector<int64_t>{2, 10, 11, 12, 13}));
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_NE(warnings_[0].find("do not end its answers: 12 13"), std::string::npos) << warnings_[0];
}

TEST_F(CompareText, EveryDifferenceIsNamed) {
  Set("generation_config.top_k", int64_t{20});
  Set("generation_config.stop_strings", std::string("END"));
  Set("generation_config.eos_token_id", std::vector<int64_t>{2, 10});
  Metadata written = Written();
  written.values["general.sampling.temp"] = 0.5;
  for (const char* key : {"general.sampling.top_k", "generation_config.stop_strings",
                          "tokenizer.ggml.eot_token_id", "tokenizer.ggml.add_bos_token"})
    ASSERT_EQ(written.values.erase(key), 1u) << key;
  written.values["tokenizer.ggml.add_bos_token"] = false;
  written.values["tokenizer.ggml.eom_token_id"] = uint64_t{11};
  written.values["tokenizer.ggml.bos_token_id"] = uint64_t{5};
  const auto found = Differences(written);
  const char* expected[] = {
      "the default temperature is nothing in the directory and 5E-1 in the file",
      "the default top_k is 20 in the directory and nothing in the file",
      "stop strings",
      "token 10 ends an answer in the directory only",
      "token 11 ends an answer in the file only",
      "the chat template gets \"<s>\" as bos_token in the directory and \"<0x02>\" in the file",
      "before or after texts"};
  ASSERT_EQ(found.size(), std::size(expected));
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NE(found[i].find(expected[i]), std::string::npos) << found[i];
}

// config.json names a first token that the tokenizer's files do not: templates get it from GGUF
// only.
TEST_F(CompareText, TokensThatOnlyGgufHasForTemplates) {
  directory_.values.erase("tokenizer_config.bos_token");
  directory_.values.erase("tokenizer_config.add_bos_token");
  Set("bos_token_id", int64_t{1});
  const auto found = Differences(Written());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(found[0].find("gets nothing as bos_token in the directory"), std::string::npos);
  Set(kChatTemplateKey, std::string("{{ messages[0].content }}"));  // Does not look at it.
  EXPECT_TRUE(Differences(Written()).empty());
}

TEST_F(CompareText, NoTokenizerIsAnError) {
  EXPECT_FALSE(TextDifferences(directory_, Metadata{}));
  EXPECT_FALSE(TextDifferences(Metadata{}, Metadata{}));
}

}  // namespace
}  // namespace ingle
