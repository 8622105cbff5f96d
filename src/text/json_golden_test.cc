// Tiny tokenizers with every kind of component and what the original makes of difficult strings:
// tests/parity/tokenizers/make_json_goldens.py.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "base/utf8.h"
#include "text/detokenizer.h"
#include "text/tokenizer_json.h"

namespace ingle {
namespace {

constexpr char kFolder[] = INGLE_SOURCE_DIR "/tests/parity/tokenizers/goldens/json";

std::vector<TokenId> Ids(const json::value& list) {
  std::vector<TokenId> ids;
  for (const json::value& id : list.as_array()) ids.push_back(id.to_number<TokenId>());
  return ids;
}

std::string Streamed(const Tokenizer& tokenizer, const std::vector<TokenId>& ids, bool control) {
  Detokenizer detokenizer(&tokenizer, control, true);
  std::string text;
  for (TokenId id : ids) {
    const std::string piece = detokenizer.Push(id);
    EXPECT_TRUE(IsValidUtf8(piece)) << "half a character was given";
    text += piece;
  }
  return text + detokenizer.Finish();
}

class JsonGolden : public testing::TestWithParam<std::string> {};

TEST_P(JsonGolden, IsAsTheOriginal) {
  std::ifstream file(std::string(kFolder) + "/" + GetParam() + ".json");
  std::stringstream bytes;
  bytes << file.rdbuf();
  const Result<json::value> parsed = ParseJson(bytes.str(), "golden");
  ASSERT_TRUE(parsed) << parsed.error().message;
  const json::object& golden = parsed->as_object();
  const auto tokenizer = LoadTokenizerJson(json::serialize(golden.at("tokenizer")), {});
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  ASSERT_GE(golden.at("cases").as_array().size(), 40u);
  for (const json::value& item : golden.at("cases").as_array()) {
    const json::array& row = item.as_array();
    const std::string text(row[0].as_string());
    const std::vector<TokenId> ids = Ids(row[1]);
    EXPECT_EQ((*tokenizer)->Encode(text, true, true), ids) << testing::PrintToString(text);
    EXPECT_EQ((*tokenizer)->Encode(text, false, false), Ids(row[2]))
        << "as plain text: " << testing::PrintToString(text);
    EXPECT_EQ((*tokenizer)->Decode(ids, false), std::string(row[3].as_string()));
    EXPECT_EQ((*tokenizer)->Decode(ids, true), std::string(row[4].as_string()));
    EXPECT_EQ(Streamed(**tokenizer, ids, false), std::string(row[3].as_string()));
    EXPECT_EQ(Streamed(**tokenizer, ids, true), std::string(row[4].as_string()));
  }
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder))
    names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, JsonGolden, testing::ValuesIn(Names()), [](const auto& info) {
  std::string name = info.param;
  std::erase(name, '-');
  return name;
});

}  // namespace
}  // namespace ingle
