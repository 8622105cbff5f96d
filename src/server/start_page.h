#pragma once
// GET /: what runs here and how to use it.

#include <string>

#include "gateway/gateway.h"

namespace ingle {

std::string StartPage(const std::string& model_id, const GatewayStatus& status,
                      const std::string& base_url);

}  // namespace ingle
