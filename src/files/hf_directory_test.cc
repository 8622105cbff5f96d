#include "files/hf_directory.h"

#include <gtest/gtest.h>

#include "files/flat_json.h"
#include "files/test_directory.h"

namespace ingle {
namespace {

std::string Text(const Metadata& metadata, std::string_view key) {
  const auto text = metadata.String(key);
  return text && *text != nullptr ? **text : "(none)";
}

TEST(FlatJson, ObjectsListsAndNumbers) {
  Metadata metadata;
  const Status added = AddFlatJson(
      R"({"a":{"b":1,"c":null,"d":[]},"whole":[1,-2],"large":[1,18446744073709551615],)"
      R"("real":[1,2.5],"text":["x","y"],"flags":[true,false],"mixed":[1,"x",null,{"n":2}],)"
      R"("big":18446744073709551615,"half":0.5,"yes":true,"s":"\u00e9"})",
      "config.json", "p.", &metadata);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(metadata.Unsigned("p.a.b")->value(), 1u);
  EXPECT_FALSE(metadata.Has("p.a.c"));
  EXPECT_FALSE(metadata.Has("p.a.d"));
  EXPECT_EQ(*metadata.Integers("p.whole"), (std::vector<int64_t>{1, -2}));
  EXPECT_EQ(metadata.Numbers("p.large")->back(), 18446744073709551615.0);
  EXPECT_EQ(*metadata.Numbers("p.real"), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(**metadata.Strings("p.text"), (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(std::holds_alternative<std::vector<bool>>(*metadata.Find("p.flags")));
  EXPECT_EQ(metadata.Unsigned("p.mixed.0")->value(), 1u);
  EXPECT_EQ(Text(metadata, "p.mixed.1"), "x");
  EXPECT_EQ(metadata.Unsigned("p.mixed.3.n")->value(), 2u);
  EXPECT_EQ(metadata.Unsigned("p.big")->value(), 18446744073709551615u);
  EXPECT_EQ(metadata.Number("p.half")->value(), 0.5);
  EXPECT_EQ(metadata.Bool("p.yes")->value(), true);
  EXPECT_EQ(Text(metadata, "p.s"), "é");
}

TEST(FlatJson, RefusesWhatIsNoConfiguration) {
  const auto refused = [](std::string_view text, const std::string& word) {
    Metadata metadata;
    const Status added = AddFlatJson(text, "config.json", "", &metadata);
    ASSERT_FALSE(added) << text;
    EXPECT_EQ(added.error().id, "invalid_model_file");
    EXPECT_NE(added.error().message.find(word), std::string::npos) << added.error().message;
  };
  refused("{", "not valid JSON");
  refused("[1]", "something else than an object");
  refused(R"({"a\u0007b":1})", "\\x07");
  refused(R"({"a.b":1,"a":{"b":2}})", "'a.b' twice");
}

// What a published directory holds, without weights.
void WriteConfigs(const TestDirectory& directory) {
  directory.Write("config.json", R"({"architectures":["LlamaForCausalLM"],"hidden_size":64,)"
                                 R"("rope_scaling":{"rope_type":"llama3","factor":8.0}})");
  directory.Write("generation_config.json", R"({"temperature":0.6,"eos_token_id":[1,2]})");
  directory.Write("tokenizer_config.json",
                  R"({"eos_token":"</s>","chat_template":"from the config"})");
  directory.Write("special_tokens_map.json", R"({"eos_token":{"content":"</s>"}})");
  directory.Write("tokenizer.json", R"({"model":{}})");
}

TEST(HfDirectory, ConfigurationBecomesMetadata) {
  const TestDirectory directory;
  WriteConfigs(directory);
  auto opened = OpenModelFiles(directory.path() + "/");
  ASSERT_TRUE(opened) << opened.error().message;
  const Metadata& metadata = opened->metadata();
  EXPECT_EQ(metadata.container, Container::kHuggingFace);
  EXPECT_EQ(opened->gguf_version(), 0u);
  EXPECT_EQ(opened->tensors().size(), 0u);
  EXPECT_EQ(**metadata.Strings("architectures"), (std::vector<std::string>{"LlamaForCausalLM"}));
  EXPECT_EQ(metadata.Number("rope_scaling.factor")->value(), 8.0);
  EXPECT_EQ(metadata.Number("generation_config.temperature")->value(), 0.6);
  EXPECT_EQ(metadata.Integers("generation_config.eos_token_id")->size(), 2u);
  EXPECT_EQ(Text(metadata, "tokenizer_config.eos_token"), "</s>");
  EXPECT_EQ(Text(metadata, "special_tokens_map.eos_token.content"), "</s>");
  EXPECT_EQ(Text(metadata, kTokenizerJsonKey), R"({"model":{}})");
  EXPECT_EQ(Text(metadata, kChatTemplateKey), "from the config");
}

TEST(HfDirectory, TemplatesComeFromWhereTransformersLooks) {
  const TestDirectory directory;
  WriteConfigs(directory);
  directory.Write("tokenizer_config.json", R"({"chat_template":[{"name":"default","template":"D"},)"
                                           R"({"name":"rag","template":"R"}]})");
  auto opened = OpenModelFiles(directory.path());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(Text(opened->metadata(), kChatTemplateKey), "D");
  EXPECT_EQ(Text(opened->metadata(), "tokenizer.chat_template.rag"), "R");
  directory.Write("chat_template.jinja", "J");
  directory.Write("additional_chat_templates/tool_use.jinja", "T");
  opened = OpenModelFiles(directory.path());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(Text(opened->metadata(), kChatTemplateKey), "J");
  EXPECT_EQ(Text(opened->metadata(), "tokenizer.chat_template.tool_use"), "T");
  directory.Write("chat_template.jinja", "\xff");
  ExpectRefused(directory.path(), "chat_template.jinja is not UTF-8");
}

TEST(HfDirectory, TemplateFilesReplaceTheConfigAndTheProcessorsComesLast) {
  const TestDirectory directory;
  WriteConfigs(directory);
  const auto templates = [&] {
    std::string all;
    auto opened = OpenModelFiles(directory.path());
    EXPECT_TRUE(opened) << opened.error().message;
    if (!opened) return all;
    for (const auto& [key, value] : opened->metadata().values) {
      EXPECT_EQ(key.find("config.chat_template"), key.npos) << key;
      EXPECT_EQ(key.find("template_json"), key.npos) << key;
      if (key.starts_with(kChatTemplateKey)) all += key + "=" + std::get<std::string>(value) + ";";
    }
    return all;
  };
  directory.Write("chat_template.json", R"({"chat_template":"P"})");
  directory.Write("tokenizer_config.json", R"({"chat_template":[{"name":"default","template":"D"},)"
                                           R"({"name":"rag","template":"R"}]})");
  EXPECT_EQ(templates(), "tokenizer.chat_template=D;tokenizer.chat_template.rag=R;");
  directory.Write("additional_chat_templates/default.jinja", "F");
  EXPECT_EQ(templates(), "tokenizer.chat_template=F;");
  std::filesystem::remove_all(directory.PathOf("additional_chat_templates"));
  directory.Write("tokenizer_config.json", "{}");
  EXPECT_EQ(templates(), "tokenizer.chat_template=P;");
  for (const char* wrong :
       {"7", "[7]", R"(["D"])", R"([{"template":"D"}])", R"([{"name":"a\u0007","template":"D"}])",
        R"([{"name":"default","template":"D"},{"name":"b","template":1}])"}) {
    directory.Write("tokenizer_config.json", R"({"chat_template":)" + std::string(wrong) + "}");
    ExpectRefused(directory.path(), "chat_template must be a text or a list of objects");
  }
}

TEST(HfDirectory, AKindOfModelIsCheckedBeforeTheRest) {
  const TestDirectory directory;
  WriteConfigs(directory);
  directory.Write("model.safetensors", "damaged");
  ExpectRefused(directory.path(), "model.safetensors");
  OpenOptions options;
  options.check = [](const Metadata& metadata) -> Status {
    EXPECT_TRUE(metadata.Has("architectures"));
    return Fail(ErrorCode::kUnsupported, "not this kind");
  };
  auto opened = OpenModelFiles(directory.path(), options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, directory.path() + ": not this kind");
  opened = OpenModelFiles(directory.path(), {.weights = false});
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_TRUE(opened->tensors().empty());
}

TEST(HfDirectory, QuantizationOfItsOwnFile) {
  const TestDirectory directory;
  directory.Write("config.json", "{}");
  directory.Write("quantize_config.json", R"({"bits":4,"desc_act":true})");
  auto opened = OpenModelFiles(directory.path());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->metadata().Unsigned("quantization_config.bits")->value(), 4u);
  directory.Write("config.json", R"({"quantization_config":{"bits":8}})");
  opened = OpenModelFiles(directory.path());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->metadata().Unsigned("quantization_config.bits")->value(), 8u);
}

TEST(HfDirectory, WeightsInOneFileOrInShards) {
  const TestDirectory directory;
  directory.Write("config.json", "{}");
  const std::string a = TestSafetensors().Tensor("a", "U8", {2, 3}, "abcdef").Bytes();
  const std::string b = TestSafetensors().Tensor("b", "U8", {1}, "x").Bytes();
  directory.Write("gptq_model-4bit-128g.safetensors", a);
  auto opened = OpenModelFiles(directory.path());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->format(), "safetensors");
  EXPECT_EQ(opened->FindTensor("a")->dims[0], 3u);
  directory.Write("m-2.safetensors", b);
  ExpectRefused(directory.path(), "several safetensors files");
  directory.Write(
      "model.safetensors.index.json",
      R"({"weight_map":{"a":"gptq_model-4bit-128g.safetensors","b":"m-2.safetensors"}})");
  opened = OpenModelFiles(directory.path());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->format(), "safetensors in 2 files");
  EXPECT_EQ(opened->size(), a.size() + b.size());
  EXPECT_EQ(opened->TensorBytes(*opened->FindTensor("a"))[5], std::byte{'f'});
  EXPECT_EQ(opened->TensorBytes(*opened->FindTensor("b"))[0], std::byte{'x'});
  directory.Write("model.safetensors", b);  // Before a sharded one, as transformers has it.
  opened = OpenModelFiles(directory.path());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->FindTensor("a"), nullptr);
}

