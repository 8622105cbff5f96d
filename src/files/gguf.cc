#include "files/gguf.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

#include "files/gguf_cursor.h"
#include "files/gguf_layout.h"
#include "files/printable.h"

namespace ingle {
namespace {

std::string Number(uint64_t value) { return std::to_string(value); }

static_assert(std::endian::native == std::endian::little,
              "GGUF is read in place on little-endian machines");

enum class Kind : uint32_t {  // GGUF's value types.
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
  kCount
};
constexpr uint32_t kKindBytes[] = {1, 1, 2,  2, 4, 4, 4,
                                   1, 8, 12, 8, 8, 8};  // Of a string, array: the least.
constexpr uint64_t kKeyEntryBytesMin = 8 + 1 + 4 + 1;   // Length, name, kind, value.
constexpr uint64_t kTensorEntryBytesMin =
    8 + 1 + 4 + 8 + 4 + 8;  // Length, name, count, one extent, type, offset.
constexpr uint64_t kValueBytes =
    sizeof(std::pair<const std::string, MetadataValue>) + 64;  // A node of the map.

class Inspector {
 public:
  Inspector(GgufCursor cursor, const GgufLimits& limits)
      : in_(std::move(cursor)), limits_(limits) {}

  Result<GgufHeader> Run() {
    INGLE_RETURN_IF_ERROR(ReadCounts());
    for (uint64_t i = 0; i < key_count_; ++i) INGLE_RETURN_IF_ERROR(ReadKey(i));
    INGLE_RETURN_IF_ERROR(ReadAlignment());
    header_.tensors.reserve(tensor_count_);
    for (uint64_t i = 0; i < tensor_count_; ++i) INGLE_RETURN_IF_ERROR(ReadTensor(i));
    INGLE_RETURN_IF_ERROR(PlaceTensors(in_.position(), in_.size(), header_));
    return std::move(header_);
  }

 private:
  Status ReadCounts();
  Status ReadKey(uint64_t index);
  Status ReadAlignment();
  Status ReadTensor(uint64_t index);
  Status ReadExtents(GgufTensor& tensor);

  Result<std::string> ReadString(uint64_t bytes_max, std::string_view what);
  Result<std::string> ReadText(const std::string& key);
  // Always an array; a scalar is read as one of a single element.
  Result<MetadataValue> ReadElements(Kind kind, uint64_t count, const std::string& key);
  Result<MetadataValue> ReadArray(const std::string& key);
  Result<MetadataValue> ReadStrings(uint64_t count, const std::string& key);
  Result<std::vector<bool>> ReadBools(uint64_t count, const std::string& key);
  template <class Stored, class Kept>
  Result<MetadataValue> ReadNumbers(uint64_t count, const std::string& key);
  // Counts memory that a value will take, before it is allocated.
  Status Spend(uint64_t bytes, std::string_view key);

