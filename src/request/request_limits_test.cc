#include "request/request_limits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "request/event.h"

namespace ingle {
namespace {

// Sets one field of the table to `value`, whichever kind it is.
SamplingRequest With(const SamplingField& field, double value) {
  SamplingRequest sampling;
  if (field.number != nullptr) sampling.*field.number = value;
  if (field.whole != nullptr) sampling.*field.whole = static_cast<int64_t>(value);
  return sampling;
}

TEST(RequestLimits, EveryFieldTakesItsEndsAndRefusesBeyond) {
  for (const SamplingField& field : SamplingFields()) {
    SCOPED_TRACE(std::string(field.name));
    ASSERT_NE(field.number == nullptr, field.whole == nullptr);
    double step = field.integer ? 1 : 0.01;
    EXPECT_TRUE(CheckSampling(With(field, field.min_excluded ? field.min + step : field.min)));
    EXPECT_TRUE(CheckSampling(With(field, field.max)));
    for (double bad :
         {field.min - step, field.max + step, field.min_excluded ? field.min : field.min - 1}) {
      auto status = CheckSampling(With(field, bad));
      ASSERT_FALSE(status) << bad;
      EXPECT_EQ(status.error().code, ErrorCode::kInvalidRequest);
      EXPECT_EQ(status.error().param, field.name);
      EXPECT_NE(status.error().message.find(RangeText(field)), std::string::npos);
    }
  }
}

TEST(RequestLimits, NotANumberAndHugeValuesAreRefused) {
  for (const SamplingField& field : SamplingFields()) {
    EXPECT_FALSE(CheckRange(field, std::nan("")));
    EXPECT_FALSE(CheckRange(field, 1e30));
    EXPECT_FALSE(CheckRange(field, -1e30));
    EXPECT_FALSE(CheckRange(field, std::numeric_limits<double>::infinity()));
  }
}

TEST(RequestLimits, LogitBias) {
  SamplingRequest sampling;
  sampling.logit_bias = {{3, -100}, {4, 100}, {5, -std::numeric_limits<double>::infinity()}};
  EXPECT_TRUE(CheckSampling(sampling));
  for (double bad : {100.5, -100.5, std::nan(""), std::numeric_limits<double>::infinity()}) {
    sampling.logit_bias = {{3, bad}};
    EXPECT_FALSE(CheckSampling(sampling)) << bad;
  }
  sampling.logit_bias.assign(kLogitBiasMax + 1, {1, 0.0});
  EXPECT_EQ(CheckSampling(sampling).error().param, "logit_bias");
}

TEST(RequestLimits, WholeRequest) {
  GenerateRequest request;
  EXPECT_TRUE(CheckRequest(request));
  request.max_tokens = 0;
  EXPECT_EQ(CheckRequest(request).error().param, "max_tokens");
  request.max_tokens = 1;
  request.top_logprobs = 21;
  EXPECT_EQ(CheckRequest(request).error().param, "top_logprobs");
  request.top_logprobs = 20;
  request.stop = {""};
  EXPECT_EQ(CheckRequest(request).error().param, "stop");
  request.stop = {std::string(kStopStringBytesMax + 1, 'x')};
  EXPECT_EQ(CheckRequest(request).error().param, "stop");
  request.stop.assign(kStopStringsMax + 1, "x");
  EXPECT_EQ(CheckRequest(request).error().param, "stop");
  request.stop.assign(kStopStringsMax, "x");
  EXPECT_TRUE(CheckRequest(request));
}

TEST(Event, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Origin::kDrawn); ++i)
    names.insert(OriginName(static_cast<Origin>(i)));
  EXPECT_EQ(names.size(), 5u);
  names.clear();
  for (int i = 0; i <= static_cast<int>(StopCause::kNothingAllowed); ++i)
    names.insert(StopCauseName(static_cast<StopCause>(i)));
  EXPECT_EQ(names.size(), 6u);
  EXPECT_EQ(FinishReasonName(FinishReason::kStop), "stop");
  EXPECT_EQ(FinishReasonName(FinishReason::kLength), "length");
  EXPECT_EQ(FinishReasonName(FinishReason::kCancelled), "cancelled");
}

}  // namespace
}  // namespace ingle
