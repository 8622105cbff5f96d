// `ingle show`: what is in a model file, and what it will take to run it.

#include <cstdio>
#include <map>
#include <memory>

#include "cli/answer.h"
#include "cli/command.h"
#include "cli/exit_codes.h"
#include "cli/flags.h"
#include "cli/model_path.h"
#include "cli/show_model.h"

namespace ingle {
namespace {

struct ShowOptions {
  std::string model = "spark", cache_type = "auto";
  uint32_t context = 0;
  bool json = false, chat_template = false;
};

std::string HumanBytes(double bytes) {
  const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  for (; bytes >= 1024 && unit < 4; ++unit) bytes /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

std::string Text(const json::value& value) {
  if (value.is_double()) {  // 0.95, where JSON would say 9.5E-1.
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", value.get_double());
    return text;
  }
  return Harmless(value.is_string() ? std::string(value.get_string()) : json::serialize(value));
}

// Indents a template so that it cannot be mistaken for the rest.
void PrintIndented(std::string_view text) {
  std::string line;
  for (char c : text) {
    if (c != '\n') {
      line += c;
      continue;
    }
    std::printf("    %s\n", Harmless(line).c_str());
    line.clear();
  }
  if (!line.empty()) std::printf("    %s\n", Harmless(line).c_str());
}

void PrintBytes(const char* name, const json::object& memory, std::string_view key) {
  std::printf("  %-18s %s\n", name, HumanBytes(memory.at(key).to_number<double>()).c_str());
}

// Where a value comes from: "0.6 (generation_config.temperature)", "0.95 (built-in)".
void PrintSampling(const json::object& sampling) {
  std::printf("sampling\n");
  for (const json::key_value_pair& field : sampling) {
    const json::object& entry = field.value().as_object();
    const json::value* key = entry.if_contains("key");
    std::printf("  %-18s %-6s %s%s\n", std::string(field.key()).c_str(),
                Text(entry.at("value")).c_str(), Text(entry.at("origin")).c_str(),
                key == nullptr ? "" : (": " + Text(*key)).c_str());
  }
}

void PrintTemplate(const json::object& model, bool full_template) {
  const json::value& source = model.at("chat_template");
  if (!source.is_string()) {
    std::printf("chat template   none: chat is refused\n");
  } else if (full_template) {
    std::printf("chat template\n");
    PrintIndented(source.get_string());
  } else {
    std::printf(
        "chat template   %zu characters%s%s (--template shows it)\n", source.get_string().size(),
        model.at("template_error").is_string() ? ", broken: " : "",
        model.at("template_error").is_string() ? Text(model.at("template_error")).c_str() : "");
  }
  if (model.at("chat_templates").as_array().size() > 1) {
    std::printf("  variants        ");
    for (const json::value& name : model.at("chat_templates").as_array())
      std::printf(" %s", Text(name).c_str());
    std::printf("\n");
  }
  if (!model.at("template_abilities").is_object()) return;
  for (const json::key_value_pair& ability : model.at("template_abilities").as_object()) {
    const std::string name(ability.key());
    if (!ability.value().is_object()) {  // thinking_variable, generation_prompt.
      if (ability.value().is_string())
        std::printf("  %-20s %s\n", name.c_str(), Text(ability.value()).c_str());
      continue;
    }
    const json::object& entry = ability.value().get_object();
    const json::value* detail = entry.if_contains("detail");
    std::printf("  %-20s %s%s\n", name.c_str(), Text(entry.at("answer")).c_str(),
                detail == nullptr ? "" : (": " + Text(*detail)).c_str());
  }
}

void PrintHuman(const json::object& model, bool full_template) {
  std::printf("file            %s (%s)\n", Text(model.at("path")).c_str(),
              HumanBytes(model.at("file_bytes").to_number<double>()).c_str());
  std::printf("runs here       %s\n", Text(model.at("runs")).c_str());
  std::printf("tokenizer       %s\n", Text(model.at("tokenizer")).c_str());
  std::printf("end of answer  ");
  for (const json::value& token : model.at("end_tokens").as_array())
    std::printf(" %s %s (%s)", Text(token.at("id")).c_str(), Text(token.at("spelling")).c_str(),
                Text(token.at("source")).c_str());
  std::printf("\ntensors        %s",
              model.at("tensor_types").as_object().empty() ? " none: a vocabulary only" : "");
  for (const json::key_value_pair& type : model.at("tensor_types").as_object())
    std::printf(" %s x %s", Text(type.value()).c_str(), std::string(type.key()).c_str());
  std::printf("\nparameters      %s\n", Text(model.at("parameters")).c_str());
  if (const json::value* memory = model.if_contains("memory")) {
    const json::object& m = memory->as_object();
    std::printf("memory for %s tokens of context\n", Text(m.at("context")).c_str());
    PrintBytes("weights", m, "weight_bytes");
    PrintBytes(("cache in " + Text(m.at("cache_type"))).c_str(), m, "cache_bytes");
    PrintBytes("program and passes", m, "working_bytes");
    PrintBytes("together", m, "total_bytes");
  }
  std::printf("metadata\n");
  for (const json::key_value_pair& entry : model.at("metadata").as_object())
    std::printf("  %s = %s\n", std::string(entry.key()).c_str(), Text(entry.value()).c_str());
  PrintSampling(model.at("sampling").as_object());
  PrintTemplate(model, full_template);
  for (const json::value& warning : model.at("warnings").as_array())
    std::printf("warning         %s\n", Text(warning).c_str());
}

Status Run(const ShowOptions& options) {
  INGLE_TRY(ModelPath path, FindModel(options.model));
  INGLE_TRY(json::object model,
            DescribeModel(path.path, CacheTypeOf(options.cache_type), options.context));
  if (options.json)
    std::printf("%s\n", json::serialize(model).c_str());
  else
    PrintHuman(model, options.chat_template);
  return {};
}

}  // namespace

Command AddShow(CLI::App& app) {
  CLI::App* parser = app.add_subcommand(
      "show", "What a model file holds: metadata, sizes, template, end tokens, memory it needs.");
  auto options = std::make_shared<ShowOptions>();
  AddModelArgument(parser, &options->model);
  parser->add_flag("--json", options->json, "One JSON object on stdout");
  parser->add_flag("--template", options->chat_template, "The whole chat template");
  parser
      ->add_option("--ctx", options->context,
                   "Tokens for the memory estimate; default: what the model was trained for")
      ->check(CLI::Range(1u, 1u << 30));
  AddCacheType(parser, &options->cache_type);
  return {parser, [options] {
            Status done = Run(*options);
            return done ? kExitDone : Complain("show", done.error());
          }};
}

}  // namespace ingle
