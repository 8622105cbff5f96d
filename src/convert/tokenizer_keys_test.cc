#include "convert/tokenizer_keys.h"

#include "base/json.h"
#include "convert/test_model.h"
#include "files/model_files.h"
#include "text/byte_level.h"
#include "text/unicode.h"

namespace ingle {
namespace {

constexpr std::string_view kQwen = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
                                   R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

json::object Added(uint32_t id, std::string_view content, bool special = true) {
  return {{"id", id}, {"content", content}, {"special", special}, {"normalized", false}};
}

json::object ByteSplit(std::string_view pattern) {
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"},
             {"pattern", {{"Regex", pattern}}},
             {"behavior", "Isolated"},
             {"invert", false}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
}

// Every byte, "he", and two special tokens with a hole before the last.
json::object ByteBpe(std::string_view pattern = kQwen) {
  json::object vocabulary;
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string spelling;
    AppendUtf8(CharacterOfByte(static_cast<uint8_t>(byte)), spelling);
    vocabulary[spelling] = byte;
  }
  vocabulary["he"] = 256;
  vocabulary["<|end|>"] = 258;
  return {{"version", "1.0"},
          {"added_tokens", {Added(258, "<|end|>")}},
          {"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer", ByteSplit(pattern)},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", {"h e"}}}}};
}

// Printable ASCII as single pieces, after some special ones.
json::array Pieces(std::string_view continued) {
  json::array pieces;
  for (char c = '!'; c <= '~'; ++c) {
    pieces.push_back(json::string(std::string(1, c)));
    if (!continued.empty()) pieces.push_back(json::string(std::string(continued) + c));
  }
  return pieces;
}

json::object WordPiece() {
  json::object vocabulary{{"[PAD]", 0}, {"[UNK]", 1}, {"[CLS]", 2}, {"[SEP]", 3}};
  for (const json::value& piece : Pieces("##")) vocabulary[piece.as_string()] = vocabulary.size();
  const json::array single{{{"SpecialToken", {{"id", "[CLS]"}, {"type_id", 0}}}},
                           {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
                           {{"SpecialToken", {{"id", "[SEP]"}, {"type_id", 0}}}}};
  const auto special = [](const char* name, int id) {
    return json::object{{"id", name}, {"ids", {id}}, {"tokens", {name}}};
  };
  return {{"version", "1.0"},
          {"added_tokens",
           {Added(0, "[PAD]"), Added(1, "[UNK]"), Added(2, "[CLS]"), Added(3, "[SEP]")}},
          {"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", true},
            {"strip_accents", nullptr},
            {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single", single},
            {"pair", json::array()},
            {"special_tokens", {{"[CLS]", special("[CLS]", 2)}, {"[SEP]", special("[SEP]", 3)}}}}},
          {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", "[UNK]"},
            {"continuing_subword_prefix", "##"},
            {"max_input_chars_per_word", 100},
            {"vocab", vocabulary}}}};
}

// "h" and "e" as one piece, and every other printable character by itself.
json::object Unigram() {
  const json::object space{{"type", "Metaspace"},
                           {"replacement", "\xE2\x96\x81"},
                           {"prepend_scheme", "always"},
                           {"split", true}};
  json::array vocabulary{{"<unk>", 0.0}, {"</s>", 0.0}, {"\xE2\x96\x81", -2.5}, {"he", -3.0}};
  for (const json::value& piece : Pieces("")) vocabulary.push_back({piece, -4.0});
  return {{"version", "1.0"},
          {"added_tokens", {Added(0, "<unk>"), Added(1, "</s>")}},
          {"normalizer", nullptr},
          {"pre_tokenizer", space},
          {"decoder", space},
          {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocabulary}}}};
}

struct Outcome {
  Status status;
  Metadata keys;
  std::vector<std::string> warnings;
};

Outcome KeysOf(const json::object& tokenizer, uint32_t vocabulary,
               const std::map<std::string, MetadataValue>& more = {},
               std::string_view architecture = "llama") {
  Metadata directory;
  directory.container = Container::kHuggingFace;
  directory.values[std::string(kTokenizerJsonKey)] = json::serialize(tokenizer);
  for (const auto& [key, value] : more) directory.values[key] = value;
  GgufKeys keys;
  Outcome outcome;
  outcome.status = AddTokenizerKeys(directory, vocabulary, architecture, keys, outcome.warnings);
  outcome.keys = *keys.Read();
  return outcome;
}

std::string ErrorOf(const Outcome& outcome) {
  return outcome.status ? "(none)" : outcome.status.error().message;
}

std::string Text(const Metadata& keys, std::string_view key) {
  const auto text = keys.String(key);
  return text && *text != nullptr ? **text : "(none)";
}

