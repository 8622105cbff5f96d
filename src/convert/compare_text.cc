// What an engine makes of a directory and of the keys written for it, side by side.

#include <algorithm>
#include <set>

#include "convert/tokenizer_keys.h"
#include "engine/engine.h"
#include "engine/model_sampling.h"
#include "engine/template_tokens.h"
#include "request/request_limits.h"

namespace ingle {
namespace {

struct TextSide {
  EngineParts parts;
  ModelDefaults defaults;
  TemplateTokens tokens;
  std::set<TokenId> ends;
};

Result<TextSide> SideOf(const Metadata& metadata) {
  TextSide side;
  INGLE_TRY(side.parts, LoadTextParts(metadata, ""));
  side.defaults = FindModelDefaults(metadata);
  side.tokens = FindTemplateTokens(metadata, *side.parts.tokenizer);
  for (const EndToken& token :
       FindEndTokens(*side.parts.tokenizer, metadata, side.parts.turn_endings))
    side.ends.insert(token.id);
  return side;
}

template <class T>
std::string Shown(const std::optional<T>& value) {
  return value ? json::serialize(json::value(*value)) : "nothing";
}

void CompareDefaults(const SamplingRequest& a, const SamplingRequest& b,
                     std::vector<std::string>& out) {
  const auto compare = [&](std::string_view name, const auto& x, const auto& y) {
    if (x != y)
      out.push_back("the default " + std::string(name) + " is " + Shown(x) +
                    " in the directory and " + Shown(y) + " in the file");
  };
  for (const SamplingField& field : SamplingFields()) {
    if (field.number != nullptr) compare(field.name, a.*field.number, b.*field.number);
    if (field.whole != nullptr) compare(field.name, a.*field.whole, b.*field.whole);
  }
}

void CompareEnds(const std::set<TokenId>& a, const std::set<TokenId>& b,
                 std::vector<std::string>& out) {
  std::vector<TokenId> different;
  std::ranges::set_symmetric_difference(a, b, std::back_inserter(different));
  for (const TokenId id : different)
    out.push_back("token " + std::to_string(id) + " ends an answer in the " +
                  (a.contains(id) ? "directory" : "file") + " only");
}

// Of those that the model's templates mention.
void CompareTokens(const TextSide& a, const TextSide& b, std::vector<std::string>& out) {
  if (a.parts.chat_template == nullptr) return;
  std::set<std::string> names;
  for (const TextSide* side : {&a, &b})
    for (const auto& token : side->tokens) names.insert(token.key());
  const auto value = [](const TextSide& side, const std::string& name) {
    const json::value* found = side.tokens.if_contains(name);
    return found == nullptr ? "nothing" : json::serialize(*found);
  };
  for (const std::string& name : names)
    if (a.parts.chat_template->Uses(name) && value(a, name) != value(b, name))
      out.push_back("the chat template gets " + value(a, name) + " as " + name +
                    " in the directory and " + value(b, name) + " in the file");
}

}  // namespace

Result<std::vector<std::string>> TextDifferences(const Metadata& directory,
                                                 const Metadata& written) {
  INGLE_TRY(const TextSide a, SideOf(directory));
  INGLE_TRY(const TextSide b, SideOf(written));
  std::vector<std::string> out;
  CompareDefaults(a.defaults.sampling, b.defaults.sampling, out);
  if (a.defaults.stop != b.defaults.stop)
    out.push_back("the model's stop strings are not those of the directory");
  CompareEnds(a.ends, b.ends, out);
  CompareTokens(a, b, out);
  const auto ending = [](const TextSide& side) {
    return std::pair(side.parts.tokenizer->add_bos, side.parts.tokenizer->add_eos);
  };
  if (ending(a) != ending(b))
    out.push_back("tokens are put before or after texts in the one and not in the other");
  return out;
}

}  // namespace ingle
