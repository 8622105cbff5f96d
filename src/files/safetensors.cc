#include "files/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "base/json.h"
#include "files/gguf_cursor.h"
#include "files/printable.h"

namespace ingle {
namespace {

static_assert(std::endian::native == std::endian::little,
              "weights are read in place on little-endian machines");

constexpr uint64_t kLengthBytes = 8;  // The header's length, before it.

struct TypeName {
  std::string_view name;
  DType type;
};
constexpr TypeName kTypeNames[] = {
    {"F32", DType::kF32},   {"F16", DType::kF16},        {"BF16", DType::kBF16},
    {"F64", DType::kF64},   {"I8", DType::kI8},          {"I16", DType::kI16},
    {"I32", DType::kI32},   {"I64", DType::kI64},        {"U8", DType::kU8},
    {"U16", DType::kU16},   {"U32", DType::kU32},        {"U64", DType::kU64},
    {"BOOL", DType::kBool}, {"F8_E4M3", DType::kF8E4M3}, {"F8_E5M2", DType::kF8E5M2},
};

std::string Quoted(std::string_view name) { return "'" + Printable(name) + "'"; }

std::unexpected<Error> BadTensor(std::string_view name, const std::string& text) {
  return BadModelFile("Tensor " + Quoted(name) + " " + text +
                      " The file is damaged: fetch it again.");
}

// The field as an array of whole numbers; null when it is something else.
Result<std::vector<uint64_t>> ReadWholeNumbers(const json::object& entry, std::string_view name,
                                               std::string_view field, size_t count_max) {
  const json::value* value = entry.if_contains(field);
  const json::array* array = value == nullptr ? nullptr : value->if_array();
  if (array == nullptr) return BadTensor(name, "lacks the list '" + std::string(field) + "'.");
  if (array->size() > count_max) {
    return BadTensor(name, "lists " + std::to_string(array->size()) + " numbers in '" +
                               std::string(field) + "'; at most " + std::to_string(count_max) +
                               " are allowed.");
  }
  std::vector<uint64_t> numbers;
  for (const json::value& element : *array) {
    boost::system::error_code error;
    numbers.push_back(element.to_number<uint64_t>(error));
    if (error || !(element.is_int64() || element.is_uint64()))
      return BadTensor(
          name, "holds something else than whole numbers from 0 in '" + std::string(field) + "'.");
  }
  return numbers;
}

Status ReadType(const json::object& entry, StoredTensor& tensor) {
  const json::value* value = entry.if_contains("dtype");
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  if (text == nullptr) return BadTensor(tensor.name, "lacks its 'dtype'.");
  for (const TypeName& known : kTypeNames) {
    if (known.name != std::string_view(*text)) continue;
    tensor.type = known.type;
    return {};
  }
  return Fail(ErrorCode::kUnsupported,
              "Tensor " + Quoted(tensor.name) + " is of type " + Quoted(*text) +
                  ", which this build does not know; use a model in F32, F16 or BF16.",
              {}, "unsupported_model_file");
}

Status ReadShape(const json::object& entry, StoredTensor& tensor) {
  INGLE_TRY(const auto shape, ReadWholeNumbers(entry, tensor.name, "shape", tensor.dims.size()));
  for (const uint64_t extent : shape) {
    if (extent == 0) return BadTensor(tensor.name, "has an extent of 0 and so no elements.");
  }
  tensor.dimension_count = std::max<uint32_t>(1, static_cast<uint32_t>(shape.size()));
  std::reverse_copy(shape.begin(), shape.end(), tensor.dims.begin());
  if (const std::string fault = SizeStoredTensor(tensor); !fault.empty())
    return BadTensor(tensor.name, fault);
  return {};
}

Result<StoredTensor> ReadEntry(std::string_view name, const json::value& value, uint64_t data_bytes,
                               const SafetensorsLimits& limits) {
  if (name.empty() || name.size() > limits.name_bytes || !IsPlainName(name)) {
    return BadModelFile("A tensor is named " + Quoted(name) + "; a name has 1 to " +
                        std::to_string(limits.name_bytes) +
                        " bytes, is valid UTF-8 and without control characters.");
  }
  const json::object* entry = value.if_object();
  if (entry == nullptr) return BadTensor(name, "is described by something else than an object.");
  StoredTensor tensor;
  tensor.name = std::string(name);
  INGLE_RETURN_IF_ERROR(ReadType(*entry, tensor));
  INGLE_RETURN_IF_ERROR(ReadShape(*entry, tensor));
  INGLE_TRY(const auto range, ReadWholeNumbers(*entry, name, "data_offsets", 2));
  if (range.size() != 2 || range[0] > range[1] || range[1] > data_bytes) {
    return BadTensor(name, "has 'data_offsets' that are no range within the " +
                               std::to_string(data_bytes) + " bytes of data.");
  }
  if (range[1] - range[0] != tensor.bytes) {
    return BadTensor(name, "has " + std::to_string(range[1] - range[0]) +
                               " bytes where its shape " + "and type need " +
                               std::to_string(tensor.bytes) + ".");
  }
  tensor.offset = range[0];
  return tensor;
}

// Neither holes nor overlaps, as the format demands.
Status CheckCover(std::vector<StoredTensor>& tensors, uint64_t data_bytes) {
  std::ranges::sort(tensors, {}, &StoredTensor::offset);
  uint64_t end = 0;
  for (const StoredTensor& tensor : tensors) {
    if (tensor.offset != end) {
      return BadTensor(tensor.name, "begins at byte " + std::to_string(tensor.offset) +
                                        " of the data where byte " + std::to_string(end) +
                                        " comes next.");
    }
    end += tensor.bytes;  // Cannot wrap: every range lies inside the data.
  }
  if (end == data_bytes) return {};
  return BadModelFile("The tensors end at byte " + std::to_string(end) +
                      " of the data, which has " + std::to_string(data_bytes) +
                      " bytes. The file is truncated or damaged: fetch it again.");
}

Result<SafetensorsFile> Open(const std::string& path, const SafetensorsLimits& limits) {
  INGLE_TRY(const RegularFile file, RegularFile::Open(path));
  uint64_t length = 0;
  if (file.size() < kLengthBytes) {
    return BadModelFile("The file has " + std::to_string(file.size()) +
                        " bytes; a safetensors file begins with the 8 bytes of a length. It is "
                        "truncated or damaged: fetch it again.");
  }
  INGLE_RETURN_IF_ERROR(file.ReadAt(0, std::as_writable_bytes(std::span(&length, 1))));
  const uint64_t rest = file.size() - kLengthBytes;
  if (length > rest || length > limits.header_bytes) {
    return BadModelFile("The header announces " + std::to_string(length) + " bytes; the limit is " +
                        std::to_string(limits.header_bytes) + " and " + std::to_string(rest) +
                        " bytes follow. The file is damaged, or no safetensors file.");
  }
  std::string header(length, '\0');
  INGLE_RETURN_IF_ERROR(file.ReadAt(kLengthBytes, std::as_writable_bytes(std::span(header))));
  SafetensorsFile opened;
  INGLE_TRY(opened.tensors,
            InspectSafetensors(header, kLengthBytes + length, rest - length, limits));
  INGLE_TRY(opened.map, MappedFile::Map(file));
  return opened;
}

}  // namespace

Result<std::vector<StoredTensor>> InspectSafetensors(std::string_view header, uint64_t data_offset,
                                                     uint64_t data_bytes,
                                                     const SafetensorsLimits& limits) {
  if (!header.starts_with('{')) {
    return BadModelFile(
        "The header does not begin with '{' at byte 8; the file is damaged, or no safetensors "
        "file.");
  }
  auto parsed = ParseJson(header, "The header", {.depth = 8, .bytes = limits.header_bytes});
  if (!parsed) return BadModelFile(std::move(parsed).error().message + ".");
  const json::object& table = parsed->as_object();  // It begins with '{'.
  if (table.size() > limits.tensors + 1) {
    return BadModelFile("The header lists " + std::to_string(table.size()) +
                        " tensors; the limit is " + std::to_string(limits.tensors) + ".");
  }
  std::vector<StoredTensor> tensors;
  for (const auto& [name, value] : table) {
    if (name == "__metadata__") continue;
    INGLE_TRY(StoredTensor tensor, ReadEntry(name, value, data_bytes, limits));
    tensors.push_back(std::move(tensor));
  }
  INGLE_RETURN_IF_ERROR(CheckCover(tensors, data_bytes));
  for (StoredTensor& tensor : tensors) tensor.offset += data_offset;
  return tensors;
}

Result<SafetensorsFile> OpenSafetensors(const std::string& path, const SafetensorsLimits& limits) {
  auto opened = Open(path, limits);
  if (opened) return opened;
  Error error = std::move(opened).error();
  if (!error.message.starts_with(path)) error.message = path + ": " + error.message;
  return std::unexpected(std::move(error));
}

}  // namespace ingle
