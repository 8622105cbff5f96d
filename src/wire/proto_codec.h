#pragma once
// The codec on protobuf's own types: for wire/*.cc only, because their headers are slow to compile.

#include "request/generate_request.h"
#include "wire/messages.h"
#include "worker.pb.h"

namespace ingle {

void ToProto(const GenerateRequest& request, wire::GenerateRequest& out);
Result<GenerateRequest> FromProto(const wire::GenerateRequest& in);
void ToProto(const ChatPrompt& prompt, wire::ChatPrompt& out);
Result<ChatPrompt> FromProto(const wire::ChatPrompt& in);
void ToProto(const StepReport& report, wire::StepReport& out);
Result<StepReport> FromProto(const wire::StepReport& in);
void ToProto(const WorkerDescription& description, wire::Description& out);
Result<WorkerDescription> FromProto(const wire::Description& in);
void ToProto(const Error& error, wire::Failure& out);
Error FromProto(const wire::Failure& in);  // An unknown code becomes kInternal.

}  // namespace ingle
