// `ingle quantize`: a GGUF file becomes one with weights of another type.

#include <memory>

#include "cli/command.h"
#include "cli/conversion.h"

namespace ingle {
namespace {

struct Options {
  std::string input, output;
  ConversionFlags flags;
};

}  // namespace

Command AddQuantize(CLI::App& app) {
  CLI::App* parser =
      app.add_subcommand("quantize", "Write a GGUF file again with weights of another type.");
  auto options = std::make_shared<Options>();
  parser->add_option("IN", options->input, "A GGUF file, or the first of a split one")->required();
  parser->add_option("OUT", options->output, "The .gguf file to write")->required();
  AddConversionFlags(parser, &options->flags);
  parser->get_option("--type")->required();
  parser->add_flag("--allow-requantize", options->flags.allow_requantize,
                   "Quantise weights that are quantised already, at a loss");
  return {parser, [options] {
            return RunConversion("quantize", options->output, options->flags,
                                 [&](const ConvertOptions& how) {
                                   return QuantizeFile(options->input, options->output, how);
                                 });
          }};
}

}  // namespace ingle
