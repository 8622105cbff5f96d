#include "convert/model_keys.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace ingle {
namespace {

constexpr double kSame = 1e-6;  // Relative, of numbers that a file keeps with 32 bits.

bool Near(double a, double b) {
  return std::fabs(a - b) <= kSame * std::max({1e-30, std::fabs(a), std::fabs(b)});
}

float Float(double value) { return static_cast<float>(value); }

uint32_t WindowOf(const Blueprint& blueprint) {
  uint32_t window = 0;
  for (const LayerBlueprint& layer : blueprint.layers) window = std::max(window, layer.window);
  return window;
}

// n where exactly every n-th layer sees everything; 0: there is no such number.
uint32_t GlobalEvery(const Blueprint& blueprint) {
  const auto& layers = blueprint.layers;
  const auto first = std::ranges::find(layers, 0u, &LayerBlueprint::window) - layers.begin();
  const auto every = static_cast<size_t>(first) + 1;
  if (every < 2 || every > layers.size()) return 0;
  for (size_t i = 0; i < layers.size(); ++i)
    if ((layers[i].window == 0) != ((i + 1) % every == 0)) return 0;
  return static_cast<uint32_t>(every);
}

void AddAttention(const std::string& a, const Blueprint& b, GgufKeys& keys) {
  std::vector<uint32_t> kv_heads;
  for (const LayerBlueprint& layer : b.layers) kv_heads.push_back(layer.kv_heads);
  keys.U32(a + ".attention.head_count", b.heads);
  if (std::ranges::count(kv_heads, kv_heads[0]) == std::ssize(kv_heads))
    keys.U32(a + ".attention.head_count_kv", kv_heads[0]);
  else
    keys.U32s(a + ".attention.head_count_kv", kv_heads);
  keys.U32(a + ".attention.key_length", b.head_dim);
  keys.U32(a + ".attention.value_length", b.head_dim);
  if (b.attention_softcap != 0) keys.F32(a + ".attn_logit_softcapping", b.attention_softcap);
  if (b.logit_softcap != 0) keys.F32(a + ".final_logit_softcapping", b.logit_softcap);
  if (WindowOf(b) == 0) return;
  keys.U32(a + ".attention.sliding_window", WindowOf(b));
  if (const uint32_t every = GlobalEvery(b); every != 0)
    keys.U32(a + ".attention.sliding_window_pattern", every);
}

void AddScaling(const std::string& a, const Blueprint& b, GgufKeys& keys) {
  const RopeBlueprint& rope = b.rope;
  const std::string scaling = a + ".rope.scaling.";
  const bool yarn = rope.scaling == RopeScaling::kYarn,
             linear = rope.scaling == RopeScaling::kLinear;
  if (yarn || linear) {
    keys.String(scaling + "type", yarn ? "yarn" : "linear");
    keys.F32(scaling + "factor", Float(rope.factor));
  }
  if (yarn || rope.scaling == RopeScaling::kLongRope)
    keys.U32(scaling + "original_context_length", rope.original_context);
  double magnitude = MakeRopeTable(rope, {}).magnitude;
  if (yarn) {
    if (rope.beta_fast != 32) keys.F32(scaling + "yarn_beta_fast", Float(rope.beta_fast));
    if (rope.beta_slow != 1) keys.F32(scaling + "yarn_beta_slow", Float(rope.beta_slow));
    magnitude /= 1 + 0.1 * std::log(rope.factor);  // Readers multiply by this.
  }
  if (!Near(magnitude, 1)) keys.F32(scaling + "attn_factor", Float(magnitude));
}

void AddRope(const std::string& a, const Blueprint& b, GgufKeys& keys) {
  const auto rotates = [](const LayerBlueprint& layer) { return layer.rope != RopeStyle::kNone; };
  if (std::ranges::none_of(b.layers, rotates)) return;
  keys.U32(a + ".rope.dimension_count", b.rope.dim);
  keys.F32(a + ".rope.freq_base", Float(b.rope.theta));
  if (std::ranges::any_of(b.layers, &LayerBlueprint::local_rope))
    keys.F32(a + ".rope.freq_base_swa", Float(b.local_rope.theta));
  AddScaling(a, b, keys);
}

void AddExperts(const std::string& a, const Blueprint& b, GgufKeys& keys) {
  const ExpertsBlueprint& experts = b.experts;
  if (experts.count == 0) return;
  keys.U32(a + ".expert_count", experts.count);
  keys.U32(a + ".expert_used_count", experts.used);
  keys.U32(a + ".expert_feed_forward_length", experts.ffn_dim);
  keys.U32(a + ".expert_gating_func", experts.sigmoid ? 2 : 1);
  if (!experts.normalise) keys.Bool(a + ".expert_weights_norm", false);
  if (experts.weight_scale != 1) keys.F32(a + ".expert_weights_scale", experts.weight_scale);
  const auto dense =
      std::ranges::find(b.layers, FeedForward::kExperts, &LayerBlueprint::feed_forward) -
      b.layers.begin();
  if (dense > 0) keys.U32(a + ".leading_dense_block_count", static_cast<uint32_t>(dense));
}

// One thing that both descriptions must say alike, and what it is called.
struct Trait {
  std::string_view name;
  bool (*same)(const Blueprint& a, const Blueprint& b);
};

template <class Member>
bool SameInLayers(const Blueprint& a, const Blueprint& b, Member member) {
  return std::ranges::equal(a.layers, b.layers, {}, member, member);
}

double AttentionScale(const Blueprint& b) {
  return b.attention_scale != 0 ? b.attention_scale : 1 / std::sqrt(double{1} * b.head_dim);
}

constexpr Trait kTraits[] = {
    {"the sizes of the model",
     [](const Blueprint& a, const Blueprint& b) {
       return a.model_dim == b.model_dim && a.ffn_dim == b.ffn_dim && a.heads == b.heads &&
              a.head_dim == b.head_dim && a.context_max == b.context_max &&
              a.layers.size() == b.layers.size() && a.conv_taps == b.conv_taps &&
              SameInLayers(a, b, &LayerBlueprint::kv_heads) &&
              SameInLayers(a, b, &LayerBlueprint::mixer);
     }},
    {"which layers see a window of the text only",
     [](const Blueprint& a, const Blueprint& b) {
       return SameInLayers(a, b, &LayerBlueprint::window);
     }},
    {"which layers rotate positions, and how",
     [](const Blueprint& a, const Blueprint& b) {
       const auto rotates = [](const LayerBlueprint& l) { return l.rope != RopeStyle::kNone; };
       return SameInLayers(a, b, rotates) && SameInLayers(a, b, &LayerBlueprint::local_rope);
     }},
    {"which layers have experts",
     [](const Blueprint& a, const Blueprint& b) {
       return SameInLayers(a, b, &LayerBlueprint::feed_forward);
     }},
    {"how experts are chosen and weighed",
     [](const Blueprint& a, const Blueprint& b) {
       const ExpertsBlueprint &x = a.experts, &y = b.experts;
       return x.count == y.count && x.used == y.used && x.ffn_dim == y.ffn_dim &&
              x.sigmoid == y.sigmoid && x.normalise == y.normalise &&
              x.sum_epsilon == y.sum_epsilon && x.weight_scale == y.weight_scale;
     }},
    {"the norm and the activation",
     [](const Blueprint& a, const Blueprint& b) {
       return a.norm == b.norm && a.norm_epsilon == b.norm_epsilon &&
              a.activation == b.activation && a.embedding_scale == b.embedding_scale;
     }},
    {"the scale of attention",
     [](const Blueprint& a, const Blueprint& b) {
       return Near(AttentionScale(a), AttentionScale(b));
     }},
    {"the soft caps",
     [](const Blueprint& a, const Blueprint& b) {
       return a.attention_softcap == b.attention_softcap && a.logit_softcap == b.logit_softcap;
     }},
};

bool SameRotation(const RopeTable& a, const RopeTable& b) {
  return Near(a.magnitude, b.magnitude) && std::ranges::equal(a.frequencies, b.frequencies, Near);
}

// Both tables of LongRoPE, or the only one.
bool SameRope(const RopeBlueprint& wanted, const RopeBlueprint& written,
              const RopeFactors& factors) {
  if (wanted.scaling != RopeScaling::kLongRope)
    return SameRotation(MakeRopeTable(wanted, {}), MakeRopeTable(written, factors.all));
  return written.scaling == RopeScaling::kLongRope &&
         written.original_context == wanted.original_context &&
         SameRotation(MakeRopeTable(wanted, wanted.short_factors),
                      MakeRopeTable(written, factors.up_to_original)) &&
         SameRotation(MakeRopeTable(wanted, wanted.long_factors),
                      MakeRopeTable(written, factors.past_original));
}

std::unexpected<Error> Lost(std::string_view what) {
  return Fail(ErrorCode::kUnsupported,
              "No GGUF file of this architecture can say " + std::string(what) +
                  " as this model has it, so the converted model would give other answers. Use the "
                  "directory itself.",
              {}, "unsupported_model_file");
}

}  // namespace

