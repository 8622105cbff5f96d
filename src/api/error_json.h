#pragma once
// Errors as OpenAI's clients expect them: which HTTP status, which body, which headers.

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace ingle {

struct HttpError {
  int status = 500;
  std::vector<std::pair<std::string, std::string>> headers;  // Retry-After, x-should-retry.
  std::string body;
};

int HttpStatus(const Error& error);
// {"error": {"message", "type", "param", "code"}}. status 0: HttpStatus(error).
json::object ErrorJson(const Error& error, int status = 0);
// retry_after_s: when it is known that no earlier try can succeed; 0: it is not.
HttpError ToHttpError(const Error& error, int status = 0, int64_t retry_after_s = 0);

}  // namespace ingle
