#include "text/post_processor.h"

#include <string>

#include "text/component_json.h"

namespace ingle {
namespace {

constexpr size_t kMaxAround = 64;

class Reader {
 public:
  Reader(size_t vocabulary_size, TokensAround& around)
      : vocabulary_size_(vocabulary_size), around_(around) {}

  Status Template(const Component& component);
  Status Pair(const Component& component);

 private:
  Status Append(const Component& component, const json::value& id, std::vector<TokenId>& ids);

  size_t vocabulary_size_;
  TokensAround& around_;
};

Status Reader::Append(const Component& component, const json::value& id,
                      std::vector<TokenId>& ids) {
  if (!id.is_int64() || id.get_int64() < 0 ||
      static_cast<uint64_t>(id.get_int64()) >= vocabulary_size_ || ids.size() >= kMaxAround)
    return component.Wrong("its ids", "tokens of the vocabulary, at most 64");
  ids.push_back(static_cast<TokenId>(id.get_int64()));
  return {};
}

// "single" is a list of tokens with the text, $A, among them.
Status Reader::Template(const Component& component) {
  INGLE_TRY(const json::array* pieces, component.Array("single"));
  const json::value* table = component.Find("special_tokens");
  std::vector<TokenId> before, after;
  bool seen = false;
  for (const json::value& piece : *pieces) {
    const json::object* object = piece.if_object();
    const json::value* sequence = object == nullptr ? nullptr : object->if_contains("Sequence");
    const json::value* token = object == nullptr ? nullptr : object->if_contains("SpecialToken");
    const json::value* inner = sequence != nullptr ? sequence : token;
    const json::value* id =
        inner == nullptr || !inner->is_object() ? nullptr : inner->get_object().if_contains("id");
    if (id == nullptr || !id->is_string())
      return component.Wrong("single", "a list of SpecialToken and Sequence");
    if (sequence != nullptr) {
      if (seen || id->get_string() != "A") return component.Wrong("single", "with $A once");
      seen = true;
      continue;
    }
    const json::value* entry = table == nullptr || !table->is_object()
                                   ? nullptr
                                   : table->get_object().if_contains(id->get_string());
    if (entry == nullptr || !entry->is_object())
      return component.Wrong("special_tokens", "complete");
    const Component special(*entry, "post_processor");
    INGLE_TRY(const json::array* ids, special.Array("ids"));
    for (const json::value& number : *ids)
      INGLE_RETURN_IF_ERROR(Append(component, number, seen ? after : before));
  }
  if (!seen) return component.Wrong("single", "with $A once");
  around_.before.insert(around_.before.begin(), before.begin(), before.end());
  around_.after.insert(around_.after.end(), after.begin(), after.end());
  return {};
}

// BERT's and RoBERTa's: "cls": ["[CLS]", 101], "sep": ["[SEP]", 102].
Status Reader::Pair(const Component& component) {
  for (const char* key : {"cls", "sep"}) {
    INGLE_TRY(const json::array* pair, component.Array(key));
    if (pair->size() != 2) return component.Wrong(key, "a token and its id");
    std::vector<TokenId> id;
    INGLE_RETURN_IF_ERROR(Append(component, (*pair)[1], id));
    if (key[0] == 'c') {
      around_.before.insert(around_.before.begin(), id[0]);
    } else {
      around_.after.push_back(id[0]);
    }
  }
  return {};
}

struct Kind {
  std::string_view type;
  Status (Reader::*read)(const Component&);  // Null: it only moves offsets.
};
constexpr Kind kKinds[] = {
    {"TemplateProcessing", &Reader::Template},
    {"BertProcessing", &Reader::Pair},
    {"RobertaProcessing", &Reader::Pair},
    {"ByteLevel", nullptr},
};

}  // namespace

Result<TokensAround> ReadPostProcessor(const json::value& value, size_t vocabulary_size) {
  TokensAround around;
  if (value.is_null()) return around;
  Reader reader(vocabulary_size, around);
  const auto take = [&](const Component& component, const Kind& kind) -> Status {
    return kind.read == nullptr ? Status() : (reader.*kind.read)(component);
  };
  INGLE_RETURN_IF_ERROR(ReadComponents(value, {"post_processor", "processors"}, kKinds, take));
  if (around.before.size() > kMaxAround || around.after.size() > kMaxAround)
    return Component(value, "post_processor").Wrong("its ids", "at most 64");
  return around;
}

}  // namespace ingle