TEST(TokenizerKeys, ByteLevelBpe) {
  const Outcome made = KeysOf(ByteBpe(), 264,
                              {{"tokenizer_config.eos_token.content", std::string("<|end|>")},
                               {"tokenizer_config.add_bos_token", false}});
  ASSERT_TRUE(made.status) << ErrorOf(made);
  EXPECT_EQ(Text(made.keys, "tokenizer.ggml.model"), "gpt2");
  EXPECT_EQ(Text(made.keys, "tokenizer.ggml.pre"), "qwen2");
  EXPECT_EQ(**made.keys.Strings("tokenizer.ggml.merges"), std::vector<std::string>{"h e"});
  const auto& tokens = **made.keys.Strings("tokenizer.ggml.tokens");
  const auto kinds = *made.keys.Integers("tokenizer.ggml.token_type");
  ASSERT_EQ(tokens.size(), 264u);
  EXPECT_EQ(tokens[256], "he");
  EXPECT_EQ(tokens[257], "[PAD257]");  // A hole,
  EXPECT_EQ(kinds[257], 5);
  EXPECT_EQ(kinds[258], 3);
  EXPECT_EQ(tokens[263], "[PAD263]");  // and rows of the embedding past the last token.
  EXPECT_EQ(made.keys.Unsigned("tokenizer.ggml.eos_token_id")->value(), 258u);
  ASSERT_EQ(made.warnings.size(), 1u);
  EXPECT_NE(made.warnings[0].find("changes text before"), std::string::npos);
}

