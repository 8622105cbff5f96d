#include "text/normal_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <vector>

#include "text/unicode.h"
#include "text/unicode_properties.h"

namespace ingle {
namespace {

uint32_t SafeBit(NormalForm form) {
  switch (form) {
    case NormalForm::kNfc: return kSafeNfc;
    case NormalForm::kNfd: return kSafeNfd;
    case NormalForm::kNfkc: return kSafeNfkc;
    case NormalForm::kNfkd: return kSafeNfkd;
  }
  return 0;
}

bool IsSafe(const CodePoint& c, uint32_t bit) {
  return c.value < 0xA0 || (CharProperties(c.value) & bit) != 0;
}

int CombiningClass(int32_t c) { return utf8proc_get_property(c)->combining_class; }

// utf8proc does the single characters and the composition; its own way of sorting marks takes
// quadratic time.
class Normaliser {
 public:
  explicit Normaliser(NormalForm form)
      : compose_(form == NormalForm::kNfc || form == NormalForm::kNfkc),
        compatible_(form == NormalForm::kNfkc || form == NormalForm::kNfkd) {}

  void Append(std::string_view text, std::string& out) {
    points_.clear();
    for (size_t position = 0; position < text.size();) {
      const CodePoint c = DecodeAt(text, position);
      position += c.length;
      Decompose(static_cast<int32_t>(c.value));
    }
    Sort();
    size_t count = points_.size();
    if (compose_) {
      // STABLE leaves what only older versions compose alone.
      const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
      const auto composed = utf8proc_normalize_utf32(
          points_.data(), static_cast<utf8proc_ssize_t>(points_.size()), options);
      if (composed >= 0) count = static_cast<size_t>(composed);
    }
    for (size_t i = 0; i < count; ++i) AppendUtf8(static_cast<uint32_t>(points_[i]), out);
  }

 private:
  // What the original's older tables leave alone stays, whatever utf8proc says.
  void Decompose(int32_t c) {
    const uint32_t alone = compatible_ ? kSafeNfkd : kSafeNfd;
    if ((CharProperties(static_cast<uint32_t>(c)) & alone) != 0) return points_.push_back(c);
    constexpr int kMost = 32;  // U+FDFA has 18.
    int32_t parts[kMost];
    int boundary = 0;
    const int options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compatible_ ? UTF8PROC_COMPAT : 0);
    const auto count = utf8proc_decompose_char(c, parts, kMost,
                                               static_cast<utf8proc_option_t>(options), &boundary);
    if (count <= 0 || count > kMost) {
      points_.push_back(c);
    } else {
      points_.insert(points_.end(), parts, parts + count);
    }
  }
  // Runs of marks by their class; those of one class stay in order.
  void Sort() {
    for (auto run = points_.begin(); run != points_.end();) {
      if (CombiningClass(*run) == 0) {
        ++run;
        continue;
      }
      keys_.clear();
      auto end = run;
      for (; end != points_.end() && CombiningClass(*end) != 0; ++end)
        keys_.push_back({CombiningClass(*end), end - run, *end});
      std::sort(keys_.begin(), keys_.end());
      for (const auto& [mark_class, place, mark] : keys_) *run++ = mark;
    }
  }

  bool compose_, compatible_;
  std::vector<int32_t> points_;
  std::vector<std::tuple<int, ptrdiff_t, int32_t>> keys_;  // Class, place, mark.
};

}  // namespace

bool ToNormalForm(NormalForm form, std::string_view text, std::string& out) {
  const uint32_t bit = SafeBit(form);
  Normaliser normaliser(form);
  bool changed = false;
  size_t copied = 0;     // Text before it is in `out`, once something changed.
  size_t last_safe = 0;  // Where the safe character before `position` begins.
  for (size_t position = 0; position < text.size();) {
    const CodePoint c = DecodeAt(text, position);
    if (IsSafe(c, bit)) {
      last_safe = position;
      position += c.length;
      continue;
    }
    // A run of unsafe characters, with the safe one before that they may join.
    size_t begin = position;
    if (last_safe < position && last_safe >= copied) {
      const CodePoint before = DecodeAt(text, last_safe);
      if (CombiningClass(static_cast<int32_t>(before.value)) == 0) begin = last_safe;
    }
    while (position < text.size()) {
      const CodePoint next = DecodeAt(text, position);
      if (IsSafe(next, bit)) break;
      position += next.length;
    }
    if (!changed) out.clear();
    changed = true;
    out.append(text.substr(copied, begin - copied));
    normaliser.Append(text.substr(begin, position - begin), out);
    copied = last_safe = position;
  }
  if (changed) out.append(text.substr(copied));
  return changed;
}

}  // namespace ingle
