#include "files/gguf_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "files/gguf.h"
#include "files/gguf_cursor.h"
#include "os/mapped_file.h"

namespace ingle {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

enum Kind : uint32_t { kI8 = 1, kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kString = 8, kArray = 9 };
// Of each of GGUF's value types; 0: a string or an array.
constexpr uint32_t kKindBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

template <class T>
std::string Le(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

std::string Text(std::string_view text) { return Le<uint64_t>(text.size()).append(text); }

template <class T>
std::string ArrayOf(Kind kind, std::span<const T> values) {
  std::string bytes = Le<uint32_t>(kind) + Le<uint64_t>(values.size());
  return bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

// Appends `count` bytes of the file to `out`. They were looked at before, so counts are sane.
Status Take(GgufCursor& in, uint64_t count, std::string& out) {
  if (count > in.remaining()) return BadModelFile("The file has changed while it was read.");
  const size_t before = out.size();
  out.resize(before + count);
  return in.Copy(out.data() + before, count, "a value");
}

Status TakeText(GgufCursor& in, std::string& out) {
  uint64_t length = 0;
  INGLE_RETURN_IF_ERROR(Take(in, sizeof(length), out));
  std::memcpy(&length, out.data() + out.size() - sizeof(length), sizeof(length));
  return Take(in, length, out);
}

Status TakeValue(GgufCursor& in, uint32_t kind, std::string& out) {
  if (kind == kString) return TakeText(in, out);
  if (kind != kArray) {
    if (kind >= std::size(kKindBytes)) return BadModelFile("The file has changed.");
    return Take(in, kKindBytes[kind], out);
  }
  uint32_t element = 0;
  uint64_t count = 0;
  INGLE_RETURN_IF_ERROR(Take(in, sizeof(element) + sizeof(count), out));
  std::memcpy(&element, out.data() + out.size() - 12, sizeof(element));
  std::memcpy(&count, out.data() + out.size() - 8, sizeof(count));
  if (element == kString) {
    for (uint64_t i = 0; i < count; ++i) INGLE_RETURN_IF_ERROR(TakeText(in, out));
    return {};
  }
  if (element >= std::size(kKindBytes) || count > in.remaining())
    return BadModelFile("The file has changed.");
  return Take(in, count * kKindBytes[element], out);
}

uint64_t Aligned(uint64_t offset) { return (offset + kGgufAlignment - 1) & ~(kGgufAlignment - 1); }

}  // namespace

void GgufKeys::Set(std::string_view key, uint32_t kind, std::string payload) {
  std::string value = Le(kind) + std::move(payload);
  const auto at = std::ranges::find(entries_, key, &std::pair<std::string, std::string>::first);
  if (at == entries_.end())
    entries_.emplace_back(std::string(key), std::move(value));
  else
    at->second = std::move(value);
}

void GgufKeys::U32(std::string_view key, uint32_t value) { Set(key, kU32, Le(value)); }
void GgufKeys::I32(std::string_view key, int32_t value) { Set(key, kI32, Le(value)); }
void GgufKeys::F32(std::string_view key, float value) { Set(key, kF32, Le(value)); }
void GgufKeys::Bool(std::string_view key, bool value) {
  Set(key, kBool, Le<uint8_t>(value ? 1 : 0));
}
void GgufKeys::String(std::string_view key, std::string_view value) {
  Set(key, kString, Text(value));
}
void GgufKeys::U32s(std::string_view key, std::span<const uint32_t> values) {
  Set(key, kArray, ArrayOf(kU32, values));
}
void GgufKeys::I32s(std::string_view key, std::span<const int32_t> values) {
  Set(key, kArray, ArrayOf(kI32, values));
}
void GgufKeys::F32s(std::string_view key, std::span<const float> values) {
  Set(key, kArray, ArrayOf(kF32, values));
}
void GgufKeys::I8s(std::string_view key, std::string_view bytes) {
  Set(key, kArray, ArrayOf(kI8, std::span(bytes)));
}
void GgufKeys::Strings(std::string_view key, std::span<const std::string> values) {
  std::string payload = Le<uint32_t>(kString) + Le<uint64_t>(values.size());
  for (const std::string& value : values) payload += Text(value);
  Set(key, kArray, std::move(payload));
}

void GgufKeys::Remove(std::string_view key) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.first == key; });
}

bool GgufKeys::Has(std::string_view key) const {
  return std::ranges::find(entries_, key, &std::pair<std::string, std::string>::first) !=
         entries_.end();
}

Status GgufKeys::CopyFrom(const std::string& path) {
  INGLE_TRY(const RegularFile file, RegularFile::Open(path));
  GgufCursor in(file);
  std::string skipped;
  INGLE_RETURN_IF_ERROR(Take(in, 16, skipped));  // Magic, version, number of tensors.
  INGLE_TRY(const uint64_t keys, in.Read<uint64_t>("the number of keys"));
  for (uint64_t i = 0; i < keys; ++i) {
    std::string name, value;
    INGLE_RETURN_IF_ERROR(TakeText(in, name));
    INGLE_TRY(const uint32_t kind, in.Read<uint32_t>("the type of a key"));
    INGLE_RETURN_IF_ERROR(TakeValue(in, kind, value));
    entries_.emplace_back(name.substr(sizeof(uint64_t)), Le(kind) + value);  // None is there twice.
  }
  return {};
}

std::string GgufKeys::Bytes() const {
  std::string bytes;
  for (const auto& [key, value] : entries_) bytes += Text(key) + value;
  return bytes;
}

Result<Metadata> GgufKeys::Read() const {
  const std::string header = LayOutGguf(*this, {}).header;
  INGLE_TRY(GgufHeader read, InspectGguf(std::as_bytes(std::span(header))));
  return std::move(read.metadata);
}

uint64_t GgufTensorEntry::row_bytes() const {
  return dims[0] / Info(type).block_weights * Info(type).block_bytes;
}

uint64_t GgufTensorEntry::bytes() const {
  uint64_t total = row_bytes();
  for (size_t i = 1; i < dims.size(); ++i) total *= dims[i];
  return total;
}

GgufLayout LayOutGguf(const GgufKeys& keys, std::span<const GgufTensorEntry> tensors) {
  GgufLayout layout;
  layout.header = "GGUF" + Le<uint32_t>(3) + Le<uint64_t>(tensors.size()) +
                  Le<uint64_t>(keys.count()) + keys.Bytes();
  uint64_t offset = 0;
  for (const GgufTensorEntry& tensor : tensors) {
    layout.header += Text(tensor.name) + Le(static_cast<uint32_t>(tensor.dims.size()));
    for (const uint64_t extent : tensor.dims) layout.header += Le(extent);
    layout.header += Le(static_cast<uint32_t>(tensor.type)) + Le(offset);
    layout.offsets.push_back(offset);
    offset = Aligned(offset + tensor.bytes());
  }
  layout.header.resize(Aligned(layout.header.size()));
  for (uint64_t& at : layout.offsets) at += layout.header.size();
  layout.file_bytes = layout.header.size() + offset;
  return layout;
}

}  // namespace ingle
