#include "text/normal_form.h"

#include <gtest/gtest.h>

namespace ingle {
namespace {

std::string Form(NormalForm form, std::string_view text) {
  std::string out;
  return ToNormalForm(form, text, out) ? out : "same: " + std::string(text);
}

TEST(NormalForm, EachDoesItsOwn) {
  EXPECT_EQ(Form(NormalForm::kNfc, "abc \u00E9"), "same: abc \u00E9");
  EXPECT_EQ(Form(NormalForm::kNfc, "xe\u0301y"), "x\u00E9y");
  EXPECT_EQ(Form(NormalForm::kNfd, "x\u00E9y"), "xe\u0301y");
  EXPECT_EQ(Form(NormalForm::kNfkc, "\uFB01\u2460"), "fi1");
  EXPECT_EQ(Form(NormalForm::kNfkd, "\uFB01\u00E9"), "fie\u0301");
  EXPECT_EQ(Form(NormalForm::kNfc, "\u1100\u1161\u11A8"), "\uAC01");
}

// A safe character in front takes part: its own marks and those that follow sort together.
TEST(NormalForm, MarksSortAcrossTheCharacterBefore) {
  EXPECT_EQ(Form(NormalForm::kNfc, "\u00E9\u0323"), "\u1EB9\u0301");
  EXPECT_EQ(Form(NormalForm::kNfd, "e\u0301\u0323"), "e\u0323\u0301");
}

// U+107BA decomposes since Unicode 14; the original's tables are older.
TEST(NormalForm, NewerDecompositionsAreLeftAlone) {
  EXPECT_EQ(Form(NormalForm::kNfkc, "\U000107BA\u03F5"), "\U000107BA\u03B5");
}

}  // namespace
}  // namespace ingle
