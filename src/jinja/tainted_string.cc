#include "jinja/tainted_string.h"

#include <algorithm>

namespace ingle::jinja {

bool TaintedString::TrustedAt(size_t offset) const {
  auto passed = std::upper_bound(flips_.begin(), flips_.end(), offset) - flips_.begin();
  return (passed % 2 == 0) == first_;
}

void StringBuilder::Append(std::string_view text, bool trusted) {
  if (text.empty()) return;
  if (out_.bytes_.empty()) {
    out_.first_ = trusted;
  } else if (trusted != last_) {
    out_.flips_.push_back(static_cast<uint32_t>(out_.bytes_.size()));
  }
  last_ = trusted;
  out_.bytes_.append(text);
}

void StringBuilder::Append(const TaintedString& text, size_t offset, size_t count) {
  std::string_view bytes = text.view().substr(offset, count);
  if (bytes.empty()) return;
  if (text.uniform()) return Append(bytes, text.first_trusted());
  size_t end = offset + bytes.size();
  const auto& flips = text.flips();
  auto flip = std::upper_bound(flips.begin(), flips.end(), offset);
  bool trusted = text.TrustedAt(offset);
  for (size_t at = offset; at < end; trusted = !trusted) {
    size_t next = flip == flips.end() ? end : std::min<size_t>(end, *flip++);
    Append(text.view().substr(at, next - at), trusted);
    at = next;
  }
}

TaintedString StringBuilder::Take() {
  TaintedString result = std::move(out_);
  out_ = {};
  last_ = true;
  return result;
}

}  // namespace ingle::jinja
