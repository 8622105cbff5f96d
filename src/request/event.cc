#include "request/event.h"

namespace ingle {

std::string_view OriginName(Origin origin) {
  switch (origin) {
    case Origin::kRequest: return "request";
    case Origin::kServer: return "server";
    case Origin::kModel: return "model";
    case Origin::kBuiltIn: return "built-in";
    case Origin::kDrawn: return "drawn";
  }
  return "built-in";
}

std::string_view StopCauseName(StopCause cause) {
  switch (cause) {
    case StopCause::kEndToken: return "end_token";
    case StopCause::kStopString: return "stop_string";
    case StopCause::kMaxTokens: return "max_tokens";
    case StopCause::kContextFull: return "context_full";
    case StopCause::kCancelled: return "cancelled";
    case StopCause::kNothingAllowed: return "nothing_allowed";
  }
  return "end_token";
}

std::string_view FinishReasonName(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop: return "stop";
    case FinishReason::kLength: return "length";
    case FinishReason::kCancelled: return "cancelled";
  }
  return "stop";
}

}  // namespace ingle
