#include "api/models.h"

namespace ingle {

json::object ModelJson(const ModelEntry& model) {
  json::object out{{"id", model.id},
                   {"object", "model"},
                   {"created", model.created_s},
                   {"owned_by", "ingle"},
                   {"state", model.state}};
  if (model.context > 0) out["max_model_len"] = model.context;
  if (!model.architecture.empty()) out["architecture"] = model.architecture;
  if (!model.text_facts.empty()) out["ingle"] = model.text_facts;
  return out;
}

json::object ModelListJson(const ModelEntry& model) {
  return {{"object", "list"}, {"data", json::array{ModelJson(model)}}};
}

}  // namespace ingle
