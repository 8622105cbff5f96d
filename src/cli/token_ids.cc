#include "cli/token_ids.h"

#include "base/json.h"

namespace ingle {
namespace {

constexpr size_t kIdsBytesMax = size_t{1} << 30;

}  // namespace

Result<std::vector<int32_t>> ParseTokenIds(const std::string& text, size_t vocab,
                                           const std::string& what) {
  bool is_array = text.find('[') != std::string::npos;
  INGLE_TRY(json::value parsed,
            ParseJson(is_array ? text : "[" + text + "]", what, {2, kIdsBytesMax}));
  if (!parsed.is_array())
    return Fail(ErrorCode::kInvalidRequest, what + " must be a list of token ids");
  std::vector<int32_t> ids;
  for (const json::value& value : parsed.get_array()) {
    const int64_t id = value.is_int64() ? value.get_int64() : -1;
    if (id < 0 || static_cast<uint64_t>(id) >= vocab)
      return Fail(ErrorCode::kInvalidRequest,
                  what + ": " + json::serialize(value) +
                      " is not a token id; this vocabulary has 0 to " + std::to_string(vocab - 1),
                  "", "invalid_token_id");
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

}  // namespace ingle
