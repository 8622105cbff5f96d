// Tiny vocabularies and what the originals make of difficult strings:
// tests/parity/tokenizers/make_goldens.py.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/json.h"
#include "text/tokenizer.h"

namespace ingle {
namespace {

std::vector<std::string> Strings(const json::value& list) {
  std::vector<std::string> out;
  for (const json::value& item : list.as_array()) out.emplace_back(item.as_string());
  return out;
}

Metadata MetadataOf(const json::object& golden) {
  Metadata metadata;
  metadata.values["tokenizer.ggml.model"] = std::string(golden.at("model").as_string());
  if (golden.contains("pre"))
    metadata.values["tokenizer.ggml.pre"] = std::string(golden.at("pre").as_string());
  metadata.values["tokenizer.ggml.tokens"] = Strings(golden.at("tokens"));
  if (golden.contains("merges"))
    metadata.values["tokenizer.ggml.merges"] = Strings(golden.at("merges"));
  std::vector<int64_t> types;
  for (const json::value& type : golden.at("token_type").as_array())
    types.push_back(type.to_number<int64_t>());
  metadata.values["tokenizer.ggml.token_type"] = types;
  std::vector<double> scores;
  if (golden.contains("scores")) {
    for (const json::value& score : golden.at("scores").as_array())
      scores.push_back(score.to_number<double>());
    metadata.values["tokenizer.ggml.scores"] = scores;
  }
  return metadata;
}

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, EncodesAsTheOriginal) {
  std::ifstream file(std::string(INGLE_SOURCE_DIR "/tests/parity/tokenizers/goldens/") +
                     GetParam() + ".json");
  ASSERT_TRUE(file) << "the goldens are part of the repository";
  std::stringstream text;
  text << file.rdbuf();
  const Result<json::value> parsed = ParseJson(text.str(), "golden");
  ASSERT_TRUE(parsed) << parsed.error().message;
  const json::object& golden = parsed->as_object();
  const auto tokenizer = LoadTokenizer(MetadataOf(golden));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  ASSERT_GE(golden.at("cases").as_array().size(), 100u);
  for (const json::value& item : golden.at("cases").as_array()) {
    const json::array& row = item.as_array();
    const std::string input(row[0].as_string());
    std::vector<TokenId> expected;
    for (const json::value& id : row[2].as_array()) expected.push_back(id.to_number<TokenId>());
    const bool special = row[1].as_bool();
    EXPECT_EQ((*tokenizer)->Encode(input, false, special), expected)
        << testing::PrintToString(input);
    // U+2581 is how SentencePiece writes a space: the only character that does not come back.
    if (input.find("\xE2\x96\x81") == std::string::npos) {
      EXPECT_EQ((*tokenizer)->Decode(expected, special), input);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, Golden,
                         testing::Values("gpt-2", "llama-bpe", "qwen2", "smollm", "deepseek-llm",
                                         "spm"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace ingle
