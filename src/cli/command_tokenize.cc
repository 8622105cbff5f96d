// `ingle tokenize` and `ingle detokenize`: text to ids and back. Only the vocabulary of the file is
// looked at.

#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "cli/exit_codes.h"
#include "cli/flags.h"
#include "cli/model_path.h"
#include "cli/token_ids.h"
#include "files/model_files.h"
#include "text/tokenizer.h"

namespace ingle {
namespace {

constexpr size_t kInputBytesMax = size_t{1} << 30;

struct TextOptions {
  std::string model = "spark";
  std::optional<std::string> ids;
  bool no_special = false, skip_special = false;
};

Result<std::unique_ptr<Tokenizer>> Load(const std::string& model) {
  INGLE_TRY(ModelPath path, FindModel(model));
  INGLE_TRY(ModelFiles file, OpenModelFiles(path.path, {.weights = false}));
  auto tokenizer = LoadTokenizer(file.metadata());
  if (!tokenizer) tokenizer.error().message = path.path + ": " + tokenizer.error().message;
  return tokenizer;
}

Status Tokenize(const TextOptions& options) {
  INGLE_TRY(std::unique_ptr<Tokenizer> tokenizer, Load(options.model));
  INGLE_TRY(std::string text, ReadWhole("-", kInputBytesMax));
  bool special = !options.no_special;
  std::string out = "[";
  for (TokenId id : tokenizer->Encode(text, special, special)) {
    if (out.size() > 1) out += ", ";
    out += std::to_string(id);
  }
  out += "]\n";
  std::fwrite(out.data(), 1, out.size(), stdout);
  return {};
}

Status Detokenize(const TextOptions& options) {
  INGLE_TRY(std::unique_ptr<Tokenizer> tokenizer, Load(options.model));
  std::string text = options.ids.value_or("");
  if (!options.ids) {
    INGLE_TRY(text, ReadWhole("-", kInputBytesMax));
  }
  INGLE_TRY(std::vector<TokenId> ids, ParseTokenIds(text, tokenizer->size(), "the token ids"));
  std::string out = tokenizer->Decode(ids, !options.skip_special);
  std::fwrite(out.data(), 1, out.size(), stdout);
  return {};
}

std::function<int()> Runner(const char* name, std::shared_ptr<TextOptions> options,
                            Status (*run)(const TextOptions&)) {
  return [=] {
    Status done = run(*options);
    return done ? kExitDone : Complain(name, done.error());
  };
}

}  // namespace

Command AddTokenize(CLI::App& app) {
  CLI::App* parser = app.add_subcommand(
      "tokenize", "The bytes of stdin, exactly, as a JSON array of token ids on stdout.");
  auto options = std::make_shared<TextOptions>();
  AddModelArgument(parser, &options->model);
  parser->add_flag("--no-special", options->no_special, "Neither add nor recognise special tokens");
  return {parser, Runner("tokenize", options, Tokenize)};
}

Command AddDetokenize(CLI::App& app) {
  CLI::App* parser = app.add_subcommand(
      "detokenize", "Token ids (a JSON array on stdin, or --tokens) as text on stdout.");
  auto options = std::make_shared<TextOptions>();
  AddModelArgument(parser, &options->model);
  parser->add_option("--tokens", options->ids, "Ids instead of stdin: 1,2,3");
  parser->add_flag("--skip-special", options->skip_special, "Leave control tokens out");
  return {parser, Runner("detokenize", options, Detokenize)};
}

}  // namespace ingle
