#include "convert/convert.h"
#include "convert/test_model.h"
#include "files/gguf.h"
#include "files/test_gguf.h"

namespace ingle {
namespace {

Result<ConvertReport> Quantize(const std::string& input, const std::string& output,
                               std::string_view type, bool again = false) {
  return QuantizeFile(input, output,
                      {.type = FindFileType(type), .allow_requantize = again, .progress = {}});
}

std::string ErrorOf(const Result<ConvertReport>& result) {
  return result ? "(none)" : result.error().message;
}

std::string Floats(size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) {
    const float value = static_cast<float>(i % 37) * 0.1f - 1.5f;
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  return bytes;
}

// Of an architecture that does not run here.
TestGguf Unknown() {
  TestGguf file =
      EveryKindOfValue().String("general.architecture", "new").U32("new.block_count", 2);
  for (const char* name : {"matrix", "vector", "k"}) file.RemoveTensor(name);
  file.Tensor("token_embd.weight", {256, 3}, DType::kF32, Floats(768));
  file.Tensor("blk.0.attn_norm.weight", {256}, DType::kF32, Floats(256));
  file.Tensor("blk.0.exps.weight", {256, 2, 2}, DType::kF32, Floats(1024));
  file.Tensor("blk.0.odd.weight", {10, 2}, DType::kF32, Floats(20));
  return file;
}

TEST(QuantizeFile, KeepsKeysAndWhatIsNoMatrix) {
  const TestFile in(Unknown().Bytes());
  const TestDirectory folder;
  const auto report = Quantize(in.path(), folder.PathOf("out"), "q5_k_m");
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->warnings.size(), 1u);
  EXPECT_NE(report->warnings[0].find("1 tensors are of a larger type"), std::string::npos);
  const auto before = OpenGguf(in.path()), after = OpenGguf(folder.PathOf("out"));
  ASSERT_TRUE(after) << after.error().message;
  for (const auto& [key, value] : before->metadata().values) {
    if (key == "general.alignment") continue;
    ASSERT_NE(after->metadata().Find(key), nullptr) << key;
    EXPECT_EQ(*after->metadata().Find(key), value) << key;
  }
  EXPECT_EQ(after->metadata().Unsigned("general.file_type")->value(), 17u);
  std::string types;
  for (const StoredTensor& tensor : after->tensors())
    types += std::string(Info(tensor.type).name) + " ";
  EXPECT_EQ(types, "q6_k f32 q5_k f16 ");
}

TEST(QuantizeFile, RequantisingHasToBeAllowed) {
  const TestFile in(Unknown().Bytes());
  const TestDirectory folder;
  ASSERT_TRUE(Quantize(in.path(), folder.PathOf("q8"), "Q8_0"));
  const auto refused = Quantize(folder.PathOf("q8"), folder.PathOf("q4"), "Q4_0");
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
  EXPECT_NE(ErrorOf(refused).find("--allow-requantize"), std::string::npos) << ErrorOf(refused);
  EXPECT_FALSE(std::filesystem::exists(folder.PathOf("q4")));
  const auto again = Quantize(folder.PathOf("q8"), folder.PathOf("q4"), "Q4_0", true);
  ASSERT_TRUE(again) << ErrorOf(again);
  EXPECT_NE(again->warnings.back().find("quantised before"), std::string::npos);
  // The same type is a copy; floats of quantised weights lose nothing more.
  EXPECT_TRUE(Quantize(folder.PathOf("q8"), folder.PathOf("same"), "Q8_0"));
  EXPECT_EQ(ReadBytes(folder.PathOf("same")), ReadBytes(folder.PathOf("q8")));
  EXPECT_TRUE(Quantize(folder.PathOf("q8"), folder.PathOf("f32"), "F32"));
}

TEST(QuantizeFile, RefusesWhatItCannotRead) {
  const TestDirectory folder;
  const auto refused = [&](const TestGguf& file, std::string_view word) {
    const TestFile in(file.Bytes());
    const auto report = Quantize(in.path(), folder.PathOf("out"), "F16");
    EXPECT_NE(ErrorOf(report).find(word), std::string::npos) << ErrorOf(report);
    EXPECT_FALSE(std::filesystem::exists(folder.PathOf("out")));
  };
  refused(TestGguf().String("general.architecture", "new"), "no weights");
  refused(TestGguf().Tensor("a.weight", {32, 2}), "general.architecture");
  refused(
      TestGguf().String("general.architecture", "new").Tensor("a.weight", {256, 2}, DType::kIQ1_S),
      "whose values this build cannot read");
  const TestFile damaged(Unknown().Bytes().substr(0, 3000));
  EXPECT_NE(ErrorOf(Quantize(damaged.path(), folder.PathOf("out"), "F16")).find("truncated"),
            std::string::npos);
}

// The parts of a split model become one file, the same as of the whole.
TEST(QuantizeFile, SplitModelsBecomeOneFile) {
  const TestDirectory folder;
  const auto part = [](uint32_t index) {
    TestGguf file;
    if (index == 0) file.String("general.architecture", "new").U32("new.block_count", 2);
    file.Raw("split.no", 2, TestGguf::Le(static_cast<uint16_t>(index)));
    return file.Raw("split.count", 2, TestGguf::Le<uint16_t>(2)).I32("split.tensors.count", 2);
  };
  folder.Write("m-00001-of-00002.gguf",
               part(0).Tensor("a.weight", {256, 3}, DType::kF32, Floats(768)).Bytes());
  folder.Write("m-00002-of-00002.gguf",
               part(1).Tensor("b.weight", {64, 2}, DType::kF32, Floats(128)).Bytes());
  TestGguf whole;
  whole.String("general.architecture", "new").U32("new.block_count", 2);
  whole.Tensor("a.weight", {256, 3}, DType::kF32, Floats(768));
  whole.Tensor("b.weight", {64, 2}, DType::kF32, Floats(128));
  folder.Write("whole.gguf", whole.Bytes());
  ASSERT_TRUE(Quantize(folder.PathOf("m-00001-of-00002.gguf"), folder.PathOf("a"), "Q8_0"));
  ASSERT_TRUE(Quantize(folder.PathOf("whole.gguf"), folder.PathOf("b"), "Q8_0"));
  EXPECT_EQ(ReadBytes(folder.PathOf("a")), ReadBytes(folder.PathOf("b")));
}

}  // namespace
}  // namespace ingle
