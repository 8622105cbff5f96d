#pragma once
// The one error type. No function of ours throws; a fallible one returns Result<T> or Status.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace ingle {

// api/error_json.cc maps these to HTTP statuses; the gateway decides from them whether to retry.
enum class ErrorCode : uint8_t {
  kInvalidRequest,
  kUnsupported,
  kNotFound,
  kCorruptFile,
  kTooLarge,
  kUnavailable,
  kCancelled,
  kDeadline,
  kOutOfMemory,
  kInternal,
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // What happened, where, and what to do about it. For the user.
  std::string param;    // The request field or file key at fault; empty when there is none.
  std::string id;  // Machine-readable name for clients ("context_length_exceeded"); may be empty.
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline std::unexpected<Error> Fail(ErrorCode code, std::string message,
                                                 std::string param = {}, std::string id = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(param), std::move(id)});
}

std::string_view ErrorCodeName(ErrorCode code);  // "invalid_request", "corrupt_file", ...

}  // namespace ingle

#define INGLE_JOIN_(a, b) a##b
#define INGLE_JOIN(a, b) INGLE_JOIN_(a, b)

// INGLE_TRY(auto file, OpenFile(path)); returns the error, or declares `file` from the value.
#define INGLE_TRY(declaration, expression)                                    \
  auto INGLE_JOIN(result_, __LINE__) = (expression);                          \
  if (!INGLE_JOIN(result_, __LINE__))                                         \
    return std::unexpected(std::move(INGLE_JOIN(result_, __LINE__)).error()); \
  declaration = *std::move(INGLE_JOIN(result_, __LINE__))

// INGLE_RETURN_IF_ERROR(DoIt()); for Status: returns the error or goes on.
#define INGLE_RETURN_IF_ERROR(expression)                             \
  do {                                                                \
    auto status_ = (expression);                                      \
    if (!status_) return std::unexpected(std::move(status_).error()); \
  } while (false)
