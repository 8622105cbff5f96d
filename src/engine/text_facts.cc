#include "engine/text_facts.h"

namespace ingle {

json::object DescribeText(const ModelDefaults& defaults) {
  return {{"sampling", DescribeDefaults(defaults, {})},
          {"end_tokens", json::array()},
          {"chat_templates", json::array()},
          {"template_error", nullptr},
          {"template_abilities", nullptr},
          {"warnings", json::array()}};
}

json::object DescribeText(const EngineParts& parts, std::span<const EndToken> end_tokens,
                          const ModelDefaults& defaults, const SamplingRequest& server) {
  json::object out = DescribeText(defaults);
  out["sampling"] = DescribeDefaults(defaults, server);
  json::array& ends = out["end_tokens"].as_array();
  for (const EndToken& token : end_tokens)
    ends.push_back(
        json::object{{"id", token.id}, {"spelling", token.spelling}, {"source", token.source}});
  json::array& names = out["chat_templates"].as_array();
  for (const std::string& name : parts.template_names) names.push_back(json::value(name));
  json::array& warnings = out["warnings"].as_array();
  for (const Warning& warning : parts.warnings) warnings.push_back(json::value(warning.message));
  if (!parts.template_error.empty()) out["template_error"] = parts.template_error;
  if (parts.chat_template == nullptr) return out;
  out["template_abilities"] = DescribeReport(parts.template_report);
  for (const std::string& line : Shortcomings(parts.template_report))
    warnings.push_back(json::value("the chat template cannot do all: " + line));
  return out;
}

}  // namespace ingle
