#include "text/tokenizer_json.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "text/detokenizer.h"
#include "text/json_cursor.h"

namespace ingle {
namespace {

using Ids = std::vector<TokenId>;

// BPE over characters: <s> 0, </s> 1, <unk> 2, then the letters and a few words.
json::object File() {
  return json::parse(R"({"version": "1.0", "added_tokens": [
      {"id": 0, "content": "<s>", "special": true}, {"id": 1, "content": "</s>", "special": true},
      {"id": 10, "content": "<tool>", "special": false, "normalized": false}],
    "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null,
    "decoder": {"type": "Fuse"},
    "model": {"type": "BPE", "vocab": {"<s>": 0, "</s>": 1, "<unk>": 2, "a": 3, "b": 4, "ab": 5,
      "<": 6, "s": 7, ">": 8, "abab": 9}, "merges": ["a b", ["ab", "ab"]], "unk_token": "<unk>"}})")
      .as_object();
}

Result<std::unique_ptr<Tokenizer>> TryLoad(const json::object& file,
                                           const TokenizerFacts& facts = {}) {
  return LoadTokenizerJson(json::serialize(file), facts);
}

std::unique_ptr<Tokenizer> Load(const json::object& file, const TokenizerFacts& facts = {}) {
  auto tokenizer = TryLoad(file, facts);
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return tokenizer ? std::move(*tokenizer) : nullptr;
}

json::object Changed(const char* change) {
  json::object file = File();
  const json::value fields = json::parse(change);
  for (const auto& [key, value] : fields.as_object()) file[key] = value;
  return file;
}

TEST(TokenizerJson, EncodesAndSaysWhatItIs) {
  const auto tokenizer = Load(File());
  EXPECT_EQ(tokenizer->Encode("abab ab x", false, false), (Ids{9, 5, 2}));
  EXPECT_EQ(tokenizer->description, "BPE, 11 tokens, from tokenizer.json");
  EXPECT_EQ(tokenizer->size(), 11u);
  EXPECT_EQ(tokenizer->Find("<tool>"), 10);
  EXPECT_EQ(tokenizer->Find("nothing"), std::nullopt);
  EXPECT_EQ(tokenizer->Kind(10), TokenKind::kUserDefined);
  EXPECT_EQ(tokenizer->Kind(99), TokenKind::kUnused);
  EXPECT_EQ(tokenizer->Spelling(99), "");
  EXPECT_EQ(tokenizer->TokenBytes(5, false), "ab");
  EXPECT_EQ(tokenizer->TokenBytes(0, false), "");
  EXPECT_EQ(tokenizer->TokenBytes(0, true), "<s>");
}

TEST(TokenizerJson, PlainTextNeverBecomesAControlToken) {
  const auto tokenizer = Load(File());
  EXPECT_EQ(tokenizer->Encode("<s>", false, false), (Ids{6, 7, 8}));
  EXPECT_EQ(tokenizer->Encode("<s>", false, true), Ids{0});
  EXPECT_EQ(tokenizer->Encode("<tool>ab", false, false), (Ids{10, 5}));
  const std::vector<TextSpan> spans = {{"<s", true}, {">", false}, {"<s>", true}, {"<s>", false}};
  EXPECT_EQ(tokenizer->Encode(spans, false), (Ids{6, 7, 8, 0, 6, 7, 8}));
  // Not by merges either, nor by a whole word, nor by the score of a unigram.
  json::object file = File();
  file["model"].as_object()["merges"] = json::array{"a b", "< s"};
  file["model"].as_object()["vocab"].as_object()["<s"] = 10;
  file["added_tokens"].as_array().push_back(
      {{"id", 10}, {"content", "<s"}, {"special", true}, {"normalized", false}});
  EXPECT_EQ(Load(file)->Encode("<s", false, false), (Ids{6, 7}));
  file["model"].as_object()["ignore_merges"] = true;
  EXPECT_EQ(Load(file)->Encode("<s", false, false), (Ids{6, 7}));
}

// The marker is only found in normalized text; where trust ends within it, it is text.
TEST(TokenizerJson, TrustFollowsNormalizedText) {
  json::object file = File();
  file["normalizer"] = {{"type", "Replace"}, {"pattern", {{"String", "xx"}}}, {"content", "s"}};
  file["added_tokens"].as_array()[0].as_object()["normalized"] = true;
  const auto tokenizer = Load(file);
  EXPECT_EQ(tokenizer->Encode("<xx>", false, true), Ids{0});
  EXPECT_EQ(tokenizer->Encode("<xx>", false, false), (Ids{6, 7, 8}));
  const std::vector<TextSpan> mixed = {{"<xx>", true}, {"<xx>", false}};
  EXPECT_EQ(tokenizer->Encode(mixed, false), (Ids{0, 6, 7, 8}));
  const std::vector<TextSpan> cut = {{"<x", true}, {"x>", false}};
  EXPECT_EQ(tokenizer->Encode(cut, false), (Ids{6, 7, 8}));
}