TEST(TokenizerKeys, TheNameOfThePreTokenizer) {
  constexpr std::string_view kGpt2 =
      R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  EXPECT_EQ(Text(KeysOf(ByteBpe(kGpt2), 259).keys, "tokenizer.ggml.pre"), "gpt-2");
  const Outcome made = KeysOf(ByteBpe("[a-c]+|[^a-c]+"), 259);
  EXPECT_NE(ErrorOf(made).find("no form of it is known"), std::string::npos) << ErrorOf(made);
  EXPECT_EQ(made.status.error().code, ErrorCode::kUnsupported);
  // A word that is a token is never merged: other names stand for that.
  json::object whole =
      ByteBpe(R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
              R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
  EXPECT_EQ(Text(KeysOf(whole, 259).keys, "tokenizer.ggml.pre"), "dbrx");
  whole["model"].as_object()["ignore_merges"] = true;
  EXPECT_EQ(Text(KeysOf(whole, 259).keys, "tokenizer.ggml.pre"), "llama-bpe");
  EXPECT_EQ(Text(KeysOf(whole, 259, {}, "lfm2").keys, "tokenizer.ggml.pre"), "lfm2");
}

TEST(TokenizerKeys, WordPiece) {
  const Outcome made = KeysOf(WordPiece(), 200);
  ASSERT_TRUE(made.status) << ErrorOf(made);
  EXPECT_EQ(Text(made.keys, "tokenizer.ggml.model"), "bert");
  const auto& tokens = **made.keys.Strings("tokenizer.ggml.tokens");
  EXPECT_EQ(tokens[2], "[CLS]");
  EXPECT_EQ(tokens[4], "\xE2\x96\x81!");  // The beginning of a word,
  EXPECT_EQ(tokens[5], "!");              // and what follows it.
  EXPECT_EQ(made.keys.Bool("tokenizer.ggml.add_bos_token")->value(), true);
  EXPECT_EQ(made.keys.Bool("tokenizer.ggml.normalizer.lowercase")->value(), true);
  json::object other = WordPiece();
  other["model"].as_object()["continuing_subword_prefix"] = "@@";
  EXPECT_NE(ErrorOf(KeysOf(other, 200)).find("another prefix"), std::string::npos);
}

TEST(TokenizerKeys, Unigram) {
  const Outcome made =
      KeysOf(Unigram(), 100, {{"special_tokens_map.eos_token", std::string("</s>")}});
  ASSERT_TRUE(made.status) << ErrorOf(made);
  EXPECT_EQ(Text(made.keys, "tokenizer.ggml.model"), "t5");
  EXPECT_EQ(made.keys.Bool("tokenizer.ggml.add_space_prefix")->value(), true);
  EXPECT_EQ(made.keys.Bool("tokenizer.ggml.remove_extra_whitespaces")->value(), false);
  EXPECT_EQ((*made.keys.Numbers("tokenizer.ggml.scores"))[3], -3.0);
  EXPECT_EQ((*made.keys.Integers("tokenizer.ggml.token_type"))[0], 2);
  ASSERT_EQ(made.warnings.size(), 1u);  // White space around words.
}

// Every tokenizer.json of the goldens of src/text: either a GGUF file gives the same tokens for the
// texts that the original library was asked, or it is refused.
TEST(TokenizerKeys, EveryGoldenIsTheSameOrRefused) {
  std::string models;
  for (const auto& path :
       TinyDirectory::Goldens(INGLE_SOURCE_DIR "/tests/parity/tokenizers/goldens/json")) {
    const json::value golden = *ParseJson(ReadBytes(path), "golden");
    const Outcome made = KeysOf(golden.at("tokenizer").as_object(), 4000);
    if (!made.status) {
      EXPECT_EQ(made.status.error().code, ErrorCode::kUnsupported) << path << ErrorOf(made);
      std::printf("%s: %s\n", path.stem().c_str(), ErrorOf(made).c_str());
      continue;
    }
    models += path.stem().string() + " ";
    const auto written = LoadTokenizer(made.keys);
    ASSERT_TRUE(written);
    if (golden.at("tokenizer").at("normalizer").is_object()) continue;  // NFC, or a prefix.
    for (const json::value& one : golden.at("cases").as_array()) {
      const std::string_view text = one.at(0).as_string();
      const auto has = [&](std::string_view added) { return text.find(added) != text.npos; };
      if (has("<") || has("Word") || has("Straße")) continue;  // Flags that GGUF does not have.
      const auto ids = json::value_to<std::vector<TokenId>>(one.at(2));
      EXPECT_EQ((*written)->Encode(text, false, true), ids) << path << text;
    }
  }
  EXPECT_EQ(models, "gemma gpt2 gpt4o llama2 t5 ");
}

TEST(TokenizerKeys, WhatGgufDoesNotHave) {
  json::object words = ByteBpe();
  words["model"] = json::object{
      {"type", "WordLevel"}, {"vocab", {{"a", 0}, {"<unk>", 1}}}, {"unk_token", "<unk>"}};
  EXPECT_NE(ErrorOf(KeysOf(words, 300)).find("its model is WordLevel"), std::string::npos);
  json::object suffix = ByteBpe();
  suffix["model"].as_object()["end_of_word_suffix"] = "</w>";
  EXPECT_NE(ErrorOf(KeysOf(suffix, 300)).find("end_of_word_suffix"), std::string::npos);
  EXPECT_NE(
      ErrorOf(KeysOf(ByteBpe(), 258)).find("has 259 tokens, but the model's embedding only 258"),
      std::string::npos);
  GgufKeys keys;
  std::vector<std::string> warnings;
  const Status none = AddTokenizerKeys(Metadata{}, 10, "llama", keys, warnings);
  EXPECT_NE(none.error().message.find("no tokenizer.json"), std::string::npos);
}

TEST(TokenizerKeys, FlagsOfAddedTokensAreSaid) {
  json::object tokenizer = ByteBpe();
  tokenizer["added_tokens"].as_array()[0].as_object()["rstrip"] = true;
  const Outcome made = KeysOf(tokenizer, 259);
  ASSERT_EQ(made.warnings.size(), 2u);
  EXPECT_NE(made.warnings[0].find("1 added tokens"), std::string::npos) << made.warnings[0];
}

// SentencePiece joins "a" and "b" when the vocabulary holds "ab", merge or not.
TEST(TokenizerKeys, TokensThatNoMergeMakesAreSaid) {
  json::object vocabulary{{"<unk>", 0}};
  char text[8];
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::snprintf(text, sizeof text, "<0x%02X>", byte);
    vocabulary[text] = byte + 1;
  }
  for (const char* piece : {"q", "z", "qz", "z\xC3\xA9x"}) vocabulary[piece] = vocabulary.size();
  const json::object tokenizer{
      {"version", "1.0"},
      {"added_tokens", {Added(0, "<unk>")}},
      {"normalizer",
       {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\xE2\x96\x81"}}},
      {"decoder", {{"type", "ByteFallback"}}},
      {"model",
       {{"type", "BPE"},
        {"unk_token", "<unk>"},
        {"byte_fallback", true},
        {"vocab", vocabulary},
        {"merges", json::array()}}}};
  const Outcome made = KeysOf(tokenizer, 261);
  ASSERT_TRUE(made.status) << ErrorOf(made);
  EXPECT_EQ(Text(made.keys, "tokenizer.ggml.model"), "llama");
  EXPECT_EQ(made.keys.Bool("tokenizer.ggml.add_space_prefix")->value(), false);
  EXPECT_EQ((*made.keys.Integers("tokenizer.ggml.token_type"))[5], 6);
  ASSERT_EQ(made.warnings.size(), 1u);
  EXPECT_NE(made.warnings[0].find("1 tokens of the vocabulary come from no merge"),
            std::string::npos)
      << made.warnings[0];
}

}  // namespace
}  // namespace ingle
