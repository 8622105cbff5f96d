#pragma once
// What the server counts, in Prometheus' text form.

#include <atomic>
#include <cstdint>
#include <string>

#include "gateway/gateway.h"
#include "http/server.h"

namespace ingle {

struct Metrics {
  std::atomic<uint64_t> requests{0}, errors_4xx{0}, errors_5xx{0};
  std::atomic<uint64_t> generations{0}, generations_failed{0}, clients_gone{0};
  std::atomic<uint64_t> prompt_tokens{0}, completion_tokens{0};
};

// `http` may be null: then nothing is connected yet.
std::string MetricsText(const Metrics& metrics, const GatewayStatus& status,
                        const HttpServer* http);

}  // namespace ingle
