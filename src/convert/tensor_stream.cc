#include "convert/tensor_stream.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "formats/dequantize.h"
#include "formats/quantize.h"

namespace ingle {
namespace {

constexpr uint64_t kBatchBytes = 8u << 20;    // Of output, held at a time.
constexpr uint64_t kUnitWeights = 64u << 10;  // What a thread takes at least.
constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

uint64_t BytesOf(DType type, uint64_t weights) {
  return weights / Info(type).block_weights * Info(type).block_bytes;
}

// Runs body(unit) for [0, count) on this thread and some others.
template <class Body>
void ForUnits(uint64_t count, uint32_t threads, const Body& body) {
  std::atomic<uint64_t> next = 0;
  const auto work = [&] {
    for (uint64_t unit = next++; unit < count; unit = next++) body(unit);
  };
  std::vector<std::jthread> others;
  for (uint64_t i = 1; i < std::min<uint64_t>(threads, count); ++i) others.emplace_back(work);
  work();
}

// One piece on its way into a type.
class PieceConverter {
 public:
  PieceConverter(const RowsPiece& piece, DType type)
      : piece_(piece),
        type_(type),
        in_bytes_(BytesOf(piece.type, piece.cols)),
        out_bytes_(BytesOf(type, piece.cols)),
        unit_rows_(piece.head_dim != 0 ? piece.head_dim
                                       : std::max<uint64_t>(1, kUnitWeights / piece.cols)),
        order_(piece.source == nullptr ? std::span<const uint32_t>() : piece.source->input_order()),
        copies_(piece.type == type && piece.added == 0 && order_.empty()) {}

  uint64_t out_bytes() const { return out_bytes_; }
  uint64_t in_bytes() const { return in_bytes_; }
  uint64_t unit_rows() const { return unit_rows_; }
  // The first row that the type cannot take; kNone: all were fine.
  uint64_t bad_row() const { return bad_row_; }

  // Rows [begin, end), whole units of them (the last may be shorter), to `out`.
  void Convert(uint64_t begin, uint64_t end, std::byte* out) {
    std::vector<std::byte> raw;
    const std::byte* rows = piece_.data == nullptr ? nullptr : piece_.data + begin * in_bytes_;
    if (rows == nullptr) {
      raw.resize((end - begin) * in_bytes_);
      piece_.source->Read(static_cast<uint32_t>(begin), static_cast<uint32_t>(end), raw.data());
      rows = raw.data();
    }
    std::vector<float> values(copies_ ? 0 : piece_.cols), ordered(order_.empty() ? 0 : piece_.cols);
    for (uint64_t row = 0; row < end - begin; ++row, out += out_bytes_) {
      const std::byte* in = rows + SourceRow(row) * in_bytes_;
      if (copies_)
        std::memcpy(out, in, out_bytes_);
      else if (!ConvertRow(in, values, ordered, out))
        Refuse(begin + row);
    }
  }

 private:
  // Which row of a unit becomes its row `row`.
  uint64_t SourceRow(uint64_t row) const {
    if (row >= piece_.rope_dim) return row;
    return row / 2 + (row % 2) * (piece_.rope_dim / 2);
  }

  bool ConvertRow(const std::byte* in, std::vector<float>& values, std::vector<float>& ordered,
                  std::byte* out) const {
    FindDequantize(piece_.type)(in, piece_.cols, values.data());
    for (size_t i = 0; i < order_.size(); ++i) ordered[order_[i]] = values[i];
    std::vector<float>& weights = order_.empty() ? values : ordered;
    if (piece_.added != 0)
      for (float& weight : weights) weight += piece_.added;
    if (FindUnquantizable(type_, weights) != weights.size()) return false;
    FindQuantize(type_)(weights.data(), weights.size(), out);
    return true;
  }

  void Refuse(uint64_t row) {
    uint64_t known = bad_row_;
    while (row < known && !bad_row_.compare_exchange_weak(known, row)) {
    }
  }

