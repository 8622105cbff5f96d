#include "model/blocks/pass.h"

#include <algorithm>
#include <tuple>

namespace ingle {
namespace {

constexpr uint32_t kRowsPerItem =
    48;  // Rows (queries times heads) that share the reading of a split's keys.
constexpr uint32_t kItemsPerThread = 4;  // Fewer than this, and splits are shared out too.

uint32_t SplitsSeen(uint32_t position) { return position / kSplitTokens + 1; }

}  // namespace

uint32_t QueriesPerItem(uint32_t group) { return std::max(1U, kRowsPerItem / group); }

void Pass::Clear() {
  tokens = 0;
  ids.clear();
  slices.clear();
  slice_of.clear();
  for (AttentionPlan& plan : plans) plan.items.clear();  // Their memory is used again.
  logit_rows.clear();
}

void Pass::Add(std::span<const int32_t> added, uint32_t position, std::span<const uint32_t> pages,
               bool far) {
  const auto count = static_cast<uint32_t>(added.size());
  slices.push_back({tokens, count, position, pages, far});
  ids.insert(ids.end(), added.begin(), added.end());
  slice_of.resize(ids.size(), static_cast<uint32_t>(slices.size() - 1));
  tokens += count;
}

void Pass::PlanAttention(uint32_t group, uint32_t kv_heads, uint32_t threads, uint32_t window) {
  auto plan = std::ranges::find(plans, window, &AttentionPlan::window);
  if (plan == plans.end()) plan = plans.insert(plan, AttentionPlan{window, {}});
  std::vector<AttentionItem>& items = plan->items;
  items.clear();
  const uint32_t together = QueriesPerItem(group);
  for (uint32_t s = 0; s < slices.size(); ++s) {
    for (uint32_t first = 0, queries = 0; first < slices[s].count; first += queries) {
      const uint32_t position = slices[s].position + first;
      const uint32_t begin = WindowBegin(position, window) / kSplitTokens;
      queries = std::min(together, slices[s].count - first);
      while (WindowBegin(position + queries - 1, window) / kSplitTokens != begin) --queries;
      items.push_back({s, first, queries, begin, SplitsSeen(position + queries - 1), 1,
                       static_cast<uint32_t>(items.size())});
    }
  }
  // The longest first, so that no thread is left with one at the end.
  const auto length = [](const AttentionItem& item) { return item.split_end - item.split_begin; };
  std::sort(items.begin(), items.end(), [&](const AttentionItem& a, const AttentionItem& b) {
    return std::tuple(length(b), a.slice, a.first) < std::tuple(length(a), b.slice, b.first);
  });
  if (items.size() * kv_heads >= kItemsPerThread * threads) return;
  std::vector<AttentionItem> finer;
  for (const AttentionItem& item : items) {
    for (uint32_t q = 0; q < item.queries; ++q) {
      const uint32_t end = SplitsSeen(slices[item.slice].position + item.first + q);
      const auto first_partial = static_cast<uint32_t>(finer.size());
      for (uint32_t split = item.split_begin; split < end; ++split)
        finer.push_back({item.slice, item.first + q, 1, split, split + 1, end - item.split_begin,
                         first_partial});
    }
  }
  items = std::move(finer);
}

const AttentionPlan& Pass::PlanOf(uint32_t window) const {
  return *std::ranges::find(plans, window, &AttentionPlan::window);
}

}  // namespace ingle