std::string_view WrittenName(const Architecture& architecture) {
  return architecture.gguf_name == "mistral3" ? "llama" : architecture.gguf_name;
}

void AddModelKeys(std::string_view name, const Blueprint& b, GgufKeys& keys) {
  const std::string a(name);
  keys.U32(a + ".block_count", static_cast<uint32_t>(b.layers.size()));
  keys.U32(a + ".context_length", b.context_max);
  keys.U32(a + ".embedding_length", b.model_dim);
  keys.U32(a + ".feed_forward_length", b.ffn_dim);
  AddAttention(a, b, keys);
  keys.F32(a + (b.norm == Norm::kRms ? ".attention.layer_norm_rms_epsilon"
                                     : ".attention.layer_norm_epsilon"),
           b.norm_epsilon);
  AddRope(a, b, keys);
  AddExperts(a, b, keys);
  if (b.conv_taps != 0) keys.U32(a + ".shortconv.l_cache", b.conv_taps);
}

RopeFactors RopeFactorsOf(const RopeBlueprint& rope) {
  RopeFactors factors;
  if (rope.scaling == RopeScaling::kLongRope) {
    factors.up_to_original = rope.short_factors;
    factors.past_original = rope.long_factors;
  }
  if (rope.scaling != RopeScaling::kLlama3) return factors;
  RopeBlueprint plain = rope;
  plain.scaling = RopeScaling::kNone;
  const RopeTable before = MakeRopeTable(plain, {}), after = MakeRopeTable(rope, {});
  for (size_t i = 0; i < after.frequencies.size(); ++i)
    factors.all.push_back(Float(before.frequencies[i] / after.frequencies[i]));
  return factors;
}

Result<Blueprint> DescribeWritten(const Metadata& keys, const Blueprint& wanted,
                                  const RopeFactors& factors) {
  INGLE_TRY(const Architecture* architecture, FindArchitecture(keys));
  INGLE_TRY(Blueprint written, architecture->describe(keys));
  for (const Trait& trait : kTraits)
    if (!trait.same(wanted, written)) return Lost(trait.name);
  if (!SameRope(wanted.rope, written.rope, factors)) return Lost("how positions are rotated");
  const bool local = std::ranges::any_of(wanted.layers, &LayerBlueprint::local_rope);
  if (local && !SameRope(wanted.local_rope, written.local_rope, {}))
    return Lost("how positions are rotated in layers with a window");
  return written;
}

}  // namespace ingle
