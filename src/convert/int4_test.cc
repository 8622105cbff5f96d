// A directory with an int4 layer (GPTQ, act-order) as GGUF: the values of the layer's definition.

#include "convert/test_model.h"
#include "formats/half.h"
#include "model/weights.h"

namespace ingle {
namespace {

constexpr uint32_t kSide = 64, kGroup = 32;

// Codes, zeros and scales that follow from their place, and inputs of group 1 among those of 0.
uint32_t Code(uint32_t in, uint32_t out) { return (in * 7 + out * 3 + in / 5) % 16; }
uint32_t Zero(uint32_t group, uint32_t out) { return (group + out) % 15; }
uint16_t Scale(uint32_t group, uint32_t out) {
  return F32ToF16(0.01f + 0.001f * static_cast<float>(group * 64 + out));
}
uint32_t GroupOf(uint32_t in) { return in % 2; }

std::string Words(uint32_t count, const auto& word) {
  std::string bytes;
  for (uint32_t i = 0; i < count; ++i) {
    const auto value = word(i);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  return bytes;
}

uint32_t Packed(const auto& nibble) {
  uint32_t word = 0;
  for (uint32_t k = 0; k < 8; ++k) word |= nibble(k) << (4 * k);
  return word;
}

// The tiny Llama with one matrix replaced by the parts of GPTQ.
void Quantise(const TinyModel& tiny, const std::string& layer) {
  const std::string old = ReadBytes(tiny.path() + "/model.safetensors");
  uint64_t length = 0;
  std::memcpy(&length, old.data(), sizeof(length));
  const json::value header = *ParseJson(old.substr(8, length), "header");
  json::object made;
  std::string data;
  const auto add = [&](std::string_view name, const char* type, const json::array& shape,
                       std::string_view bytes) {
    made[name] = {{"dtype", type},
                  {"shape", shape},
                  {"data_offsets", {data.size(), data.size() + bytes.size()}}};
    data += bytes;
  };
  for (const auto& [name, tensor] : header.as_object()) {
    if (name == layer + ".weight") continue;
    const auto at = json::value_to<std::vector<uint64_t>>(tensor.at("data_offsets"));
    add(name, "F32", tensor.at("shape").as_array(),
        std::string_view(old).substr(8 + length + at[0], at[1] - at[0]));
  }
  add(layer + ".qweight", "I32", {kSide / 8, kSide}, Words(kSide * kSide / 8, [](uint32_t i) {
        return Packed([&](uint32_t k) { return Code(i / kSide * 8 + k, i % kSide); });
      }));
  add(layer + ".qzeros", "I32", {kSide / kGroup, kSide / 8}, Words(kSide / 4, [](uint32_t i) {
        return Packed([&](uint32_t k) { return Zero(i / 8, i % 8 * 8 + k); });
      }));
  add(layer + ".scales", "F16", {kSide / kGroup, kSide},
      Words(kSide * 2, [](uint32_t i) { return Scale(i / kSide, i % kSide); }));
  add(layer + ".g_idx", "I32", {kSide}, Words(kSide, GroupOf));
  std::string text = json::serialize(made);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  length = text.size();
  tiny.Write("model.safetensors",
             std::string(reinterpret_cast<const char*>(&length), 8) + text + data);
  tiny.WriteConfig(
      {{"quantization_config",
        {{"quant_method", "gptq"}, {"bits", 4}, {"group_size", kGroup}, {"desc_act", true}}}});
}

TEST(Int4, LayersAreDequantised) {
  const TinyModel tiny("llama");
  Quantise(tiny, "model.layers.0.self_attn.o_proj");
  for (const char* type : {"F32", "F16"}) {
    const std::string path = tiny.PathOf(type);
    const auto report =
        ConvertDirectory(tiny.path(), path, {.type = FindFileType(type), .progress = {}});
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_EQ(report->warnings.size(), 1u);
    EXPECT_NE(report->warnings[0].find("1 int4 layers (GPTQ or AWQ) were dequantised"),
              std::string::npos);
    const auto files = OpenModelFiles(path);
    const auto plan = PlanModel(*files);
    ASSERT_TRUE(plan);
    const auto values = ReadFloats(*plan->Find(Slot::kAttentionOut, 0));
    ASSERT_EQ(values.size(), kSide * kSide);
    for (uint32_t out = 0; out < kSide; ++out) {
      for (uint32_t in = 0; in < kSide; ++in) {
        const uint32_t group = GroupOf(in);
        const float steps =
            static_cast<float>(Code(in, out)) - static_cast<float>(Zero(group, out) + 1);
        float wanted = F16ToF32(Scale(group, out)) * steps;
        if (type[1] == '1') wanted = F16ToF32(F32ToF16(wanted));
        ASSERT_EQ(values[out * kSide + in], wanted) << type << " " << out << " " << in;
      }
    }
  }
}

}  // namespace
}  // namespace ingle
