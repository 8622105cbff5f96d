#include "gateway/journal.h"

#include <gtest/gtest.h>

namespace ingle {
namespace {

JournalEntry Entry(const std::string& id) {
  JournalEntry entry;
  entry.request.id = id;
  return entry;
}

TEST(Journal, KeepsTokensInOrder) {
  Journal journal;
  ASSERT_TRUE(journal.Add(Entry("a")));
  EXPECT_FALSE(journal.Add(Entry("a")));
  JournalEntry* entry = journal.Find("a");
  journal.AppendTokens(*entry, {{5, "", 0, {}}, {6, "", 0, {}}});
  journal.AppendTokens(*entry, {{7, "", 0, {}}});
  EXPECT_EQ(entry->tokens, (std::vector<int32_t>{5, 6, 7}));
  EXPECT_EQ(entry->tokens_emitted, 3u);
  journal.Remove("a");
  EXPECT_EQ(journal.Find("a"), nullptr);
}

TEST(Journal, BeyondItsRoomARequestIsNotReplayable) {
  Journal journal;
  journal.Add(Entry("big"));
  JournalEntry* entry = journal.Find("big");
  const std::vector<SampledToken> many(1 << 20);
  for (uint64_t i = 0; i < Journal::kMaxTokens >> 20; ++i) journal.AppendTokens(*entry, many);
  EXPECT_TRUE(entry->replayable);
  journal.AppendTokens(*entry, {{1, "", 0, {}}});
  EXPECT_FALSE(entry->replayable);
  EXPECT_TRUE(entry->tokens.empty());
  EXPECT_EQ(entry->tokens_emitted, Journal::kMaxTokens + 1);
}

}  // namespace
}  // namespace ingle
