#pragma once
// Requests and events to bytes and back. Decoding trusts nothing: every enum, count and string is
// checked, and a message that breaks a rule is an error that names the rule.

#include <string>
#include <string_view>

#include "request/generate_request.h"
#include "wire/messages.h"

namespace ingle {

// Largest messages; gRPC enforces them before a byte is parsed.
constexpr int kMaxToWorkerBytes = 96 << 20;  // A 32 MiB body, re-serialised, plus room for escapes.
constexpr int kMaxToGatewayBytes = 16 << 20;

std::string EncodeRequest(const GenerateRequest& request);
Result<GenerateRequest> DecodeRequest(std::string_view bytes);
std::string EncodeReport(const StepReport& report);
Result<StepReport> DecodeReport(std::string_view bytes);

std::string_view BuildName();  // Of this binary; see Hello.

}  // namespace ingle
