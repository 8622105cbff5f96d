#pragma once
// Text that remembers which of its bytes the template wrote (trusted) and which came from the
// caller.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ingle::jinja {

class TaintedString {
 public:
  TaintedString() = default;
  TaintedString(std::string text, bool trusted) : bytes_(std::move(text)), first_(trusted) {}

  const std::string& bytes() const { return bytes_; }
  std::string_view view() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  bool TrustedAt(size_t offset) const;
  bool uniform() const { return flips_.empty(); }
  bool first_trusted() const { return first_; }
  // Offsets, ascending, at which trust changes.
  const std::vector<uint32_t>& flips() const { return flips_; }

 private:
  friend class StringBuilder;
  std::string bytes_;
  std::vector<uint32_t> flips_;
  bool first_ = true;
};

// Concatenation that keeps the trust of every byte. Texts stay below 4 GiB by the interpreter's
// limits.
class StringBuilder {
 public:
  void Append(std::string_view text, bool trusted);
  void Append(const TaintedString& text) { Append(text, 0, text.size()); }
  void Append(const TaintedString& text, size_t offset, size_t count);
  void Reserve(size_t bytes) { out_.bytes_.reserve(bytes); }
  size_t size() const { return out_.size(); }
  const TaintedString& text() const { return out_; }
  TaintedString Take();

 private:
  TaintedString out_;
  bool last_ = true;  // Trust of the last byte.
};

inline TaintedString Slice(const TaintedString& text, size_t offset, size_t count) {
  StringBuilder builder;
  builder.Append(text, offset, count);
  return builder.Take();
}

}  // namespace ingle::jinja
