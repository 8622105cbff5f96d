#include "engine/prompt.h"

#include <gtest/gtest.h>

#include "engine/fake_model.h"

namespace ingle {
namespace {

TEST(PromptMaker, ExactlyOneBeginToken) {
  FakeTokenizer tokenizer;
  PromptMaker maker{&tokenizer, nullptr, ""};
  auto make = [&](std::string text) { return maker.Tokenize({{std::move(text), true}}); };
  EXPECT_EQ(make("x"), (std::vector<TokenId>{'x'}));
  EXPECT_EQ(make("<s>x"), (std::vector<TokenId>{kFakeBegin, 'x'}));
  tokenizer.add_bos = true;
  EXPECT_EQ(make("x"), (std::vector<TokenId>{kFakeBegin, 'x'}));
  EXPECT_EQ(make("<s>x"), (std::vector<TokenId>{kFakeBegin, 'x'}));
  EXPECT_EQ(make("<s><s>x<s>"), (std::vector<TokenId>{kFakeBegin, 'x', kFakeBegin}));
  tokenizer.bos.reset();
  EXPECT_EQ(make("x"), (std::vector<TokenId>{'x'}));
}

TEST(PromptMaker, PlainTextWithoutSpecials) {
  FakeTokenizer tokenizer;
  PromptMaker maker{&tokenizer, nullptr, ""};
  GenerateRequest request;
  request.prompt = TextPrompt{"</s>", false};
  EXPECT_EQ(maker.Make(request, 0, nullptr)->size(), 4u);
  request.prompt = TextPrompt{"</s>", true};
  EXPECT_EQ(*maker.Make(request, 0, nullptr), (std::vector<TokenId>{kFakeEos}));
}

}  // namespace
}  // namespace ingle