  GgufCursor in_;
  GgufLimits limits_;
  GgufHeader header_;
  uint64_t key_count_ = 0, tensor_count_ = 0, metadata_bytes_ = 0;
  std::string value_label_;  // Of the key being read, for messages: built once, not per element.
};

Status CheckVersion(uint32_t version) {
  if (version == 2 || version == 3) return {};
  if (version != 0 && (version & 0xffffu) == 0) {
    return BadModelFile(
        "The file is GGUF for big-endian machines; this build reads little-endian files: convert "
        "it again.");
  }
  return BadModelFile(
      "The file is GGUF version " + Number(version) + "; versions 2 and 3 can be read. " +
      (version < 2 ? "Convert it again from the original model." : "A newer ingle may know it."));
}

Status Inspector::ReadCounts() {
  char magic[4];
  INGLE_RETURN_IF_ERROR(in_.Copy(magic, sizeof(magic), "the magic number"));
  if (std::memcmp(magic, "GGUF", sizeof(magic)) != 0) {
    return BadModelFile("The file is not GGUF: it begins with '" +
                        Printable({magic, sizeof(magic)}) + "' at byte 0 where 'GGUF' belongs.");
  }
  INGLE_TRY(header_.version, in_.Read<uint32_t>("the version"));
  INGLE_RETURN_IF_ERROR(CheckVersion(header_.version));
  INGLE_TRY(tensor_count_, in_.Read<uint64_t>("the number of tensors"));
  INGLE_TRY(key_count_, in_.Read<uint64_t>("the number of keys"));
  const auto check = [this](uint64_t count, uint64_t limit, uint64_t entry_bytes_min,
                            std::string what) -> Status {
    if (count <= limit && count * entry_bytes_min <= in_.remaining()) return {};
    return BadModelFile("The header announces " + Number(count) + what + "; the limit is " +
                        Number(limit) + " and " + Number(in_.remaining()) +
                        " bytes follow. The file is damaged.");
  };
  INGLE_RETURN_IF_ERROR(
      check(tensor_count_, limits_.tensors, kTensorEntryBytesMin, " tensors at byte 8"));
  return check(key_count_, limits_.keys, kKeyEntryBytesMin, " keys at byte 16");
}

Result<std::string> Inspector::ReadString(uint64_t bytes_max, std::string_view what) {
  const uint64_t at = in_.position();
  INGLE_TRY(const uint64_t length, in_.Read<uint64_t>(what));
  if (length > bytes_max) {
    return BadModelFile(std::string(what) + " at byte " + Number(at) + " is " + Number(length) +
                        " bytes long; the limit is " + Number(bytes_max) + ".");
  }
  if (length > in_.remaining()) {
    return BadModelFile(std::string(what) + " at byte " + Number(at) + " is " + Number(length) +
                        " bytes long, but only " + Number(in_.remaining()) +
                        " bytes are left. The file is truncated or damaged: fetch it again.");
  }
  std::string text(length, '\0');
  INGLE_RETURN_IF_ERROR(in_.Copy(text.data(), length, what));
  return text;
}

Status Inspector::Spend(uint64_t bytes, std::string_view key) {
  metadata_bytes_ += bytes;  // Cannot wrap: each part is bounded by the limits before.
  if (metadata_bytes_ <= limits_.metadata_bytes) return {};
  return BadModelFile("The metadata up to key '" + Printable(key) + "' takes more than " +
                          Number(limits_.metadata_bytes) +
                          " bytes of memory; no known model needs so much.",
                      Printable(key));
}

Result<std::string> Inspector::ReadText(const std::string& key) {
  const uint64_t at = in_.position();
  INGLE_TRY(std::string text, ReadString(limits_.string_bytes, value_label_));
  if (text.size() >= sizeof(std::string)) INGLE_RETURN_IF_ERROR(Spend(text.size() + 1, key));
  if (const auto bad = FindInvalidUtf8(text)) {
    return BadModelFile(
        "The value of key '" + key + "' is not UTF-8 at byte " + Number(at + 8 + *bad) + ".", key);
  }
  return text;
}

template <class T>
MetadataValue First(std::vector<T>& values) {
  return MetadataValue(T(std::move(values.front())));
}
template <class T>
MetadataValue First(T& scalar) {
  return MetadataValue(std::move(scalar));
}

Status Inspector::ReadKey(uint64_t index) {
  const uint64_t at = in_.position();
  INGLE_TRY(std::string key, ReadString(limits_.key_bytes, "Key number " + Number(index)));
  if (key.empty() || !IsPlainName(key)) {
    return BadModelFile("Key number " + Number(index) + " at byte " + Number(at) + " is named '" +
                        Printable(key) +
                        "'; a name is not empty, valid UTF-8 and without control characters.");
  }
  INGLE_TRY(const uint32_t kind, in_.Read<uint32_t>("the type of key '" + key + "'"));
  if (kind >= static_cast<uint32_t>(Kind::kCount)) {
    return BadModelFile("Key '" + key + "' at byte " + Number(at) + " has value type " +
                            Number(kind) + ", which does not exist; the file is damaged.",
                        key);
  }
  INGLE_RETURN_IF_ERROR(Spend(kValueBytes + key.size(), key));
  value_label_ = "The value of key '" + Printable(key) + "'";
  const bool scalar = static_cast<Kind>(kind) != Kind::kArray;
  INGLE_TRY(MetadataValue value,
            scalar ? ReadElements(static_cast<Kind>(kind), 1, key) : ReadArray(key));
  if (scalar) value = std::visit([](auto& held) { return First(held); }, value);
  // An ordered map: no choice of names makes it slow, as names that collide do to a hash.
  const auto [where, added] = header_.metadata.values.try_emplace(std::move(key), std::move(value));
  if (added) return {};
  return BadModelFile("Key '" + where->first + "' appears twice, again at byte " + Number(at) + ".",
                      where->first);
}

template <class Stored, class Kept>
Result<MetadataValue> Inspector::ReadNumbers(uint64_t count, const std::string& key) {
  INGLE_RETURN_IF_ERROR(Spend(count * sizeof(Kept), key));
  std::vector<Kept> values(count);
  Stored chunk[1024];
  for (uint64_t done = 0; done < count;) {
    const uint64_t part = std::min<uint64_t>(count - done, std::size(chunk));
    INGLE_RETURN_IF_ERROR(in_.Copy(chunk, part * sizeof(Stored), value_label_));
    for (uint64_t i = 0; i < part; ++i) values[done + i] = static_cast<Kept>(chunk[i]);
    done += part;
  }
  return MetadataValue(std::move(values));
}

Result<std::vector<bool>> Inspector::ReadBools(uint64_t count, const std::string& key) {
  INGLE_RETURN_IF_ERROR(Spend(count / 8, key));
  std::vector<bool> values(count);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t at = in_.position();
    INGLE_TRY(const uint8_t value, in_.Read<uint8_t>(value_label_));
    if (value > 1) {
      return BadModelFile("Key '" + key + "' holds a truth value of " + Number(value) +
                              " at byte " + Number(at) + "; only 0 and 1 are allowed.",
                          key);
    }
    values[i] = value != 0;
  }
  return values;
}

Result<MetadataValue> Inspector::ReadStrings(uint64_t count, const std::string& key) {
  INGLE_RETURN_IF_ERROR(Spend(count * sizeof(std::string), key));
  std::vector<std::string> texts;
  texts.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    INGLE_TRY(std::string text, ReadText(key));
    texts.push_back(std::move(text));
  }
  return MetadataValue(std::move(texts));
}

