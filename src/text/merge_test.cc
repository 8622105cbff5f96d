#include "text/merge.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <utility>

namespace ingle {
namespace {

using Table = std::map<std::pair<TokenId, TokenId>, Merge>;

Merge Lookup(const Table& table, TokenId left, TokenId right) {
  const auto found = table.find({left, right});
  return found == table.end() ? Merge{} : found->second;
}

// The definition: search the whole word for the best pair, join, repeat.
std::vector<TokenId> MergeSlowly(std::vector<TokenId> ids, const Table& table) {
  while (true) {
    Merge best;
    size_t where = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const Merge merge = Lookup(table, ids[i], ids[i + 1]);
      if (merge.priority < best.priority) best = merge, where = i;
    }
    if (best.priority == Merge::kNever) return ids;
    ids[where] = best.id;
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(where) + 1);
  }
}

std::vector<TokenId> MergeFast(const std::vector<TokenId>& ids, const Table& table,
                               size_t* lookups = nullptr) {
  Merger merger;
  for (size_t i = 0; i < ids.size(); ++i) merger.Add(ids[i], i, 1);
  merger.Run([&](const Symbol& left, const Symbol& right) {
    if (lookups) ++*lookups;
    return Lookup(table, left.id, right.id);
  });
  std::vector<TokenId> out;
  for (const Symbol& symbol : merger.symbols) {
    if (symbol.length != 0) out.push_back(symbol.id);
  }
  return out;
}

TEST(Merge, EqualsTheDefinitionAtEveryLength) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    const int letters = 2 + static_cast<int>(random() % 4);
    Table table;
    TokenId next = letters;
    for (uint32_t rank = 0; rank < 30; ++rank) {
      const auto left = static_cast<TokenId>(random() % static_cast<unsigned>(next));
      const auto right = static_cast<TokenId>(random() % static_cast<unsigned>(next));
      if (table.emplace(std::pair(left, right), Merge{rank, next}).second) ++next;
    }
    std::vector<TokenId> word(random() % 80);
    for (TokenId& id : word) id = static_cast<TokenId>(random() % static_cast<unsigned>(letters));
    ASSERT_EQ(MergeFast(word, table), MergeSlowly(word, table)) << "round " << round;
  }
}

TEST(Merge, LooksUpAtMostThreeTimesPerSymbol) {
  Table table;  // a a -> b, b b -> c, ...
  for (TokenId id = 0; id < 20; ++id) table[{id, id}] = {static_cast<uint32_t>(id), id + 1};
  for (size_t length : {1u << 10, 1u << 14, 1u << 18, (1u << 18) - 1}) {
    size_t lookups = 0;
    const auto merged = MergeFast(std::vector<TokenId>(length, 0), table, &lookups);
    EXPECT_LE(lookups, 3 * length);
    EXPECT_LE(merged.size(), 18u);
  }
}

}  // namespace
}  // namespace ingle
