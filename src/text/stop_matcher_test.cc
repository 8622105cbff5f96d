#include "text/stop_matcher.h"

#include <gtest/gtest.h>

#include <random>

namespace ingle {
namespace {

TEST(StopMatcher, HoldsBackOnlyWhatCouldBecomeAStop) {
  StopMatcher matcher({"</s>", "\nUser:"});
  EXPECT_EQ(matcher.Push("Hello <").text, "Hello ");
  EXPECT_EQ(matcher.Push("b> \nUs").text, "<b> ");
  const StopMatcher::Output output = matcher.Push("er: more");
  EXPECT_EQ(output.text, "");
  EXPECT_EQ(output.matched, 1u);
  EXPECT_EQ(matcher.Push("x").text, "");
  EXPECT_EQ(matcher.Push("x").matched, 1u);
  EXPECT_EQ(matcher.Finish(), "");
}

TEST(StopMatcher, ReleasesTheRestAtTheEnd) {
  StopMatcher matcher({"abc"});
  EXPECT_EQ(matcher.Push("xab").text, "x");
  EXPECT_EQ(matcher.Finish(), "ab");
}

TEST(StopMatcher, RepetitiveStops) {
  StopMatcher matcher({"aab"});
  EXPECT_EQ(matcher.Push("aaa").text, "a");
  const auto output = matcher.Push("b");
  EXPECT_EQ(output.text, "");
  EXPECT_EQ(output.matched, 0u);
}

TEST(StopMatcher, OfSeveralAtOnceTheLongest) {
  StopMatcher matcher({"c", "abc", "bc"});
  const auto output = matcher.Push("xabcz");
  EXPECT_EQ(output.text, "x");
  EXPECT_EQ(output.matched, 1u);
}

TEST(StopMatcher, EmptyStopsNeverMatch) {
  StopMatcher matcher({""});
  EXPECT_EQ(matcher.Push("abc").text, "abc");
  EXPECT_EQ(StopMatcher({}).Push("abc").text, "abc");
}

// The outcome does not depend on how the text is cut, and what is shown first is never taken back.
TEST(StopMatcher, CuttingChangesNothing) {
  std::mt19937 random(3);
  const auto text_of = [&](size_t length) {
    std::string text(length, 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % 2);
    return text;
  };
  for (int round = 0; round < 5000; ++round) {
    std::vector<std::string> stops;
    for (unsigned i = random() % 4; i > 0; --i) stops.push_back(text_of(random() % 6));
    const std::string text = text_of(random() % 40);

    StopMatcher whole(stops);
    StopMatcher::Output expected = whole.Push(text);
    if (!expected.matched) expected.text += whole.Finish();

    StopMatcher pieces(stops);
    std::string shown;
    std::optional<size_t> matched;
    for (size_t position = 0; position < text.size();) {
      const size_t length = 1 + random() % 5;
      const auto output = pieces.Push(std::string_view(text).substr(position, length));
      shown += output.text;
      matched = output.matched;
      position += length;
    }
    shown += pieces.Finish();
    ASSERT_EQ(shown, expected.text);
    ASSERT_EQ(matched, expected.matched);
    for (const std::string& stop : stops) {
      ASSERT_TRUE(stop.empty() || shown.find(stop) == std::string::npos);
    }
    ASSERT_TRUE(matched || shown == text);
  }
}

}  // namespace
}  // namespace ingle
