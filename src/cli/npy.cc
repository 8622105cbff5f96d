#include "cli/npy.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace ingle {

// Format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html. The header is padded so
// that the data begin at a multiple of 64 bytes.
Status WriteNpy(const std::string& path, std::span<const float> values, size_t rows, size_t cols) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(rows) + ", " + std::to_string(cols) + "), }";
  constexpr size_t kPrefix = 10;
  header.append(63 - (kPrefix + header.size()) % 64, ' ');
  header += '\n';
  std::string start("\x93NUMPY\x01\x00", 8);
  start += static_cast<char>(header.size() & 0xff);
  start += static_cast<char>(header.size() >> 8);
  start += header;
  FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr)
    return Fail(ErrorCode::kInvalidRequest, "cannot write " + path + ": " + std::strerror(errno));
  bool written = std::fwrite(start.data(), 1, start.size(), file) == start.size() &&
                 std::fwrite(values.data(), sizeof(float), values.size(), file) == values.size();
  written = std::fclose(file) == 0 && written;
  if (!written)
    return Fail(ErrorCode::kInternal, "cannot write " + path + ": " + std::strerror(errno));
  return {};
}

}  // namespace ingle
