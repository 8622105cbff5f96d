#include "text/model_json.h"

#include <cmath>

#include "text/vocabulary.h"

namespace ingle {

class ModelReader {
 public:
  ModelReader(JsonCursor& cursor, std::string_view file) : cursor_(cursor), file_(file) {}

  Result<ModelJson> Read() {
    std::string_view key;
    if (!cursor_.BeginObject()) return cursor_.Fault("tokenizer.json");
    while (cursor_.NextMember(key)) {
      if (key == "vocab" && cursor_.Peek() == '{') {
        INGLE_RETURN_IF_ERROR(ReadMap());
      } else if (key == "vocab") {
        INGLE_RETURN_IF_ERROR(ReadList());
      } else if (key == "merges") {
        INGLE_RETURN_IF_ERROR(ReadMerges());
      } else {
        INGLE_RETURN_IF_ERROR(ReadSetting(std::string(key)));
      }
    }
    if (cursor_.failed()) return cursor_.Fault("tokenizer.json");
    return std::move(model_);
  }

 private:
  std::unexpected<Error> Bad(std::string what) const {
    return Fail(ErrorCode::kCorruptFile,
                "tokenizer.json cannot be used: " + std::move(what) + "; download it again",
                "tokenizer.json", "invalid_model_file");
  }
  // A view that stays.
  std::string_view Keep(std::string_view text) {
    if (text.data() >= file_.data() && text.data() < file_.data() + file_.size()) return text;
    return model_.unescaped_.emplace_back(text);
  }
  Status AddToken(std::string_view spelling, uint64_t id) {
    if (id >= kMaxJsonTokens)
      return Bad("a token has the id " + std::to_string(id) + ", the limit is " +
                 std::to_string(kMaxJsonTokens - 1));
    if (spelling.size() > kMaxSpellingBytes)
      return Bad("token " + std::to_string(id) + " is longer than " +
                 std::to_string(kMaxSpellingBytes) + " bytes");
    if (model_.vocabulary.size() >= kMaxJsonTokens) return Bad("there are more than 2^21 tokens");
    model_.vocabulary.push_back({spelling, static_cast<uint32_t>(id)});
    return {};
  }

  Status ReadMap() {
    std::string_view key;
    cursor_.BeginObject();
    while (cursor_.NextMember(key)) {
      const std::string_view spelling = Keep(key);
      uint64_t id = 0;
      if (!cursor_.Unsigned(id)) return cursor_.Fault("tokenizer.json");
      INGLE_RETURN_IF_ERROR(AddToken(spelling, id));
    }
    if (cursor_.failed()) return cursor_.Fault("tokenizer.json");
    return {};
  }

  Status ReadList() {
    cursor_.BeginArray();
    while (cursor_.NextItem()) {
      std::string_view text;
      double score = 0;
      bool fine = cursor_.BeginArray() && cursor_.NextItem() && cursor_.String(text);
      const std::string_view spelling = fine ? Keep(text) : std::string_view();
      fine = fine && cursor_.NextItem() && cursor_.Number(score) && !cursor_.NextItem();
      if (!fine || cursor_.failed()) return cursor_.Fault("tokenizer.json");
      if (std::isnan(score)) return Bad("a score is not a number");
      INGLE_RETURN_IF_ERROR(AddToken(spelling, model_.vocabulary.size()));
      model_.scores.push_back(score);
    }
    if (cursor_.failed()) return cursor_.Fault("tokenizer.json");
    return {};
  }

  // "a b" or ["a", "b"].
  Status ReadMerges() {
    cursor_.BeginArray();
    while (cursor_.NextItem()) {
      if (model_.merges.size() >= 8 * kMaxJsonTokens) return Bad("there are more than 2^24 merges");
      std::string_view text;
      if (cursor_.Peek() == '"') {
        if (!cursor_.String(text)) return cursor_.Fault("tokenizer.json");
        text = Keep(text);
        if (text.starts_with("#version")) continue;
        const size_t space = text.find(' ');
        if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos)
          return Bad("merge " + std::to_string(model_.merges.size()) +
                     " is not two tokens with a space between");
        model_.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
        continue;
      }
      bool fine = cursor_.BeginArray() && cursor_.NextItem() && cursor_.String(text);
      const std::string_view left = fine ? Keep(text) : std::string_view();
      fine = fine && cursor_.NextItem() && cursor_.String(text);
      const std::string_view right = fine ? Keep(text) : std::string_view();
      if (!fine || cursor_.NextItem() || cursor_.failed()) return cursor_.Fault("tokenizer.json");
      model_.merges.emplace_back(left, right);
    }
    if (cursor_.failed()) return cursor_.Fault("tokenizer.json");
    return {};
  }

  Status ReadSetting(std::string key) {
    std::string_view raw;
    if (!cursor_.Raw(raw)) return cursor_.Fault("tokenizer.json");
    constexpr size_t kMaxSettings = 64, kMaxSettingBytes = 4096;
    if (raw.size() > kMaxSettingBytes || model_.settings.size() >= kMaxSettings)
      return Bad("the model's setting \"" + key.substr(0, 64) + "\" is too long");
    INGLE_TRY(json::value value, ParseJson(raw, "tokenizer.json"));
    model_.settings[key] = std::move(value);
    return {};
  }

  JsonCursor& cursor_;
  std::string_view file_;
  ModelJson model_;
};

Result<ModelJson> ReadModel(JsonCursor& cursor, std::string_view file) {
  return ModelReader(cursor, file).Read();
}

}  // namespace ingle