Result<MetadataValue> Inspector::ReadElements(Kind kind, uint64_t count, const std::string& key) {
  switch (kind) {
    case Kind::kU8: return ReadNumbers<uint8_t, uint64_t>(count, key);
    case Kind::kI8: return ReadNumbers<int8_t, int64_t>(count, key);
    case Kind::kU16: return ReadNumbers<uint16_t, uint64_t>(count, key);
    case Kind::kI16: return ReadNumbers<int16_t, int64_t>(count, key);
    case Kind::kU32: return ReadNumbers<uint32_t, uint64_t>(count, key);
    case Kind::kI32: return ReadNumbers<int32_t, int64_t>(count, key);
    case Kind::kF32: return ReadNumbers<float, double>(count, key);
    case Kind::kU64: return ReadNumbers<uint64_t, uint64_t>(count, key);
    case Kind::kI64: return ReadNumbers<int64_t, int64_t>(count, key);
    case Kind::kF64: return ReadNumbers<double, double>(count, key);
    case Kind::kBool: {
      INGLE_TRY(std::vector<bool> values, ReadBools(count, key));
      return MetadataValue(std::move(values));
    }
    default: return ReadStrings(count, key);
  }
}

Result<MetadataValue> Inspector::ReadArray(const std::string& key) {
  const uint64_t at = in_.position();
  INGLE_TRY(const uint32_t number, in_.Read<uint32_t>("the element type of key '" + key + "'"));
  INGLE_TRY(const uint64_t count, in_.Read<uint64_t>("the length of key '" + key + "'"));
  if (number == static_cast<uint32_t>(Kind::kArray)) {
    return BadModelFile(
        "Key '" + key + "' at byte " + Number(at) + " is an array of arrays; no model needs one.",
        key);
  }
  if (number >= static_cast<uint32_t>(Kind::kCount)) {
    return BadModelFile("Key '" + key + "' at byte " + Number(at) + " is an array of type " +
                            Number(number) + ", which does not exist.",
                        key);
  }
  // In this order, so that count * bytes cannot wrap.
  if (count > limits_.array_elements || count * kKindBytes[number] > in_.remaining()) {
    return BadModelFile("Key '" + key + "' at byte " + Number(at) + " announces an array of " +
                            Number(count) + " elements; the limit is " +
                            Number(limits_.array_elements) + " and " + Number(in_.remaining()) +
                            " bytes are left.",
                        key);
  }
  return ReadElements(static_cast<Kind>(number), count, key);
}

