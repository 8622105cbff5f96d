#include "request/request_limits.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <string>

namespace ingle {
namespace {

constexpr double kIntMax = 2147483647.0;

const std::array<SamplingField, 9> kFields{{
    {"temperature", 0, 2, false, false, "higher is more varied; 0 always takes the likeliest token",
     &SamplingRequest::temperature},
    {"top_p", 0, 1, true, false,
     "keep the likeliest tokens that reach this probability together; 1 is off",
     &SamplingRequest::top_p},
    {"min_p", 0, 1, false, false,
     "drop tokens less likely than this share of the likeliest; 0 is off", &SamplingRequest::min_p},
    {"typical_p", 0, 1, true, false, "locally typical sampling up to this probability; 1 is off",
     &SamplingRequest::typical_p},
    {"repetition_penalty", 0, 10, true, false,
     "weaken tokens seen in the last repeat_last_n; 1 is off",
     &SamplingRequest::repetition_penalty},
    {"frequency_penalty", -2, 2, false, false,
     "subtracted from a token's logit once for each time it was seen",
     &SamplingRequest::frequency_penalty},
    {"presence_penalty", -2, 2, false, false, "subtracted from the logit of a token that was seen",
     &SamplingRequest::presence_penalty},
    {"top_k", -1, kIntMax, false, true, "keep this many of the likeliest tokens; 0 and -1 are off",
     nullptr, &SamplingRequest::top_k},
    {"repeat_last_n", -1, kIntMax, false, true,
     "how far back penalties look; 0 is off, -1 the whole context", nullptr,
     &SamplingRequest::repeat_last_n},
}};

std::string NumberText(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", value);
  return text;
}

Status CheckLogitBias(const SamplingRequest& sampling) {
  if (sampling.logit_bias.size() > kLogitBiasMax)
    return Fail(ErrorCode::kInvalidRequest,
                "logit_bias has " + std::to_string(sampling.logit_bias.size()) +
                    " entries; at most " + std::to_string(kLogitBiasMax) + " are taken",
                "logit_bias");
  for (const auto& [token, bias] : sampling.logit_bias) {
    bool forbids = std::isinf(bias) && bias < 0;
    if (!forbids && !(bias >= -100 && bias <= 100))
      return Fail(ErrorCode::kInvalidRequest,
                  "logit_bias of token " + std::to_string(token) + " is " + NumberText(bias) +
                      "; it must be -100 to 100 (or -infinity)",
                  "logit_bias");
  }
  return {};
}

}  // namespace

std::span<const SamplingField> SamplingFields() { return kFields; }

std::string RangeText(const SamplingField& field) {
  return NumberText(field.min) + (field.min_excluded ? " (excluded)" : "") + " to " +
         NumberText(field.max);
}

Status CheckRange(const SamplingField& field, double value) {
  bool above = field.min_excluded ? value > field.min : value >= field.min;
  if (above && value <= field.max) return {};  // NaN fails both.
  std::string name(field.name);
  return Fail(ErrorCode::kInvalidRequest,
              name + " is " + NumberText(value) + "; it must be in the range " + RangeText(field),
              name);
}

Status CheckSampling(const SamplingRequest& sampling) {
  for (const SamplingField& field : kFields) {
    if (field.number != nullptr && (sampling.*field.number).has_value())
      INGLE_RETURN_IF_ERROR(CheckRange(field, *(sampling.*field.number)));
    if (field.whole != nullptr && (sampling.*field.whole).has_value())
      INGLE_RETURN_IF_ERROR(CheckRange(field, static_cast<double>(*(sampling.*field.whole))));
  }
  return CheckLogitBias(sampling);
}

Status CheckRequest(const GenerateRequest& request) {
  INGLE_RETURN_IF_ERROR(CheckSampling(request.sampling));
  if (request.max_tokens == 0u)
    return Fail(ErrorCode::kInvalidRequest, "max_tokens is 0; it must be at least 1", "max_tokens");
  if (request.top_logprobs.value_or(0) > kTopLogprobsMax)
    return Fail(ErrorCode::kInvalidRequest,
                "top_logprobs is " + std::to_string(*request.top_logprobs) +
                    "; it must be in the range 0 to " + std::to_string(kTopLogprobsMax),
                "top_logprobs");
  if (request.stop.size() > kStopStringsMax)
    return Fail(ErrorCode::kInvalidRequest,
                "stop has " + std::to_string(request.stop.size()) + " strings; at most " +
                    std::to_string(kStopStringsMax) + " are taken",
                "stop");
  for (const std::string& stop : request.stop)
    if (stop.empty() || stop.size() > kStopStringBytesMax)
      return Fail(ErrorCode::kInvalidRequest,
                  stop.empty()
                      ? "a stop string is empty; leave it out, or give the text that "
                        "ends the answer"
                      : "a stop string has " + std::to_string(stop.size()) +
                            " bytes; give one of at most " + std::to_string(kStopStringBytesMax),
                  "stop");
  return {};
}

}  // namespace ingle
