#include "files/gguf_writer.h"

#include <gtest/gtest.h>

#include "files/gguf.h"
#include "files/test_gguf.h"

namespace ingle {
namespace {

TEST(GgufWriter, EveryKindReadsAsItWasWritten) {
  GgufKeys keys;
  const uint32_t unsigned_numbers[] = {1, 4000000000u};
  const int32_t numbers[] = {-1, 7};
  const float fractions[] = {0.5f, -2.0f};
  const std::string texts[] = {"a", "", "é"};
  keys.String("general.architecture", "replaced");
  keys.U32("u", 4000000000u);
  keys.I32("i", -5);
  keys.F32("f", 0.25f);
  keys.Bool("yes", true);
  keys.Bool("no", false);
  keys.U32s("us", unsigned_numbers);
  keys.I32s("is", numbers);
  keys.F32s("fs", fractions);
  keys.I8s("bytes", "\x01\xff");
  keys.Strings("texts", texts);
  keys.Strings("none", {});
  keys.String("general.architecture", "llama");
  keys.U32("gone", 1);
  keys.Remove("gone");
  EXPECT_EQ(keys.count(), 12u);
  EXPECT_TRUE(keys.Has("us"));
  EXPECT_FALSE(keys.Has("gone"));
  const auto read = keys.Read();
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(**read->String("general.architecture"), "llama");
  EXPECT_EQ(read->Unsigned("u")->value(), 4000000000u);
  EXPECT_EQ(*read->Integers("i"), std::vector<int64_t>{-5});
  EXPECT_EQ(read->Number("f")->value(), 0.25);
  EXPECT_EQ(read->Bool("yes")->value(), true);
  EXPECT_EQ(read->Bool("no")->value(), false);
  EXPECT_EQ(*read->Integers("us"), (std::vector<int64_t>{1, 4000000000}));
  EXPECT_EQ(*read->Integers("is"), (std::vector<int64_t>{-1, 7}));
  EXPECT_EQ(*read->Numbers("fs"), (std::vector<double>{0.5, -2}));
  EXPECT_EQ(*read->Integers("bytes"), (std::vector<int64_t>{1, -1}));
  EXPECT_EQ(**read->Strings("texts"), (std::vector<std::string>{"a", "", "é"}));
  EXPECT_TRUE((*read->Strings("none"))->empty());
}

TEST(GgufWriter, CopiesEveryKeyByteByByte) {
  const TestGguf original = EveryKindOfValue();
  const TestFile file(original.Bytes());
  GgufKeys keys;
  const Status copied = keys.CopyFrom(file.path());
  ASSERT_TRUE(copied) << copied.error().message;
  const std::string bytes = original.Bytes();
  EXPECT_EQ(bytes.substr(24, keys.Bytes().size()), keys.Bytes());
  keys.U32("general.alignment", 64);
  EXPECT_EQ(keys.Read()->Unsigned("general.alignment")->value(), 64u);
}

// The file was inspected before, so this happens only when it changes meanwhile.
TEST(GgufWriter, AFileThatGotShorterIsAnError) {
  const std::string whole = EveryKindOfValue().Header(0, 15);
  int refused = 0;
  for (size_t length = 0; length < 400; length += 7) {
    const TestFile file(whole.substr(0, length));
    GgufKeys keys;
    refused += !keys.CopyFrom(file.path());
  }
  EXPECT_EQ(refused, 58);
  const TestFile kind(TestGguf().Raw("x", 77, "").Header(0, 1));
  const TestFile element(
      TestGguf().Raw("x", 9, TestGguf::Le<uint32_t>(77) + TestGguf::Le<uint64_t>(1)).Header(0, 1));
  GgufKeys keys;
  EXPECT_FALSE(keys.CopyFrom(kind.path()));
  EXPECT_FALSE(keys.CopyFrom(element.path()));
  EXPECT_FALSE(keys.CopyFrom("/nonexistent"));
}

TEST(GgufWriter, TensorsLieAtMultiplesOf32) {
  GgufKeys keys;
  keys.String("general.architecture", "llama");
  const GgufTensorEntry tensors[] = {
      {"a", {5}, DType::kF32}, {"b", {64, 3}, DType::kQ8_0}, {"c", {256, 2, 3}, DType::kQ4_K}};
  EXPECT_EQ(tensors[1].row_bytes(), 68u);
  EXPECT_EQ(tensors[2].bytes(), 864u);
  const GgufLayout layout = LayOutGguf(keys, tensors);
  std::string bytes = layout.header;
  bytes.resize(layout.file_bytes);
  const auto read = InspectGguf(std::as_bytes(std::span(bytes)));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->version, 3u);
  ASSERT_EQ(read->tensors.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(read->tensors[i].name, tensors[i].name);
    EXPECT_EQ(read->tensors[i].offset, layout.offsets[i]);
    EXPECT_EQ(read->tensors[i].bytes, tensors[i].bytes());
    EXPECT_EQ(layout.offsets[i] % 32, 0u);
  }
}

}  // namespace
}  // namespace ingle
