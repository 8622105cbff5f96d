#include "files/model_files.h"

#include <gtest/gtest.h>

#include "files/test_directory.h"
#include "files/test_gguf.h"

namespace ingle {
namespace {

TEST(ModelFiles, OneGgufFile) {
  const TestFile on_disk(EveryKindOfValue().Bytes());
  const auto opened = OpenModelFiles(on_disk.path());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->metadata().container, Container::kGguf);
  EXPECT_EQ(opened->format(), "GGUF 3");
  EXPECT_EQ(opened->gguf_version(), 3u);
  EXPECT_EQ(opened->parts(), 1u);
  EXPECT_EQ(opened->size(), EveryKindOfValue().Bytes().size());
  ASSERT_NE(opened->FindTensor("vector"), nullptr);
  EXPECT_EQ(opened->FindTensor("vector")->dims[0], 5u);
  EXPECT_EQ(opened->FindTensor("vectors"), nullptr);
  EXPECT_EQ(OpenModelFiles("/tmp/nothing/here").error().code, ErrorCode::kNotFound);
}

TEST(ModelFiles, TensorsAreReadAgainAfterTheirPagesWent) {
  std::string data(40000, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7);
  const TestFile on_disk(TestGguf().Tensor("it", {100, 100}, DType::kF32, data).Bytes());
  const auto opened = OpenModelFiles(on_disk.path());
  ASSERT_TRUE(opened) << opened.error().message;
  const StoredTensor& tensor = opened->tensors()[0];
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(std::memcmp(opened->TensorBytes(tensor).data(), data.data(), data.size()), 0);
    opened->WillNeed(tensor);
    opened->ReleasePages(tensor);
  }
}

// Shard `index` of `count` with one tensor of its own.
std::string Shard(uint16_t index, uint16_t count, int32_t tensors) {
  TestGguf file;
  file.Raw("split.no", 2, TestGguf::Le(index)).Raw("split.count", 2, TestGguf::Le(count));
  file.I32("split.tensors.count", tensors);
  if (index == 0) file.String("general.architecture", "llama");
  return file
      .Tensor("t" + std::to_string(index), {4}, DType::kF32,
              std::string(16, static_cast<char>('a' + index)))
      .Bytes();
}

TEST(ModelFiles, ASplitGgufIsOneModel) {
  const TestDirectory directory;
  const std::string first = directory.PathOf("m-00001-of-00003.gguf");
  directory.Write("m-00001-of-00003.gguf", Shard(0, 3, 3));
  directory.Write("m-00002-of-00003.gguf", Shard(1, 3, 3));
  ExpectRefused(first, "m-00003-of-00003.gguf is not beside it");
  directory.Write("m-00003-of-00003.gguf", Shard(2, 3, 3));
  const auto opened = OpenModelFiles(first);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->parts(), 3u);
  EXPECT_EQ(opened->format(), "GGUF 3 in 3 files");
  EXPECT_EQ(opened->size(), Shard(0, 3, 3).size() + 2 * Shard(1, 3, 3).size());
  EXPECT_TRUE(opened->metadata().Has("general.architecture"));
  ASSERT_EQ(opened->tensors().size(), 3u);
  for (int i = 0; i < 3; ++i) {
    const StoredTensor* tensor = opened->FindTensor("t" + std::to_string(i));
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(opened->TensorBytes(*tensor)[15], std::byte(uint8_t('a' + i)));
  }
}

TEST(ModelFiles, SplitGgufsThatDoNotFitTogetherAreRefused) {
  const TestDirectory directory;
  const std::string first = directory.PathOf("m-00001-of-00002.gguf");
  const std::string second = directory.PathOf("m-00002-of-00002.gguf");
  directory.Write("m-00001-of-00002.gguf", Shard(0, 2, 2));
  directory.Write("m-00002-of-00002.gguf", Shard(1, 2, 2));
  ExpectRefused(second, "give the path of the first one");
  directory.Write("other.gguf", Shard(0, 2, 2));
  ExpectRefused(directory.PathOf("other.gguf"), "'-00001-of-00002.gguf'");
  directory.Write("m-00002-of-00002.gguf", Shard(1, 3, 2));
  ExpectRefused(first, "file 2 of 3");
  directory.Write("m-00002-of-00002.gguf", Shard(1, 2, 2).substr(0, 50));
  ExpectRefused(first, "m-00002-of-00002.gguf: The header announces");
  directory.Write("m-00001-of-00002.gguf", Shard(0, 2, 5));
  directory.Write("m-00002-of-00002.gguf", Shard(1, 2, 5));
  ExpectRefused(first, "announces 5");
  TestGguf twin;
  twin.Raw("split.no", 2, TestGguf::Le<uint16_t>(1))
      .Raw("split.count", 2, TestGguf::Le<uint16_t>(2));
  directory.Write("m-00001-of-00002.gguf", Shard(0, 2, 0));
  directory.Write("m-00002-of-00002.gguf", twin.Tensor("t0", {4}).Bytes());
  ExpectRefused(first, "'t0' appears in two");
  directory.Write("m-00001-of-00002.gguf", TestGguf().String("split.no", "first").Bytes());
  ExpectRefused(first, "'split.no'");
}

}  // namespace
}  // namespace ingle
