#pragma once
// GET /v1/models and /v1/models/{id}.

#include <string>

#include "base/json.h"

namespace ingle {

struct ModelEntry {
  std::string id;
  int64_t created_s = 0;
  std::string state;     // "ready", "loading", ...
  uint32_t context = 0;  // 0: not known yet.
  std::string architecture;
  json::object text_facts;  // What the model's files say; empty: not known yet.
};

json::object ModelJson(const ModelEntry& model);
json::object ModelListJson(const ModelEntry& model);

}  // namespace ingle
