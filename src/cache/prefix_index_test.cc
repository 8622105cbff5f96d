#include "cache/prefix_index.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>

namespace ingle {
namespace {

constexpr uint32_t kPage = 4;

std::vector<int32_t> Tokens(int32_t first, size_t count) {
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < count; ++i) tokens.push_back(first + static_cast<int32_t>(i));
  return tokens;
}

// A sequence as a decoder keeps it: takes what is known, computes the rest, files full pages.
struct Writer {
  PagePool* pool;
  PrefixIndex* index;
  std::vector<uint32_t> pages = {};
  PrefixIndex::Node last = PrefixIndex::kRoot;

  // Returns how many pages were known; nullopt: no room.
  std::optional<size_t> Write(std::string_view scope, std::span<const int32_t> tokens) {
    last = index->Find(scope, tokens, &pages);
    const size_t known = pages.size(), all = tokens.size() / kPage;
    index->MakeRoom(static_cast<uint32_t>(all - known));
    if (!pool->Take(static_cast<uint32_t>(all - known), pages)) return std::nullopt;
    for (size_t i = known; i < all; ++i)
      last = index->Add(last, scope, tokens.subspan(i * kPage, kPage), &pages[i]);
    return known;
  }
  void End() {
    index->Touch(last);
    pool->Return(pages, 0);
  }
};

TEST(PrefixIndex, KnowsWhatWasWrittenAsFarAsItIsTheSame) {
  PagePool pool(16);
  PrefixIndex index(&pool, kPage);
  Writer first{&pool, &index}, second{&pool, &index}, third{&pool, &index};
  const auto tokens = Tokens(0, 14);  // Three full pages and two tokens.
  EXPECT_EQ(first.Write("", tokens), 0u);
  EXPECT_EQ(first.pages.size(), 3u);
  auto other = tokens;
  other[9] = 99;
  EXPECT_EQ(second.Write("", other), 2u);
  EXPECT_EQ(second.pages[1], first.pages[1]) << "shared while the first runs";
  EXPECT_NE(second.pages[2], first.pages[2]);
  first.End();
  second.End();
  EXPECT_EQ(pool.free_pages(), 16u);
  EXPECT_EQ(pool.unused_pages(), 12u);
  EXPECT_EQ(third.Write("", Tokens(1, 14)), 0u) << "the same tokens elsewhere are something else";
}

TEST(PrefixIndex, ScopesNeverMeet) {
  PagePool pool(16);
  PrefixIndex index(&pool, kPage);
  Writer a{&pool, &index}, b{&pool, &index}, again{&pool, &index};
  const auto tokens = Tokens(0, 8);
  EXPECT_EQ(a.Write("a", tokens), 0u);
  EXPECT_EQ(b.Write("b", tokens), 0u);
  EXPECT_EQ(again.Write("a", tokens), 2u);
}

TEST(PrefixIndex, TokensAreComparedNotHashes) {
  PagePool pool(64);
  PrefixIndex index(&pool, kPage, [](auto, auto, auto) { return uint64_t{7}; });
  for (int32_t text = 0; text < 8; ++text)
    EXPECT_EQ((Writer{&pool, &index}.Write(text % 2 ? "x" : "", Tokens(100 * text, 8))), 0u);
  for (int32_t text = 0; text < 8; ++text) {
    EXPECT_EQ((Writer{&pool, &index}.Write(text % 2 ? "x" : "", Tokens(100 * text, 8))), 2u);
    EXPECT_EQ((Writer{&pool, &index}.Write(text % 2 ? "" : "x", Tokens(100 * text, 8))), 0u);
  }
}

TEST(PrefixIndex, OfTwoThatComputedTheSameOnePageStays) {
  PagePool pool(8);
  PrefixIndex index(&pool, kPage);
  const auto tokens = Tokens(0, 4);
  std::vector<uint32_t> a, b;
  ASSERT_TRUE(pool.Take(1, a) && pool.Take(1, b));
  EXPECT_NE(a, b);
  const auto node = index.Add(PrefixIndex::kRoot, "", tokens, &a[0]);
  EXPECT_EQ(index.Add(PrefixIndex::kRoot, "", tokens, &b[0]), node);
  EXPECT_EQ(a, b);
  EXPECT_EQ(pool.free_pages(), 7u);
}

TEST(PrefixIndex, ForgetsWhatWasUnusedForLongestAndEndsFirst) {
  PagePool pool(6);
  PrefixIndex index(&pool, kPage);
  Writer old{&pool, &index}, recent{&pool, &index}, used{&pool, &index};
  ASSERT_TRUE(old.Write("", Tokens(0, 12)));
  ASSERT_TRUE(recent.Write("", Tokens(100, 12)));
  recent.End();
  old.End();
  EXPECT_EQ(used.Write("", Tokens(0, 4)), 1u);  // The first page of the older one.
  index.MakeRoom(2);
  EXPECT_EQ(pool.unused_pages(), 2u);
  EXPECT_EQ((Writer{&pool, &index}.Write("", Tokens(100, 4))), 1u) << "its end went, not its begin";
  index.MakeRoom(6);
  EXPECT_EQ(index.size(), 2u) << "those in use stay";
  EXPECT_EQ(pool.unused_pages(), 4u);
}

// Against a plain model: after any history, what is known is a prefix that was written, every page
// in use is held by its users only, and everything can be forgotten when all have ended.
TEST(PrefixIndex, RandomHistories) {
  constexpr uint32_t kPages = 24;
  std::mt19937 random(1);
  PagePool pool(kPages);
  PrefixIndex index(&pool, kPage);
  std::map<uint32_t, std::vector<int32_t>> content;  // Of pages: all tokens up to their end.
  std::vector<Writer> writers;
  for (int step = 0; step < 20000; ++step) {
    if (random() % 2 == 0 || writers.empty()) {
      std::vector<int32_t> tokens(random() % 30);
      for (int32_t& token : tokens) token = static_cast<int32_t>(random() % 2);
      Writer writer{&pool, &index};
      const auto known = writer.Write("", tokens);
      if (known) {
        for (size_t i = 0; i < writer.pages.size(); ++i) {
          const std::vector<int32_t> so_far(tokens.begin(),
                                            tokens.begin() + static_cast<long>((i + 1) * kPage));
          if (i < *known) {
            ASSERT_EQ(content[writer.pages[i]], so_far);
          }
          content[writer.pages[i]] = so_far;
        }
        writers.push_back(std::move(writer));
      } else {
        writer.End();
      }
    } else {
      std::swap(writers[random() % writers.size()], writers.back());
      writers.back().End();
      writers.pop_back();
    }
    std::set<uint32_t> held;
    for (const Writer& writer : writers) held.insert(writer.pages.begin(), writer.pages.end());
    ASSERT_EQ(held.size() + pool.free_pages(), kPages);
  }
  for (Writer& writer : writers) writer.End();
  index.MakeRoom(kPages);
  EXPECT_EQ(pool.unused_pages(), kPages);
  EXPECT_EQ(index.size(), 0u);
}

}  // namespace
}  // namespace ingle
