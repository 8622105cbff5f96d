// `ingle convert`: a directory as Hugging Face publishes it becomes a GGUF file.

#include <memory>

#include "cli/command.h"
#include "cli/conversion.h"

namespace ingle {
namespace {

struct Options {
  std::string directory, output;
  ConversionFlags flags;
};

}  // namespace

Command AddConvert(CLI::App& app) {
  CLI::App* parser = app.add_subcommand(
      "convert", "Make a GGUF file of a directory as Hugging Face publishes models.");
  auto options = std::make_shared<Options>();
  parser->add_option("DIR", options->directory, "config.json, *.safetensors, tokenizer.json")
      ->required();
  parser->add_option("-o,--output", options->output, "The .gguf file to write")->required();
  AddConversionFlags(parser, &options->flags);
  parser->footer(
      "Without --type weights keep the type they are stored in; int4 layers (GPTQ, AWQ) "
      "become F16.");
  return {parser, [options] {
            return RunConversion(
                "convert", options->output, options->flags, [&](const ConvertOptions& how) {
                  return ConvertDirectory(options->directory, options->output, how);
                });
          }};
}

}  // namespace ingle