TEST(TokenizerJson, FactsOfOtherFiles) {
  TokenizerFacts facts;
  facts.bos_token = "<s>";
  facts.eos_token = "</s>";
  facts.add_bos_token = true;
  facts.tokenizer_class = "LlamaTokenizerFast";
  const auto tokenizer = Load(File(), facts);
  EXPECT_EQ(tokenizer->bos, 0);
  EXPECT_EQ(tokenizer->eos, 1);
  EXPECT_TRUE(tokenizer->add_bos);
  EXPECT_FALSE(tokenizer->add_eos);
  EXPECT_EQ(tokenizer->end_ids, Ids{1});
  EXPECT_EQ(tokenizer->Encode("ab", true, false), (Ids{0, 5}));
  facts.bos_token = "absent";
  EXPECT_EQ(Load(File(), facts)->warnings.size(), 1u);
  facts = {};
  facts.eos_token_id = 999;
  EXPECT_FALSE(TryLoad(File(), facts));
}

TEST(TokenizerJson, PostProcessorNamesTheEnds) {
  json::object file = File();
  file["post_processor"] = {{"type", "BertProcessing"}, {"cls", {"<s>", 0}}, {"sep", {"</s>", 1}}};
  const auto tokenizer = Load(file);
  EXPECT_EQ(tokenizer->Encode("ab", true, false), (Ids{0, 5, 1}));
  EXPECT_TRUE(tokenizer->add_bos && tokenizer->add_eos);
  EXPECT_EQ(tokenizer->bos, 0);
}

TEST(TokenizerJson, InvalidUtf8IsReplaced) {
  json::object file = File();
  file["model"].as_object()["vocab"].as_object()["\xEF\xBF\xBD"] = 10;
  EXPECT_EQ(Load(file)->Encode("a\xFF", false, false), (Ids{3, 10}));
}

// What is wrong -> a word that the message must have.
TEST(TokenizerJson, WhatIsNotKnownIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"normalizer": {"type": "Shout"}})", "Shout"},
      {R"({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Cut"}]}})", "Cut"},
      {R"({"decoder": {"type": "Odd"}})", "Odd"},
      {R"({"post_processor": {"type": "Late"}})", "Late"},
      {R"({"model": {"type": "Magic", "vocab": {"a": 0}}})", "Magic"},
      {R"({"version": "2.0"})", "2.0"},
      {R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a)\\1"},
           "behavior": "Isolated", "invert": false}})",
       "regular expression"},
  };
  for (const auto& [change, word] : cases) {
    const auto tokenizer = TryLoad(Changed(change));
    ASSERT_FALSE(tokenizer) << change;
    EXPECT_EQ(tokenizer.error().code, ErrorCode::kUnsupported) << tokenizer.error().message;
    EXPECT_NE(tokenizer.error().message.find(word), std::string::npos);
  }
}

TEST(TokenizerJson, WhatContradictsIsNamed) {
  const char* cases[] = {
      R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}})",
      R"({"model": {"type": "BPE", "vocab": {"a": 9999999}, "merges": []}})",
      R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a x"]}})",
      R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]}})",
      R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})",
      R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "added_tokens": []})",
      R"({"model": {"type": "Unigram", "vocab": [["a", 0]]}})",
      R"({"model": {"type": "Unigram", "vocab": [["a", 0]], "unk_id": 7}})",
      R"({"model": {"type": "Unigram", "vocab": {"a": 0}, "unk_id": 0}})",
      R"({"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "?"}})",
      R"({"model": {"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "?",
          "continuing_subword_prefix": "##"}})",
      R"({"model": []})",
      R"({"added_tokens": {}})",
      R"({"added_tokens": [{"content": "x"}]})",
      R"({"normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": ""}})",
      R"({"normalizer": {"type": "Replace", "pattern": "x", "content": ""}})",
      R"({"normalizer": {"type": "Strip", "strip_left": 1, "strip_right": true}})",
      R"({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "!"}})",
      R"({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}})",
      R"({"normalizer": {"type": "Sequence", "normalizers": 1}})",
      R"({"pre_tokenizer": {"type": "Metaspace", "replacement": "ab"}})",
      R"({"pre_tokenizer": {"type": "Metaspace", "replacement": "_", "prepend_scheme": "odd"}})",
      R"({"pre_tokenizer": {"type": "Metaspace", "replacement": "_", "add_prefix_space": false,
          "prepend_scheme": "always"}})",
      R"({"pre_tokenizer": {"type": "Punctuation", "behavior": "Odd"}})",
      R"({"pre_tokenizer": {"type": "FixedLength", "length": 0}})",
      R"({"decoder": {"type": "Strip", "content": " ", "start": 99999999, "stop": 0}})",
      R"({"post_processor": {"type": "TemplateProcessing", "single": [], "special_tokens": {}}})",
      R"({"post_processor": {"type": "TemplateProcessing", "special_tokens": {},
          "single": [{"SpecialToken": {"id": "x"}}, {"Sequence": {"id": "A"}}]}})",
      R"({"post_processor": {"type": "TemplateProcessing",
          "single": [{"Sequence": {"id": "B"}}]}})",
      R"({"post_processor": {"type": "TemplateProcessing", "single": [1]}})",
      R"({"post_processor": {"type": "BertProcessing", "cls": ["a", 99], "sep": ["b", 0]}})",
      R"({"post_processor": {"type": "BertProcessing", "cls": ["a"], "sep": ["b", 0]}})",
  };
  for (const char* change : cases) {
    const auto tokenizer = TryLoad(Changed(change));
    ASSERT_FALSE(tokenizer) << change;
    EXPECT_EQ(tokenizer.error().code, ErrorCode::kCorruptFile) << tokenizer.error().message;
    EXPECT_NE(tokenizer.error().message.find("tokenizer"), std::string::npos);
  }
}

