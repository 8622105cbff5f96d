#include "model/expected_tensors.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "model/config_keys.h"

namespace ingle {
namespace {

// Names that a model may need more of than its files have tensors: past this some are missing for
// sure, and sizes from a header must not make us keep millions.
constexpr size_t kNamesSpare = 65536;

std::string Filled(std::string name, std::string_view hole, uint32_t number) {
  if (const size_t at = name.find(hole); at != std::string::npos)
    name.replace(at, hole.size(), std::to_string(number));
  return name;
}

// Rows of a matrix that is stored as [cols, rows]; elements of 2 or 4 bytes.
class ColumnsFirst : public RowSource {
 public:
  ColumnsFirst(const std::byte* data, size_t element_bytes, size_t all_rows, size_t first,
               size_t cols)
      : data_(data), bytes_(element_bytes), all_rows_(all_rows), first_(first), cols_(cols) {}

  void Read(uint32_t begin, uint32_t end, std::byte* out) const override {
    for (size_t row = begin; row < end; ++row)
      for (size_t col = 0; col < cols_; ++col, out += bytes_)
        std::memcpy(out, data_ + (col * all_rows_ + first_ + row) * bytes_, bytes_);
  }
  std::vector<std::span<const std::byte>> stored() const override {
    return {{data_, cols_ * all_rows_ * bytes_}};
  }

 private:
  const std::byte* data_;
  size_t bytes_, all_rows_, first_, cols_;
};

// Rows of another source from `first` on.
class RowsFrom : public RowSource {
 public:
  RowsFrom(std::shared_ptr<const RowSource> all, uint32_t first)
      : all_(std::move(all)), first_(first) {}
  void Read(uint32_t begin, uint32_t end, std::byte* out) const override {
    all_->Read(first_ + begin, first_ + end, out);
  }
  std::span<const uint32_t> input_order() const override { return all_->input_order(); }
  bool wants_fine_inputs() const override { return all_->wants_fine_inputs(); }
  std::vector<std::span<const std::byte>> stored() const override { return all_->stored(); }

