#include "files/quantized_layers.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "files/test_directory.h"
#include "formats/dequantize.h"

namespace ingle {
namespace {

std::vector<float> ReadMatrix(const StoredTensor& tensor, const RowSource& rows) {
  const auto in = static_cast<uint32_t>(tensor.dims[0]),
             out = static_cast<uint32_t>(tensor.dims[1]);
  const DTypeInfo& info = Info(tensor.type);
  const size_t row_bytes = in / info.block_weights * info.block_bytes;
  std::vector<std::byte> blocks(out * row_bytes);
  const uint32_t middle = out / 2 - 1;  // In two pieces, as threads do.
  rows.Read(0, middle, blocks.data());
  rows.Read(middle, out, blocks.data() + middle * row_bytes);
  std::vector<float> made(size_t{out} * in), values(made.size());
  FindDequantize(tensor.type)(blocks.data(), made.size(), made.data());
  const auto order = rows.input_order();
  for (uint32_t row = 0; row < out; ++row) {
    for (uint32_t j = 0; j < in; ++j)
      values[size_t{row} * in + (order.empty() ? j : order[j])] = made[size_t{row} * in + j];
  }
  return values;
}

// Goldens: tests/parity/quantized/make_int4_goldens.py.
void ExpectGolden(const std::string& name, DType type, bool ordered) {
  const std::string directory = INGLE_SOURCE_DIR "/src/files/testdata/int4/" + name;
  const auto opened = OpenModelFiles(directory);
  ASSERT_TRUE(opened) << opened.error().message;
  ASSERT_EQ(opened->tensors().size(), 1u) << name;
  const StoredTensor& tensor = opened->tensors()[0];
  EXPECT_EQ(tensor.name, "l.weight");
  EXPECT_EQ(tensor.type, type) << name << ": " << Info(tensor.type).name;
  const auto rows = opened->RowsOf(tensor);
  ASSERT_NE(rows, nullptr);
  EXPECT_EQ(!rows->input_order().empty(), ordered) << name;
  std::ifstream file(directory + "/weight.f32", std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(file), {}};
  const auto values = ReadMatrix(tensor, *rows);
  ASSERT_EQ(golden.size(), values.size() * sizeof(float)) << name;
  for (size_t i = 0; i < values.size(); ++i) {
    float expected;
    std::memcpy(&expected, golden.data() + i * sizeof(float), sizeof(float));
    ASSERT_EQ(values[i], expected) << name << " weight " << i;
  }
}

TEST(QuantizedLayers, MatricesEqualTheReference) {
  ExpectGolden("gptq_sym_64", DType::kQ4_0, false);
  ExpectGolden("gptq_asym_32", DType::kQ5_0, false);
  ExpectGolden("gptq_act_order_32", DType::kQ5_0, true);
  ExpectGolden("gptq_act_order_sym_64", DType::kQ4_0, true);
  ExpectGolden("gptq_v2_asym_128", DType::kQ5_0, false);
  ExpectGolden("gptq_zeros_of_0", DType::kQ5_0, false);
  ExpectGolden("gptq_whole", DType::kQ5_0, false);
  ExpectGolden("awq_64", DType::kQ5_0, false);
}

// One layer of 32 inputs and 8 outputs; options change one thing.
struct Options {
  std::string config =
      R"({"quantization_config":{"quant_method":"gptq","bits":4,"group_size":32}})";
  std::vector<uint64_t> qweight = {4, 8}, qzeros = {1, 1}, scales = {1, 8}, g_idx = {32};
  std::string scale_type = "F16", leave_out = {}, groups = std::string(128, '\0');
};

Result<ModelFiles> Open(const Options& options) {
  const TestDirectory directory;
  directory.Write("config.json", options.config);
  TestSafetensors file;
  const auto add = [&](const std::string& name, const std::string& type,
                       const std::vector<uint64_t>& shape, std::string data) {
    uint64_t bytes = type == "F16" ? 2 : 4;
    for (const uint64_t extent : shape) bytes *= extent;
    data.resize(bytes);
    if (name != options.leave_out) file.Tensor("a.q_proj." + name, type, shape, data);
  };
  add("qweight", "I32", options.qweight, {});
  add("qzeros", "I32", options.qzeros, {});
  add("scales", options.scale_type, options.scales, {});
  add("g_idx", "I32", options.g_idx, options.groups);
  file.Tensor("other.scales", "U8", {1}, "x");  // Of no quantised layer: stays as it is.
  directory.Write("model.safetensors", file.Bytes());
  return OpenModelFiles(directory.path());
}

void ExpectRefused(const Options& options, const std::string& word,
                   ErrorCode code = ErrorCode::kCorruptFile) {
  const auto opened = Open(options);
  ASSERT_FALSE(opened) << "accepted; expected " << word;
  EXPECT_EQ(opened.error().code, code) << opened.error().message;
  EXPECT_NE(opened.error().message.find(word), std::string::npos) << opened.error().message;
  EXPECT_NE(opened.error().message.find("'a.q_proj'"), std::string::npos);
}

TEST(QuantizedLayers, PartsBecomeOneMatrixAndOthersStay) {
  const auto opened = Open({});
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->tensors().size(), 2u);
  const StoredTensor* matrix = opened->FindTensor("a.q_proj.weight");
  ASSERT_NE(matrix, nullptr);
  EXPECT_EQ(matrix->dims, (std::array<uint64_t, 4>{32, 8, 1, 1}));
  EXPECT_EQ(opened->TensorBytes(*matrix).size(), 32u * 8 / 2);
  const StoredTensor* other = opened->FindTensor("other.scales");
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(opened->RowsOf(*other), nullptr);
  EXPECT_TRUE(RefuseQuantization(opened->metadata()));
}

TEST(QuantizedLayers, PartsThatDoNotFitTogetherAreRefused) {
  ExpectRefused({.leave_out = "qzeros"}, "lacks 'qzeros' or 'scales'");
  ExpectRefused({.leave_out = "scales"}, "lacks 'qzeros' or 'scales'");
  ExpectRefused({.qweight = {4, 9}, .scales = {1, 9}}, "multiples of 32 and 8");
  ExpectRefused({.qweight = {3, 8}}, "24 inputs");
  ExpectRefused({.qzeros = {2, 1}}, "other types or shapes");
  ExpectRefused({.scales = {1, 16}}, "other types or shapes");
  ExpectRefused({.scale_type = "I32"}, "other types or shapes");
  ExpectRefused({.g_idx = {31}}, "int32 per input");
  std::string bad(128, '\0');
  bad[4] = 1;
  ExpectRefused({.groups = bad}, "names group 1");
  bad[7] = '\x80';
  ExpectRefused({.groups = bad}, "names group -2147483647");
  ExpectRefused({.qzeros = {2, 1}, .scales = {2, 8}, .leave_out = "g_idx"}, "2 groups of scales");
  bad = std::string(128, '\0');
  bad[0] = 1;
  ExpectRefused({.qzeros = {2, 1}, .scales = {2, 8}, .groups = bad}, "multiples of 32",
                ErrorCode::kUnsupported);
}

TEST(QuantizedLayers, FormsThatAreNotComputedAreNamed) {
  const auto refused = [](const std::string& config, const std::string& key) {
    const auto opened = Open({.config = R"({"quantization_config":)" + config + "}"});
    ASSERT_TRUE(opened) << opened.error().message;  // It can be shown, not run.
    EXPECT_EQ(opened->tensors().size(), 5u);
    const Status status = RefuseQuantization(opened->metadata());
    ASSERT_FALSE(status) << config;
    EXPECT_EQ(status.error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(status.error().param, "quantization_config." + key);
  };
  refused(R"({"quant_method":"fp8"})", "quant_method");
  refused(R"({"quant_method":"gptq","bits":3})", "bits");
  refused(R"({"quant_method":"gptq","checkpoint_format":"marlin"})", "checkpoint_format");
  refused(R"({"quant_method":"awq","version":"GEMV"})", "version");
  const auto wrong = Open({.config = R"({"quantization_config":{"quant_method":1}})"});
  EXPECT_FALSE(RefuseQuantization(wrong->metadata()));
  EXPECT_TRUE(RefuseQuantization(Metadata()));
  EXPECT_TRUE(RefuseQuantization(Open({.config = "{}"})->metadata()));
}

}  // namespace
}  // namespace ingle