  const RowsPiece& piece_;
  DType type_;
  uint64_t in_bytes_, out_bytes_, unit_rows_;
  std::span<const uint32_t> order_;
  bool copies_;
  std::atomic<uint64_t> bad_row_ = kNone;
};

std::unexpected<Error> BadWeights(const OutputTensor& tensor, uint64_t row) {
  const std::string type(Info(tensor.entry.type).name);
  return Fail(ErrorCode::kCorruptFile,
              "Tensor '" + tensor.entry.name + "' holds in row " + std::to_string(row) +
                  " a weight that is no finite number, or too large for " + type +
                  " (the limit is 65504). If the model is not damaged, write it as BF16 or F32.",
              {}, "invalid_model_file");
}

class Streamer {
 public:
  Streamer(const ModelFiles& files, const StreamOptions& options, AtomicFile& out)
      : files_(files), options_(options), out_(out) {}

  Status Pad(uint64_t offset) {
    const std::vector<std::byte> zeros(offset - out_.size());
    return out_.Write(zeros);
  }

  Status Write(const OutputTensor& tensor) {
    uint64_t row = 0;  // Of the tensor, where a piece begins.
    for (const RowsPiece& piece : tensor.pieces) {
      INGLE_RETURN_IF_ERROR(Write(tensor, piece, row));
      row += piece.rows;
    }
    return {};
  }

 private:
  Status Write(const OutputTensor& tensor, const RowsPiece& piece, uint64_t first_row) {
    PieceConverter converter(piece, tensor.entry.type);
    const uint64_t unit = converter.unit_rows(), unit_bytes = unit * converter.out_bytes();
    const uint64_t batch = std::max<uint64_t>(options_.threads, kBatchBytes / unit_bytes) * unit;
    for (uint64_t begin = 0; begin < piece.rows; begin += batch) {
      const uint64_t end = std::min(begin + batch, piece.rows);
      buffer_.resize((end - begin) * converter.out_bytes());
      ForUnits((end - begin + unit - 1) / unit, options_.threads, [&](uint64_t i) {
        const uint64_t from = begin + i * unit;
        converter.Convert(from, std::min(from + unit, end), buffer_.data() + i * unit_bytes);
      });
      if (converter.bad_row() != kNone) return BadWeights(tensor, first_row + converter.bad_row());
      INGLE_RETURN_IF_ERROR(out_.Write(buffer_));
      Release(piece, begin, end, converter.in_bytes());
      if (options_.progress && !options_.progress(tensor, out_.size()))
        return Fail(ErrorCode::kCancelled, "given up; nothing was written");
    }
    return {};
  }

  void Release(const RowsPiece& piece, uint64_t begin, uint64_t end, uint64_t row_bytes) const {
    if (piece.stored == nullptr) return;
    if (piece.data == nullptr) {
      if (end == piece.rows) files_.ReleasePages(*piece.stored);
      return;
    }
    const auto at = static_cast<uint64_t>(piece.data - files_.TensorBytes(*piece.stored).data());
    files_.ReleasePages(*piece.stored, at + begin * row_bytes, (end - begin) * row_bytes);
  }

  const ModelFiles& files_;
  const StreamOptions& options_;
  AtomicFile& out_;
  std::vector<std::byte> buffer_;
};

}  // namespace

Status WriteTensors(const ModelFiles& files, std::span<const OutputTensor> tensors,
                    const GgufLayout& layout, const StreamOptions& options, AtomicFile& out) {
  Streamer streamer(files, options, out);
  INGLE_RETURN_IF_ERROR(out.Write(std::as_bytes(std::span(layout.header))));
  for (size_t i = 0; i < tensors.size(); ++i) {
    INGLE_RETURN_IF_ERROR(streamer.Pad(layout.offsets[i]));
    INGLE_RETURN_IF_ERROR(streamer.Write(tensors[i]));
  }
  return streamer.Pad(layout.file_bytes);
}

}  // namespace ingle
