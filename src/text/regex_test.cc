#include "text/regex.h"

#include <gtest/gtest.h>

#include <string>

namespace ingle {
namespace {

// The matches, each between angle brackets.
std::string Find(std::string_view pattern, std::string_view text) {
  const Result<Regex> regex = Regex::Compile(pattern);
  if (!regex) return "ERROR " + regex.error().message;
  std::vector<Regex::Range> matches;
  regex->FindAll(text, matches);
  std::string out;
  for (const auto& [begin, end] : matches)
    out += "<" + std::string(text.substr(begin, end - begin)) + ">";
  return out;
}

TEST(Regex, OperatorsMatchAsInOniguruma) {
  EXPECT_EQ(Find("a|ab", "ab"), "<a>");  // The first alternative, not the longest.
  EXPECT_EQ(Find("ab?", "ab a"), "<ab><a>");
  EXPECT_EQ(Find("a+?", "aaa"), "<a><a><a>");
  EXPECT_EQ(Find("a{2}", "aaaaa"), "<aa><aa>");
  EXPECT_EQ(Find("a{2,}", "aaaaa a"), "<aaaaa>");
  EXPECT_EQ(Find("a{,2}b", "aaab"), "<aab>");
  EXPECT_EQ(Find("(?:ab){1,2}?", "abab"), "<ab><ab>");
  EXPECT_EQ(Find("a{x", "a{x"), "<a{x>");
  EXPECT_EQ(Find("a++a", "aaa"), "");
  EXPECT_EQ(Find("(?>a|ab)c", "abc"), "");
  EXPECT_EQ(Find("(?:ab)++c", "ababc"), "<ababc>");
  EXPECT_EQ(Find("a.b", "a\nb axb"), "<axb>");
  EXPECT_EQ(Find("(?m:a.b)", "a\nb"), "<a\nb>");
  EXPECT_EQ(Find("^b|a$", "a\nb"), "<a><b>");
  EXPECT_EQ(Find("\\Aa|b\\z", "ab\nab"), "<a><b>");
  EXPECT_EQ(Find("b\\Z", "b b\n"), "<b>");
  EXPECT_EQ(Find("\\bA\\b", "A BA A"), "<A><A>");
  EXPECT_EQ(Find("\\Bb", "b ab"), "<b>");
  EXPECT_EQ(Find("\\s+(?!\\S)|\\s+", "a   b "), "<  >< >< >");
  EXPECT_EQ(Find("(?<=a)b|(?<!a)c", "ab ac c"), "<b><c>");
  EXPECT_EQ(Find("(?<=a|bc)d", "ad bcd cd"), "<d><d>");
  EXPECT_EQ(Find("(?=(\\d{3})+(?!\\d))", "1234567"), "<><>");
  EXPECT_EQ(Find("(?x: a b # text\n )", "ab"), "<ab>");
  EXPECT_EQ(Find("a(?#note)b", "ab"), "<ab>");
  EXPECT_EQ(Find("(?<name>a)", "a"), "<a>");
  EXPECT_EQ(Find("(?i)a(?-i)b", "Ab AB"), "<Ab>");
  EXPECT_EQ(Find("x*", "axb"), "<><x><>");
}

TEST(Regex, Classes) {
  EXPECT_EQ(Find("[^\\r\\n\\p{L}]+", "ab12\n--"), "<12><-->");
  EXPECT_EQ(Find("[a-c&&[b-d]]+", "abcd"), "<bc>");
  EXPECT_EQ(Find("[[:alpha:]-]+", "ab-1"), "<ab->");
  EXPECT_EQ(Find("[[:^digit:]]+", "12ab"), "<ab>");
  EXPECT_EQ(Find("[]a]+", "]a["), "<]a>");
  EXPECT_EQ(Find("[\\x{4E00}-\\u9FA5]+", "a中文"), "<中文>");
  EXPECT_EQ(Find("\\p{Han}+|\\P{Han}+", "a中文"), "<a><中文>");
  EXPECT_EQ(Find("\\p{^L}", "a1"), "<1>");
  EXPECT_EQ(Find("[\\p{Lu}\\p{Lt}]", "aBǅ"), "<B><ǅ>");
  EXPECT_EQ(Find("\\h+", "xfA9"), "<fA9>");
  EXPECT_EQ(Find("[\\d-x]+", "1-x"), "<1-x>");
  EXPECT_EQ(Find("(?i:'s|'ll)", "'S 'Ll 'ſ"), "<'S><'Ll><'ſ>");
  EXPECT_EQ(Find("(?i:[^s])", "Sſsa"), "<a>");
  EXPECT_EQ(Find("(?i:Ω)", "ωΩ"), "<ω><Ω>");
  EXPECT_EQ(Find("\\t\\x41\\101?", "\tA"),
            "ERROR the regular expression \"\\t\\x41\\101?\" has an "
            "escape that is not known (\\1) (at byte 8)");
  EXPECT_EQ(Find("\\0", std::string_view("\0", 1)), std::string("<\0>", 3));
}

TEST(Regex, WhatIsNotKnownIsRefusedWithThePlace) {
  for (const char* pattern : {"(a",         "a)",
                              "[a",         "*a",
                              "a{3,2}",     "a{200000}",
                              "(a*)*",      "(a)\\1",
                              "\\p{Nope}",  "\\p",
                              "[[:nope:]]", "(?<=a*)b",
                              "(?~a)",      "\\q",
                              "[b-a]",      "\\x{110000}",
                              "\\xFF",      "(?i:ss)",
                              "(?<a",       "(?#a",
                              "\\",         "(?:(?:ab){1000}){1000}",
                              "^*",         "\\x{41",
                              "(?z)",       "\xFF",
                              "[\xFF]"}) {
    EXPECT_TRUE(Find(pattern, "a").starts_with("ERROR")) << pattern;
  }
  EXPECT_TRUE(Find(std::string(200, '('), "").starts_with("ERROR"));
  EXPECT_TRUE(Find(std::string(20000, 'a'), "").starts_with("ERROR"));
  EXPECT_TRUE(Find("a" + std::string(40, '?'), "").starts_with("ERROR"));
}

// Each takes hours where a failure is tried again; here the test would not end.
TEST(Regex, HostileTextTakesLinearTime) {
  const std::string many(200'000, 'a');
  EXPECT_EQ(Find("(?:a|a)*b", many), "");
  EXPECT_EQ(Find("(?:a+)+b", many), "");
  EXPECT_EQ(Find("a+b", many), "");
  EXPECT_EQ(Find("(?:a|b|ab)*(?:bc|c)d", many), "");
  EXPECT_EQ(Find("\\s+$", std::string(200'000, ' ') + "x"), "");
  const std::string digits(200'001, '1');
  EXPECT_EQ(Find("\\d{1,3}(?=(?:\\d{3})*\\b)", digits).size(), digits.size() / 3 * 5);
}

}  // namespace
}  // namespace ingle
