#include "base/json.h"

namespace ingle {

Result<json::value> ParseJson(std::string_view text, std::string_view what, JsonLimits limits) {
  if (text.size() > limits.bytes)
    return Fail(ErrorCode::kTooLarge, std::string(what) + " has " + std::to_string(text.size()) +
                                          " bytes; at most " + std::to_string(limits.bytes) + " are read");
  json::parse_options options;
  options.max_depth = limits.depth;
  json::stream_parser parser({}, options);
  boost::system::error_code error;
  size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error && read == text.size()) parser.finish(error);
  if (!error && read < text.size()) error = json::error::extra_data;
  if (error == json::error::too_deep)
    return Fail(ErrorCode::kInvalidRequest, std::string(what) + " is nested deeper than " +
                                                std::to_string(limits.depth) + " levels");
  if (error)
    return Fail(ErrorCode::kInvalidRequest,
                std::string(what) + " is not valid JSON near byte " + std::to_string(read) + ": " + error.message());
  return parser.release();
}

}  // namespace ingle