TEST(TokenizerJson, BrokenJsonIsRefused) {
  const std::string whole = json::serialize(File());
  for (size_t size = 0; size < whole.size(); size += 7)
    EXPECT_FALSE(LoadTokenizerJson(whole.substr(0, size), {})) << size;
  for (const char* text : {"", "[]", "{}", "{\"model\": {}} x", "{\"a\": \"\\ud800\"}",
                           "{\"a\": 01}", "{\"a\": [1,]}", "{\"a\" 1}", "{\"a\": tru}", "\xFF"})
    EXPECT_FALSE(LoadTokenizerJson(text, {})) << text;
  EXPECT_FALSE(LoadTokenizerJson("{\"a\":" + std::string(100, '['), {}));
}

TEST(TokenizerJson, OddThingsAreSaid) {
  json::object file = File();
  file["truncation"] = {{"max_length", 8}};
  file["model"].as_object()["dropout"] = 0.1;
  file["added_tokens"].as_array()[2].as_object()["id"] = 77;
  EXPECT_EQ(Load(file)->warnings.size(), 3u);
}

TEST(JsonCursor, ReadsEveryKind) {
  JsonCursor cursor(
      R"( {"a\n": [1, -2.5e1, true, false, null, "\u00e9\ud83d\ude00\/", {}], "b": 7} )");
  std::string_view text;
  double number = 0;
  uint64_t count = 0;
  bool flag = false;
  ASSERT_TRUE(cursor.BeginObject() && cursor.NextMember(text));
  EXPECT_EQ(text, "a\n");
  ASSERT_TRUE(cursor.BeginArray() && cursor.NextItem() && cursor.Unsigned(count));
  EXPECT_EQ(count, 1u);
  ASSERT_TRUE(cursor.NextItem() && cursor.Number(number));
  EXPECT_EQ(number, -25.0);
  ASSERT_TRUE(cursor.NextItem() && cursor.Bool(flag) && flag);
  ASSERT_TRUE(cursor.NextItem() && cursor.Bool(flag) && !flag);
  ASSERT_TRUE(cursor.NextItem() && cursor.Null());
  ASSERT_TRUE(cursor.NextItem() && cursor.String(text));
  EXPECT_EQ(text, "\xC3\xA9\xF0\x9F\x98\x80/");
  ASSERT_TRUE(cursor.NextItem() && cursor.Raw(text));
  EXPECT_EQ(text, "{}");
  EXPECT_FALSE(cursor.NextItem());
  ASSERT_TRUE(cursor.NextMember(text) && cursor.Raw(text));
  EXPECT_FALSE(cursor.NextMember(text));
  EXPECT_TRUE(cursor.AtEnd());
  EXPECT_FALSE(cursor.failed());
}

// Time that grew with the square would take minutes here.
TEST(TokenizerJson, HostileTextTakesLinearTime) {
  json::object file = File();
  file["normalizer"] = {{"type", "NFD"}};
  file["pre_tokenizer"] = nullptr;
  const auto tokenizer = Load(file);
  std::string marks;
  for (int i = 0; i < 100'000; ++i) marks += i % 2 == 0 ? "\xCC\x81" : "\xCC\xA7";
  EXPECT_FALSE(tokenizer->Encode("a" + marks, false, false).empty());
  std::string letters;
  for (int i = 0; i < 300'000; ++i) letters += "ab";
  EXPECT_EQ(tokenizer->Encode(letters, false, false).size(), 150'000u);
}

}  // namespace
}  // namespace ingle
