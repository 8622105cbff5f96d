// What well-formed GGUF files say. The others: gguf_hostile_test.cc.

#include "files/gguf.h"

#include <gtest/gtest.h>

#include <cstring>

#include "files/test_gguf.h"

namespace ingle {
namespace {

Result<GgufHeader> Inspect(const std::string& bytes) {
  return InspectGguf(std::as_bytes(std::span(bytes)));
}

TEST(Gguf, ReadsEveryKindOfValue) {
  const auto header = Inspect(EveryKindOfValue().Bytes());
  ASSERT_TRUE(header) << header.error().message;
  const Metadata& metadata = header->metadata;
  EXPECT_EQ(**metadata.String("general.architecture"), "llama");
  EXPECT_EQ(**metadata.Number("pi"), 3.5);
  EXPECT_EQ(**metadata.Number("double"), 0.25);
  EXPECT_EQ(**metadata.Bool("yes"), true);
  EXPECT_EQ(**metadata.Number("minus"), -7);
  EXPECT_EQ(**metadata.Unsigned("wide"), uint64_t{1} << 40);
  EXPECT_EQ(**metadata.Unsigned("byte"), 200u);
  EXPECT_EQ(**metadata.Unsigned("word"), 60000u);
  EXPECT_EQ(*metadata.Integers("small"), std::vector<int64_t>{-3});
  EXPECT_EQ(*metadata.Integers("short"), std::vector<int64_t>{-300});
  EXPECT_EQ(*metadata.Integers("long"), std::vector<int64_t>{-5});
  EXPECT_EQ(*metadata.Integers("sizes"), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(*metadata.Numbers("sizes"), (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(**metadata.Strings("tokens"), (std::vector<std::string>{"a", "é", "<|end|>"}));
  EXPECT_TRUE((*metadata.Strings("empty"))->empty());
  EXPECT_EQ(std::get<std::vector<bool>>(*metadata.Find("flags")),
            (std::vector<bool>{true, false, true}));
  EXPECT_EQ(metadata.Find("absent"), nullptr);
  EXPECT_EQ(*metadata.Unsigned("absent"), std::nullopt);
  EXPECT_TRUE(metadata.Numbers("absent")->empty());
}

TEST(Gguf, WrongKindsNameTheKey) {
  const auto header = Inspect(EveryKindOfValue().Bytes());
  ASSERT_TRUE(header);
  const Metadata& metadata = header->metadata;
  const auto names = [](const auto& result, std::string_view key) {
    return !result && result.error().param == key &&
           result.error().message.find(key) != std::string::npos;
  };
  EXPECT_TRUE(names(metadata.Unsigned("pi"), "pi"));
  EXPECT_TRUE(names(metadata.Unsigned("minus"), "minus"));
  EXPECT_TRUE(names(metadata.Unsigned("tokens"), "tokens"));
  EXPECT_TRUE(names(metadata.String("pi"), "pi"));
  EXPECT_TRUE(names(metadata.Strings("sizes"), "sizes"));
  EXPECT_TRUE(names(metadata.Bool("byte"), "byte"));
  EXPECT_TRUE(names(metadata.Number("yes"), "yes"));
  EXPECT_TRUE(names(metadata.Numbers("tokens"), "tokens"));
  EXPECT_TRUE(names(metadata.Integers("pi"), "pi"));
}

TEST(Gguf, MapsTensors) {
  TestGguf file = TestGguf().String("general.architecture", "llama");
  std::string data(40000, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7);
  file.Tensor("before", {3}).Tensor("it", {100, 100}, DType::kF32, data);
  const TestFile on_disk(file.Bytes());
  const auto opened = OpenGguf(on_disk.path());
  ASSERT_TRUE(opened) << opened.error().message;
  ASSERT_EQ(opened->tensors().size(), 2u);
  const GgufTensor& tensor = opened->tensors()[1];
  EXPECT_EQ(tensor.name, "it");
  EXPECT_EQ(tensor.dimension_count, 2u);
  EXPECT_EQ(tensor.dims, (std::array<uint64_t, 4>{100, 100, 1, 1}));
  EXPECT_EQ(tensor.bytes, data.size());
  const auto bytes_read = opened->TensorBytes(tensor);
  ASSERT_EQ(bytes_read.size(), data.size());
  EXPECT_EQ(std::memcmp(bytes_read.data(), data.data(), data.size()), 0);
}

TEST(Gguf, ReadsHeadersLongerThanItsWindow) {
  TestGguf file = TestGguf().String("general.architecture", "llama");
  std::vector<std::string> tokens;
  for (int i = 0; i < 200000; ++i) tokens.push_back("token" + std::to_string(i));
  const std::string bytes = file.Strings("tokens", tokens).Tensor("a", {4}).Bytes();
  const TestFile on_disk(bytes);
  const auto opened = OpenGguf(on_disk.path());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(**opened->metadata().Strings("tokens"), tokens);
  EXPECT_EQ(opened->header().data_offset % 32, 0u);
}

}  // namespace
}  // namespace ingle
