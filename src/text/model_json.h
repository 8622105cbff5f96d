#pragma once
// The "model" of a tokenizer.json, read without building values: its lists have hundreds of
// thousands of entries.

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/json_cursor.h"

namespace ingle {

inline constexpr uint64_t kMaxJsonTokens = uint64_t{1} << 21;  // The largest published has 2^20.

struct ModelJson {
  struct Entry {
    std::string_view spelling;
    uint32_t id;
  };
  std::vector<Entry> vocabulary;
  std::vector<double> scores;  // Of a list of [spelling, score], whose places are the ids.
  std::vector<std::pair<std::string_view, std::string_view>> merges;
  json::object settings;  // Everything else.

 private:
  friend class ModelReader;
  std::deque<std::string> unescaped_;  // What views that are not in the file point to.
};

// Reads from the opening brace to the closing one. The file must outlive what is read.
Result<ModelJson> ReadModel(JsonCursor& cursor, std::string_view file);

}  // namespace ingle
