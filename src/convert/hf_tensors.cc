#include "convert/hf_tensors.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace ingle {
namespace {

std::string Filled(std::string_view pattern, uint32_t layer) {
  std::string name(pattern);
  if (const size_t at = name.find("{}"); at != std::string::npos)
    name.replace(at, 2, std::to_string(layer));
  return name;
}

bool Rotates(Slot slot) {
  return slot == Slot::kQuery || slot == Slot::kKey || slot == Slot::kQueryBias ||
         slot == Slot::kKeyBias;
}

class Builder {
 public:
  Builder(const ModelPlan& plan, const Blueprint& written) : plan_(plan) {
    for (const PlannedTensor& planned : plan.tensors)
      planned_[{planned.slot, planned.layer, planned.expert}] = &planned;
    const auto has = [](const Blueprint& blueprint, RopeStyle style) {
      return std::ranges::count(blueprint.layers, style, &LayerBlueprint::rope) > 0;
    };
    pairs_rows_ =
        has(plan.blueprint, RopeStyle::kSplitHalves) && has(written, RopeStyle::kAdjacentPairs);
  }

  Status Run() {
    INGLE_RETURN_IF_ERROR(AddLayer(0, false));
    for (uint32_t layer = 0; layer < plan_.blueprint.layers.size(); ++layer)
      INGLE_RETURN_IF_ERROR(AddLayer(layer, true));
    if (used_ == plan_.tensors.size()) return {};
    return Fail(ErrorCode::kUnsupported,
                "The directory holds weights that no GGUF file of architecture '" +
                    std::string(plan_.architecture->gguf_name) + "' has a name for.",
                {}, "unsupported_model_file");
  }

  void AddFactors(Slot slot, const std::vector<float>& factors) {
    if (factors.empty()) return;
    for (const auto& table : plan_.architecture->tensors) {
      for (const TensorSpec& spec : table) {
        if (spec.slot != slot) continue;
        RowsPiece piece{.rows = 1, .cols = factors.size()};
        piece.made = std::make_shared<const std::vector<float>>(factors);
        piece.data = reinterpret_cast<const std::byte*>(piece.made->data());
        OutputTensor tensor{{std::string(spec.gguf), {factors.size()}, DType::kF32}, {piece}};
        tensors_.insert(tensors_.begin(), std::move(tensor));
      }
    }
  }

  std::vector<OutputTensor> Take() { return std::move(tensors_); }

 private:
  // What makes one tensor: the specs of its name, in the order of the tables.
  using Parts = std::vector<const TensorSpec*>;

  Status AddLayer(uint32_t layer, bool per_layer) {
    std::vector<std::pair<std::string_view, Parts>> named;
    for (const auto& table : plan_.architecture->tensors) {
      for (const TensorSpec& spec : table) {
        const bool here = spec.per_layer() == per_layer &&
                          (!per_layer || spec.IsIn(plan_.blueprint.layers[layer]));
        if (!here || spec.gguf.empty() || Find(spec, layer, 0) == nullptr) continue;
        const auto at =
            std::ranges::find(named, spec.gguf, &std::pair<std::string_view, Parts>::first);
        if (at == named.end())
          named.push_back({spec.gguf, {&spec}});
        else
          at->second.push_back(&spec);
      }
    }
    for (const auto& [pattern, parts] : named)
      INGLE_RETURN_IF_ERROR(AddTensor(Filled(pattern, layer), parts, layer));
    return {};
  }

  const PlannedTensor* Find(const TensorSpec& spec, uint32_t layer, uint32_t expert) const {
    const auto found = planned_.find({spec.slot, layer, expert});
    return found == planned_.end() ? nullptr : found->second;
  }

  Status AddTensor(std::string name, const Parts& parts, uint32_t layer) {
    OutputTensor tensor;
    const bool stacked = IsPerExpert(parts[0]->slot), vector = parts[0]->rows == Dim::kVector;
    const uint32_t experts = stacked ? plan_.blueprint.experts.count : 1;
    uint64_t rows = 0, cols = 0;
    for (uint32_t expert = 0; expert < experts; ++expert) {
      for (const TensorSpec* spec : parts) {
        const PlannedTensor* planned = Find(*spec, layer, expert);
        if (planned == nullptr)
          return Fail(ErrorCode::kCorruptFile, "A part of '" + name + "' is missing.");
        tensor.pieces.push_back(PieceOf(*planned));
        rows += planned->view.rows;
        cols = vector ? cols + planned->view.cols : planned->view.cols;
        ++used_;
      }
    }
    tensor.entry.name = std::move(name);
    tensor.entry.dims = {cols};
    if (!vector) tensor.entry.dims.push_back(rows / experts);
    if (stacked) tensor.entry.dims.push_back(experts);
    tensors_.push_back(std::move(tensor));
    return {};
  }

  RowsPiece PieceOf(const PlannedTensor& planned) const {
    RowsPiece piece{.type = planned.view.type,
                    .rows = planned.view.rows,
                    .cols = planned.view.cols,
                    .data = planned.view.data,
                    .source = planned.rows,
                    .stored = planned.source};
    piece.added = planned.added;
    if (pairs_rows_ && Rotates(planned.slot)) {
      piece.head_dim = plan_.blueprint.head_dim;
      piece.rope_dim = plan_.blueprint.rope.dim;
      if (planned.view.rows == 1) {  // A bias: its elements are rows of one.
        piece.rows = planned.view.cols;
        piece.cols = 1;
      }
    }
    return piece;
  }

  const ModelPlan& plan_;
  std::map<std::tuple<Slot, uint32_t, uint32_t>, const PlannedTensor*> planned_;
  std::vector<OutputTensor> tensors_;
  size_t used_ = 0;
  bool pairs_rows_ = false;  // Files keep the two elements of a rotated pair beside each other.
};

}  // namespace

Result<std::vector<OutputTensor>> TensorsOfDirectory(const ModelPlan& plan,
                                                     const Blueprint& written,
                                                     const RopeFactors& factors) {
  Builder builder(plan, written);
  INGLE_RETURN_IF_ERROR(builder.Run());
  builder.AddFactors(Slot::kRopeFactors, factors.all);
  builder.AddFactors(Slot::kRopeFactorsShort, factors.up_to_original);
  builder.AddFactors(Slot::kRopeFactorsLong, factors.past_original);
  return builder.Take();
}

}  // namespace ingle