Status Inspector::ReadAlignment() {
  const std::string key = "general.alignment";
  const MetadataValue* value = header_.metadata.Find(key);
  if (value == nullptr) return {};
  const auto* alignment = std::get_if<uint64_t>(value);
  if (alignment == nullptr)
    return BadModelFile("Key 'general.alignment' is not an unsigned number.", key);
  if (!std::has_single_bit(*alignment) || *alignment < limits_.alignment_min ||
      *alignment > limits_.alignment_max) {
    return BadModelFile("Key 'general.alignment' is " + Number(*alignment) +
                            "; it must be a power of two from " + Number(limits_.alignment_min) +
                            " to " + Number(limits_.alignment_max) + ".",
                        key);
  }
  header_.alignment = *alignment;
  return {};
}

Status Inspector::ReadExtents(GgufTensor& tensor) {
  const std::string what = "Tensor '" + tensor.name + "'";
  const uint64_t at = in_.position();
  INGLE_TRY(tensor.dimension_count,
            in_.Read<uint32_t>("the number of dimensions of " + tensor.name));
  if (tensor.dimension_count < 1 || tensor.dimension_count > tensor.dims.size()) {
    return BadModelFile(what + " at byte " + Number(at) + " has " + Number(tensor.dimension_count) +
                        " dimensions; 1 to 4 are allowed.");
  }
  for (uint32_t i = 0; i < tensor.dimension_count; ++i) {
    INGLE_TRY(tensor.dims[i], in_.Read<uint64_t>("a dimension of " + tensor.name));
    if (tensor.dims[i] == 0) {
      return BadModelFile(what + " has size 0 in dimension " + Number(i) + " at byte " +
                          Number(in_.position() - 8) + "; a tensor without elements has no use.");
    }
  }
  return {};
}

Status Inspector::ReadTensor(uint64_t index) {
  const uint64_t at = in_.position();
  GgufTensor tensor;
  INGLE_TRY(tensor.name,
            ReadString(limits_.name_bytes, "The name of tensor number " + Number(index)));
  if (tensor.name.empty() || !IsPlainName(tensor.name)) {
    return BadModelFile("Tensor number " + Number(index) + " at byte " + Number(at) +
                        " is named '" + Printable(tensor.name) +
                        "'; a name is not empty, valid UTF-8 and without control characters.");
  }
  INGLE_RETURN_IF_ERROR(ReadExtents(tensor));
  const uint64_t type_at = in_.position();
  INGLE_TRY(const uint32_t number, in_.Read<uint32_t>("the type of " + tensor.name));
  const auto type = FindDType(number);
  if (!type) {
    return BadModelFile(
        "Tensor '" + tensor.name + "' at byte " + Number(type_at) + " has type number " +
        Number(number) +
        ", which this build does not know: the file is damaged, or made for newer software.");
  }
  tensor.type = type->type;
  INGLE_TRY(tensor.offset, in_.Read<uint64_t>("the offset of " + tensor.name));
  if (tensor.offset % header_.alignment != 0) {
    return BadModelFile("Tensor '" + tensor.name + "' at byte " + Number(at) +
                        " begins at offset " + Number(tensor.offset) +
                        ", which is no multiple of the alignment " + Number(header_.alignment) +
                        ".");
  }
  if (const std::string fault = SizeStoredTensor(tensor); !fault.empty())
    return BadModelFile("Tensor '" + tensor.name + "' " + fault);
  header_.tensors.push_back(std::move(tensor));
  return {};
}

}  // namespace

Result<GgufHeader> InspectGguf(std::span<const std::byte> bytes, const GgufLimits& limits) {
  return Inspector(GgufCursor(bytes), limits).Run();
}

std::span<const std::byte> GgufFile::TensorBytes(const GgufTensor& tensor) const {
  return map_.bytes().subspan(tensor.offset, tensor.bytes);
}

Result<GgufFile> OpenGguf(const std::string& path, const GgufLimits& limits) {
  INGLE_TRY(const RegularFile file, RegularFile::Open(path));
  auto header = Inspector(GgufCursor(file), limits).Run();
  if (!header) {
    Error error = std::move(header).error();
    error.message = path + ": " + error.message;
    return std::unexpected(std::move(error));
  }
  GgufFile opened;
  opened.path_ = path;
  opened.header_ = std::move(*header);
  INGLE_TRY(opened.map_, MappedFile::Map(file));
  return opened;
}

}  // namespace ingle