 private:
  std::shared_ptr<const RowSource> all_;
  uint32_t first_;
};

}  // namespace

std::string Renaming::Of(const TensorSpec& spec) const {
  const bool head = spec.slot == Slot::kOutput;
  return std::string(head ? head_prefix : prefix) +
         std::string(spec.hf.substr(head ? 0 : std::min(without, spec.hf.size())));
}

Renaming RenamingIn(const ModelFiles& files, const Architecture& architecture) {
  const auto embedding = [&]() -> const TensorSpec* {
    for (const auto& table : architecture.tensors)
      for (const TensorSpec& spec : table)
        if (spec.slot == Slot::kTokenEmbedding) return &spec;
    return nullptr;
  }();
  if (embedding == nullptr) return {};
  const size_t word = embedding->hf.find('.') + 1;  // "model."
  std::vector<Renaming> renamings = {{0, "", ""}, {word, "", ""}};
  if (IsMultimodal(architecture, files.metadata()))
    renamings = {{0, "language_model.", "language_model."}, {word, "model.language_model.", ""}};
  for (const Renaming& renaming : renamings)
    if (files.FindTensor(renaming.Of(*embedding)) != nullptr) return renaming;
  return renamings[0];
}

ExpectedTensors::ExpectedTensors(const ModelFiles& files, const Architecture& architecture,
                                 const Blueprint& blueprint)
    : files_(files),
      blueprint_(blueprint),
      hf_(files.metadata().container == Container::kHuggingFace) {
  if (hf_) renaming_ = RenamingIn(files, architecture);
  const auto layers = static_cast<uint32_t>(blueprint.layers.size());
  for (const auto& table : architecture.tensors) {
    for (const TensorSpec& spec : table) {
      for (uint32_t layer = 0; layer < (spec.per_layer() ? layers : 1); ++layer)
        if (!spec.per_layer() || spec.IsIn(blueprint.layers[layer])) Add(spec, layer);
    }
  }
}

std::string ExpectedTensors::PatternOf(const TensorSpec& spec) const {
  if (!hf_) return std::string(spec.gguf);
  return spec.hf.empty() ? std::string() : renaming_.Of(spec);
}

void ExpectedTensors::Add(const TensorSpec& spec, uint32_t layer) {
  if (PatternOf(spec).empty()) return;
  const std::string name = Filled(PatternOf(spec), "{}", layer);
  const bool stacked = IsPerExpert(spec.slot) && name.find("{e}") == std::string::npos;
  const uint32_t experts = IsPerExpert(spec.slot) && !stacked ? blueprint_.experts.count : 1;
  for (uint32_t expert = 0; expert < experts; ++expert) {
    if (names_.size() > files_.tensors().size() + kNamesSpare) return;
    Add(Filled(name, "{e}", expert), {&spec, layer, expert}, stacked);
  }
}

void ExpectedTensors::Add(std::string name, const TensorPart& part, bool stacked) {
  const auto [at, fresh] = by_name_.try_emplace(std::move(name));
  if (fresh) names_.push_back(at->first);
  at->second.parts.push_back(part);
  at->second.stacked = stacked;
}

ExpectedTensor* ExpectedTensors::Find(const std::string& name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &found->second;
}

uint64_t ExpectedTensors::Rows(const TensorPart& part) const {
  return Extent(part.spec->rows, blueprint_, part.layer);
}

uint64_t ExpectedTensors::Cols(const TensorPart& part) const {
  return Extent(part.spec->cols, blueprint_, part.layer);
}

bool ExpectedTensors::IsTransposed(const TensorSpec& spec) const {
  return hf_ && spec.fix == Fix::kTransposedInHf;
}

std::vector<uint64_t> ExpectedTensors::ShapeOf(const ExpectedTensor& expected) const {
  uint64_t rows = 0, length = 0;
  for (const TensorPart& part : expected.parts) {
    rows += Rows(part);
    length += Cols(part);
  }
  if (expected.first().rows == Dim::kVector) return {length};
  const uint64_t cols = Cols(expected.parts.front());
  if (expected.stacked) return {cols, rows, blueprint_.experts.count};
  if (IsTransposed(expected.first())) return {rows, cols};
  return {cols, rows};
}

std::vector<uint64_t> ExpectedTensors::ShapeOf(const StoredTensor& tensor,
                                               size_t dimensions) const {
  std::vector<uint64_t> shape;
  const uint32_t count = tensor.dimension_count;
  for (uint32_t i = 0; i < count; ++i) {
    const bool middle = hf_ && i > 0 && i + 1 < count && count > dimensions;
    const bool outer = !hf_ && i >= dimensions;
    if (tensor.dims[i] != 1 || !(middle || outer)) shape.push_back(tensor.dims[i]);
  }
  while (shape.size() < dimensions) shape.push_back(1);
  return shape;
}

std::vector<PlannedTensor> ExpectedTensors::Cut(const ExpectedTensor& expected,
                                                const StoredTensor& tensor) const {
  std::vector<PlannedTensor> planned;
  const std::byte* data = files_.TensorBytes(tensor).data();
  const DTypeInfo& info = Info(tensor.type);
  const std::vector<uint64_t> shape = ShapeOf(expected);
  const uint32_t experts = expected.stacked ? blueprint_.experts.count : 1;
  uint64_t row = 0, element = 0;  // Of what was cut off so far.
  for (uint32_t expert = 0; expert < experts; ++expert) {
    for (const TensorPart& part : expected.parts) {
      PlannedTensor one;
      one.slot = part.spec->slot;
      one.layer = part.layer;
      one.expert = expected.stacked ? expert : part.expert;
      one.source = &tensor;
      one.view.type = tensor.type;
      one.view.rows = static_cast<uint32_t>(Rows(part));
      one.view.cols = static_cast<uint32_t>(Cols(part));
      if (hf_ && part.spec->fix == Fix::kMinusOneInHf) one.added = 1.0f;
      if (auto made = files_.RowsOf(tensor)) {
        one.rows = row == 0 ? made : std::make_shared<RowsFrom>(made, static_cast<uint32_t>(row));
      } else if (IsTransposed(*part.spec)) {
        one.rows =
            std::make_shared<ColumnsFirst>(data, info.block_bytes, shape[0], row, one.view.cols);
      } else {
        one.view.data = data + element / info.block_weights * info.block_bytes;
      }
      row += one.view.rows;
      element += uint64_t{one.view.rows} * one.view.cols;
      planned.push_back(std::move(one));
    }
  }
  return planned;
}

}  // namespace ingle
