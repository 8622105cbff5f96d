#include "base/json.h"

#include <gtest/gtest.h>

namespace ingle {
namespace {

TEST(ParseJson, FractionsAreExact) {
  for (const char* text : {"123456789.123456789", "0.1", "3.14159", "1e23", "9007199254740993.0",
                           "2.2250738585072014e-308"}) {
    auto value = ParseJson(text, "test");
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(value->as_double(), std::strtod(text, nullptr)) << text;
  }
}

TEST(ParseJson, KeepsOrderAndTypes) {
  auto value = ParseJson(
      " {\"b\": [1, -2, 18446744073709551615, null, true, \"x\\u00e9\\ud83d\\ude00\"], \"a\": {}} "
      "\n",
      "test");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(json::serialize(*value),
            "{\"b\":[1,-2,18446744073709551615,null,true,\"x\xc3\xa9\xf0\x9f\x98\x80\"],\"a\":{}}");
}

TEST(ParseJson, WholeNumbersBeyond64BitsAreKeptOnDemand) {
  const char* text = "[18446744073709551616, -9223372036854775809, 18446744073709551615, 1e30, {}]";
  auto kept = ParseJson(text, "test", {.big_integers = true});
  ASSERT_TRUE(kept) << kept.error().message;
  const json::array& array = kept->as_array();
  ASSERT_NE(IfBigInteger(array[0]), nullptr);
  EXPECT_EQ(*IfBigInteger(array[0]), "18446744073709551616");
  EXPECT_EQ(*IfBigInteger(array[1]), "-9223372036854775809");
  EXPECT_TRUE(array[2].is_uint64());
  EXPECT_TRUE(array[3].is_double());
  EXPECT_EQ(IfBigInteger(array[4]), nullptr);
  const std::string digits(5000, '7');
  EXPECT_EQ(*IfBigInteger(*ParseJson(digits, "test", {.big_integers = true})), digits);
  EXPECT_TRUE(ParseJson(text, "test")->as_array()[0].is_double());
  // No text makes the object that stands for such a number.
  EXPECT_FALSE(ParseJson("{\"\xff\": \"1\"}", "test", {.big_integers = true}));
  EXPECT_EQ(IfBigInteger(*ParseJson("{\"\\u00ff\": \"1\"}", "test")), nullptr);
}

TEST(ParseJson, LimitsAndErrors) {
  EXPECT_FALSE(ParseJson("", "test"));
  EXPECT_FALSE(ParseJson("{} x", "test"));
  EXPECT_FALSE(ParseJson("[1,", "test"));
  EXPECT_FALSE(ParseJson("\"\xff\"", "test"));
  EXPECT_FALSE(ParseJson(std::string(100000, '['), "test"));
  JsonLimits small;
  small.bytes = 3;
  auto large = ParseJson("[1, 2]", "test", small);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kTooLarge);
}

TEST(ParseJson, DepthHasItsOwnName) {
  const auto nested = [](size_t depth) {
    return ParseJson(std::string(depth, '[') + std::string(depth, ']'), "test");
  };
  EXPECT_TRUE(nested(64));
  ASSERT_FALSE(nested(65));
  EXPECT_EQ(nested(65).error().id, "too_deep");
}

TEST(ParseJson, KeysThatOccurTwice) {
  JsonLimits unique;
  unique.unique_keys = true;
  const auto path_of = [&](std::string_view text) {
    auto value = ParseJson(text, "test", unique);
    if (value) return std::string("fine");
    EXPECT_EQ(value.error().id, "duplicate_key") << text;
    EXPECT_NE(value.error().message.find("'" + value.error().param + "' twice"), std::string::npos);
    return value.error().param;
  };
  EXPECT_EQ(path_of(R"({"a":1,"b":{"a":2,"b":[{"a":1},{"a":2}]},"":0})"), "fine");
  EXPECT_EQ(path_of(R"({"a":1,"b":2,"a":1})"), "a");
  EXPECT_EQ(path_of(R"({"model":1,"mod\u0065l":2})"), "model");
  EXPECT_EQ(path_of(R"({"m":[0,{},{"x":[]},{"r":1,"t":[],"r":2}]})"), "m[3].r");
  EXPECT_EQ(path_of(R"([[1,2],[{"k":{"q":null,"q":null}}]])"), "[1][0].k.q");
  const std::string key(1000, 'k');
  EXPECT_EQ(path_of("{\"" + key + "\":1,\"" + key + "\":1}"), std::string(64, 'k'));
  EXPECT_TRUE(ParseJson(R"({"a":1,"a":2})", "test"));
}

TEST(Serialize, WholeNumbersBeyond64BitsStayAsTheyWere) {
  for (const std::string text :
       {R"([1,-123456789012345678901234567890,{"a":[],"b":{},"c\"":[18446744073709551616]},null])",
        R"([1,"18446744073709551616",{}])", "[]"}) {
    const auto value = ParseJson(text, "test", {.big_integers = true});
    ASSERT_TRUE(value);
    EXPECT_EQ(SerializeExactly(value->get_array()), text);
    EXPECT_EQ(SerializeExactly(json::object{{"x", *value}}), "{\"x\":" + text + "}");
  }
}

TEST(ParseJson, ABigIntegerIsNoObject) {
  const auto value = ParseJson("18446744073709551616", "test", {.big_integers = true});
  EXPECT_EQ(IfObject(*value), nullptr);
  EXPECT_NE(IfBigInteger(*value), nullptr);
  EXPECT_NE(IfObject(json::value(json::object())), nullptr);
  EXPECT_EQ(IfObject(json::value(1)), nullptr);
}

TEST(ParseJson, ValuesAreCounted) {
  JsonLimits small;
  small.values = 9;
  // Each text has nine values; the object's key is none.
  for (std::string text : {R"([1,-2,1.5,true,null,"a",{"k":[]}])", "[[],[],[],[],{},{},{},{}]",
                           "[18446744073709551615,1,2,3,4,5,6,7]"}) {
    EXPECT_TRUE(ParseJson(text, "test", small)) << text;
    text.insert(text.size() - 1, ",0");
    auto refused = ParseJson(text, "test", small);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
    EXPECT_NE(refused.error().message.find("too many values"), std::string::npos);
  }
  std::string many = "[";
  for (int i = 0; i < 999'999; ++i) many += "0,";
  EXPECT_FALSE(ParseJson(many + "0]", "test"));
  many.back() = ']';
  EXPECT_TRUE(ParseJson(many, "test"));
}

}  // namespace
}  // namespace ingle
