#include "files/safetensors.h"

#include <gtest/gtest.h>

#include "files/test_directory.h"

namespace ingle {
namespace {

void ExpectRefused(const std::string& header, uint64_t data_bytes, const std::string& word,
                   ErrorCode code = ErrorCode::kCorruptFile) {
  const auto tensors = InspectSafetensors(header, 8 + header.size(), data_bytes);
  ASSERT_FALSE(tensors) << "accepted: " << header;
  EXPECT_EQ(tensors.error().code, code) << tensors.error().message;
  EXPECT_FALSE(tensors.error().id.empty());
  EXPECT_NE(tensors.error().message.find(word), std::string::npos) << tensors.error().message;
}

std::string Entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

TEST(Safetensors, ReadsTensorsInTheOrderOfTheirOffsets) {
  const std::string header = R"({"__metadata__":{"format":"pt"},)"
                             R"("late":{"dtype":"BF16","shape":[2,3],"data_offsets":[8,20]},)"
                             R"("early":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                             R"("scalar":{"dtype":"U8","shape":[],"data_offsets":[20,21]}}   )";
  const auto tensors = InspectSafetensors(header, 100, 21);
  ASSERT_TRUE(tensors) << tensors.error().message;
  ASSERT_EQ(tensors->size(), 3u);
  const StoredTensor &early = tensors->at(0), &late = tensors->at(1), &scalar = tensors->at(2);
  EXPECT_EQ(early.name, "early");
  EXPECT_EQ(early.offset, 100u);
  EXPECT_EQ(late.type, DType::kBF16);
  EXPECT_EQ(late.dims, (std::array<uint64_t, 4>{3, 2, 1, 1}));  // Columns first.
  EXPECT_EQ(late.dimension_count, 2u);
  EXPECT_EQ(late.offset, 108u);
  EXPECT_EQ(late.bytes, 12u);
  EXPECT_EQ(scalar.dimension_count, 1u);
  EXPECT_EQ(scalar.type, DType::kU8);
}

TEST(Safetensors, RefusesLiesOfTheHeader) {
  ExpectRefused("", 0, "does not begin with '{'");
  ExpectRefused("[]", 0, "does not begin with '{'");
  ExpectRefused("{", 0, "not valid JSON");
  ExpectRefused(R"({"a":1})", 0, "something else than an object");
  ExpectRefused(R"({"":{}})", 0, "a name has");
  ExpectRefused(R"({"a\u0007":{}})", 0, "\\x07");
  ExpectRefused(R"({"a":{}})", 0, "lacks its 'dtype'");
  ExpectRefused(Entry("Q9", "[1]", "[0,4]"), 4, "type 'Q9'", ErrorCode::kUnsupported);
  ExpectRefused(Entry("F32", "1", "[0,4]"), 4, "lacks the list 'shape'");
  ExpectRefused(Entry("F32", "[0]", "[0,0]"), 0, "extent of 0");
  ExpectRefused(Entry("F32", "[1,1,1,1,1]", "[0,4]"), 4, "at most 4");
  ExpectRefused(Entry("F32", "[-1]", "[0,4]"), 4, "whole numbers");
  ExpectRefused(Entry("F32", "[1.0]", "[0,4]"), 4, "whole numbers");
  ExpectRefused(Entry("F32", "[4294967296,4294967296]", "[0,4]"), 4, "size overflow");
  ExpectRefused(Entry("F32", "[1]", "[0]"), 4, "no range");
  ExpectRefused(Entry("F32", "[1]", "[4,0]"), 4, "no range");
  ExpectRefused(Entry("F32", "[1]", "[0,8]"), 4, "no range");
  ExpectRefused(Entry("F32", "[2]", "[0,4]"), 4, "need 8");
}

TEST(Safetensors, RefusesHolesAndOverlaps) {
  const std::string a = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)";
  const auto b = [&](const std::string& offsets) {
    return a + R"("b":{"dtype":"U8","shape":[4],"data_offsets":)" + offsets + "}}";
  };
  EXPECT_TRUE(InspectSafetensors(b("[4,8]"), 0, 8));
  ExpectRefused(b("[5,9]"), 9, "where byte 4 comes next");
  ExpectRefused(b("[3,7]"), 7, "where byte 4 comes next");
  ExpectRefused(b("[0,4]"), 8, "where byte 4 comes next");
  ExpectRefused(b("[4,8]"), 9, "end at byte 8");
}

TEST(Safetensors, LimitsHold) {
  SafetensorsLimits limits;
  limits.tensors = 0;
  EXPECT_FALSE(InspectSafetensors(R"({"a":{},"b":{}})", 0, 0, limits));
  limits = {};
  limits.name_bytes = 2;
  EXPECT_FALSE(InspectSafetensors(R"({"abc":{}})", 0, 0, limits));
}

TEST(Safetensors, FilesThatAreCutOrLieAboutTheirLength) {
  const TestDirectory directory;
  const std::string path = directory.PathOf("a.safetensors");
  const std::string whole = TestSafetensors().Tensor("a", "U8", {3}, "abc").Bytes();
  directory.Write("a.safetensors", whole);
  const auto opened = OpenSafetensors(path);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->map.bytes()[opened->tensors[0].offset + 2], std::byte{'c'});
  for (size_t length = 0; length < whole.size(); ++length) {
    directory.Write("a.safetensors", whole.substr(0, length));
    const auto cut = OpenSafetensors(path);
    ASSERT_FALSE(cut) << length;
    EXPECT_TRUE(cut.error().message.starts_with(path)) << cut.error().message;
  }
  directory.Write("a.safetensors", std::string(8, '\xff') + "{}");
  EXPECT_EQ(OpenSafetensors(path).error().id, "invalid_model_file");
  EXPECT_EQ(OpenSafetensors(path + "x").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace ingle
