#include "text/code_point_set.h"

#include <algorithm>
#include <cstddef>

#include "text/unicode_properties.h"

namespace ingle {
namespace {

constexpr uint32_t kLastCodePoint = 0x10FFFF;

}  // namespace

void CodePointSet::Add(uint32_t first, uint32_t last) {
  ranges_.emplace_back(first, last);
  Tidy();
}

void CodePointSet::Add(const CodePointSet& other) {
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
  Tidy();
}

void CodePointSet::Tidy() {
  std::sort(ranges_.begin(), ranges_.end());
  size_t kept = 0;
  for (size_t i = 1; i < ranges_.size(); ++i) {
    if (ranges_[i].first <= ranges_[kept].second + 1) {
      ranges_[kept].second = std::max(ranges_[kept].second, ranges_[i].second);
    } else {
      ranges_[++kept] = ranges_[i];
    }
  }
  if (!ranges_.empty()) ranges_.resize(kept + 1);
}

template <class Wanted>
void CodePointSet::AddWhere(Wanted wanted) {
  const auto rows = PropertyRanges();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!wanted(rows[i].properties)) continue;
    ranges_.emplace_back(rows[i].first,
                         i + 1 < rows.size() ? rows[i + 1].first - 1 : kLastCodePoint);
  }
  Tidy();
}

void CodePointSet::AddProperty(uint32_t mask) {
  AddWhere([&](uint32_t properties) { return (properties & mask) != 0; });
}

void CodePointSet::AddCategories(uint32_t category_mask) {
  AddWhere([&](uint32_t properties) { return (category_mask >> (properties & 31) & 1) != 0; });
}

void CodePointSet::AddScript(uint32_t script) {
  AddWhere([&](uint32_t properties) { return (properties >> 5 & 31) == script; });
}

void CodePointSet::Complement() {
  std::vector<std::pair<uint32_t, uint32_t>> out;
  uint32_t next = 0;
  for (const auto& [first, last] : ranges_) {
    if (first > next) out.emplace_back(next, first - 1);
    next = last + 1;
  }
  if (next <= kLastCodePoint) out.emplace_back(next, kLastCodePoint);
  ranges_ = std::move(out);
}

void CodePointSet::Intersect(const CodePointSet& other) {
  CodePointSet outside = other;
  outside.Complement();
  Complement();
  Add(outside);
  Complement();
}

void CodePointSet::AddOtherCases() {
  const auto has = [&](uint32_t c) {
    const auto range = std::partition_point(ranges_.begin(), ranges_.end(),
                                            [&](const auto& r) { return r.second < c; });
    return range != ranges_.end() && range->first <= c;
  };
  std::vector<std::pair<uint32_t, uint32_t>> more;
  const auto pair = [&](uint32_t upper, uint32_t lower) {
    if (has(upper)) more.emplace_back(lower, lower);
    if (has(lower)) more.emplace_back(upper, upper);
  };
  for (const LowercaseRow& row : LowercaseRows()) {
    for (uint32_t c = row.first; c <= row.last; c += row.step)
      pair(c, static_cast<uint32_t>(static_cast<int32_t>(c) + row.delta));
  }
  // Letters with a third form: long s, final sigma and the like (Unicode's simple case folding).
  constexpr std::pair<uint32_t, uint32_t> kFoldings[] = {
      {0x17F, 's'},   {0xB5, 0x3BC},    {0x345, 0x3B9}, {0x3C2, 0x3C3}, {0x3D0, 0x3B2},
      {0x3D1, 0x3B8}, {0x3D5, 0x3C6},   {0x3D6, 0x3C0}, {0x3F0, 0x3BA}, {0x3F1, 0x3C1},
      {0x3F5, 0x3B5}, {0x1E9B, 0x1E61}, {0x1FBE, 0x3B9}};
  for (int pass = 0; pass < 2; ++pass) {  // The second takes the first's findings to other forms.
    for (const auto& [form, folded] : kFoldings) {
      pair(form, folded);
      if (folded == 's') pair(form, 'S');
    }
    ranges_.insert(ranges_.end(), more.begin(), more.end());
    more.clear();
    Tidy();
  }
}

void CodePointSet::Freeze() {
  block_of_.assign(0x1100, 0);
  blocks_.clear();
  blocks_.push_back({});
  blocks_.push_back({~0ull, ~0ull, ~0ull, ~0ull});
  for (const auto& [first, last] : ranges_) {
    for (uint32_t c = first; c <= last;) {
      const uint32_t block = c >> 8;
      if ((c & 0xFF) == 0 && last - c >= 0xFF) {
        block_of_[block] = 1;
        c += 0x100;
        continue;
      }
      if (block_of_[block] == 0) {
        block_of_[block] = static_cast<uint16_t>(blocks_.size());
        blocks_.push_back({});
      }
      blocks_[block_of_[block]][c >> 6 & 3] |= uint64_t{1} << (c & 63);
      ++c;
    }
  }
  ascii_ = {blocks_[block_of_[0]][0], blocks_[block_of_[0]][1]};
}

}  // namespace ingle