TEST(HfDirectory, IndexesThatLieAreRefused) {
  const TestDirectory directory;
  directory.Write("config.json", "{}");
  directory.Write("m-1.safetensors", TestSafetensors().Tensor("a", "U8", {1}, "x").Bytes());
  directory.Write("m-2.safetensors", TestSafetensors().Tensor("b", "U8", {1}, "x").Bytes());
  const auto index = [&](const std::string& text, const std::string& word,
                         ErrorCode code = ErrorCode::kCorruptFile) {
    directory.Write("model.safetensors.index.json", text);
    ExpectRefused(directory.path(), word, code);
  };
  index("{", "not valid JSON");
  index("{}", "lacks the object 'weight_map'");
  index(R"({"weight_map":{"a":1}})", "something else than a .safetensors file");
  index(R"({"weight_map":{"a":"../m-1.safetensors"}})", "something else than a .safetensors file");
  index(R"({"weight_map":{"a":"m-1.bin"}})", "something else than a .safetensors file");
  index(R"({"weight_map":{"a":"m-3.safetensors"}})",
        "does not exist, and model.safetensors.index.json names it");
  index(R"({"weight_map":{"c":"m-1.safetensors"}})", "which does not hold it");
  index(R"({"weight_map":{"a":"m-1.safetensors","b":"m-1.safetensors"}})",
        "which does not hold it");
  directory.Write("m-2.safetensors", TestSafetensors().Tensor("a", "U8", {1}, "x").Bytes());
  index(R"({"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}})",
        "which does not hold it");
}

TEST(HfDirectory, DirectoriesThatAreNoModel) {
  const TestDirectory directory;
  ExpectRefused(directory.path(), "without a config.json");
  directory.Write("a.gguf", "");
  ExpectRefused(directory.path(), "name one: " + directory.PathOf("a.gguf"));
  directory.Write("config.json", "{}");
  directory.Write("pytorch_model.bin", "");
  ExpectRefused(directory.path(), "pickled", ErrorCode::kUnsupported);
  directory.Write("config.json", "[]");
  ExpectRefused(directory.path(), "something else than an object");
}

}  // namespace
}  // namespace ingle
