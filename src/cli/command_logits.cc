// `ingle logits`: the logits after each of some tokens, as a NumPy file. For comparing with other
// programs, and with itself in every way a step can be cut.

#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/counter_random.h"
#include "cli/command.h"
#include "cli/exit_codes.h"
#include "cli/flags.h"
#include "cli/model_path.h"
#include "cli/npy.h"
#include "cli/token_ids.h"
#include "model/model.h"

namespace ingle {
namespace {

constexpr uint32_t kNeighbourPromptMax = 40;  // Tokens of a neighbour in its first step.
constexpr uint64_t kNeighbourSeed = 1000;
constexpr uint64_t kFloatsMax = uint64_t{1} << 34;  // 64 GiB of logits.

struct LogitsOptions {
  std::string model = "spark", tokens, output, cache_type = "auto";
  uint32_t threads = 0, chunk = 0, neighbours = 0;
};

// Another sequence in the same steps: some tokens at first, then one a step, all from its seed.
struct Neighbour {
  std::unique_ptr<Sequence> sequence;
  std::vector<int32_t> tokens;  // Of this step.
  uint64_t seed = 0;

  Status Prepare(Model& model, uint32_t step) {
    auto draw = [&](uint64_t i, uint32_t below) {
      return static_cast<uint32_t>(UniformDraw(seed, uint64_t{step} << 32 | i, DrawPurpose::kTest) *
                                   below);
    };
    if (sequence == nullptr) sequence = model.NewSequence();
    const uint32_t context = model.info().context_max;
    if (sequence->length() >= context) sequence = model.NewSequence();  // It begins again.
    uint32_t count = step == 0 ? std::min(1 + draw(0, kNeighbourPromptMax), context) : 1;
    tokens.clear();
    for (uint32_t i = 1; i <= count; ++i)
      tokens.push_back(static_cast<int32_t>(draw(i, model.info().vocab)));
    return model.Reserve(*sequence, sequence->length() + count);
  }
};

struct Outcome {
  std::vector<float> logits;  // [tokens, vocab]
  uint32_t steps = 0;
};

// One step per chunk; neighbours stand before and after the sequence that is looked at.
Result<Outcome> Compute(Model& model, std::span<const int32_t> tokens,
                        const LogitsOptions& options) {
  const size_t vocab = model.info().vocab;
  std::vector<Neighbour> neighbours(options.neighbours);
  for (size_t i = 0; i < neighbours.size(); ++i) neighbours[i].seed = kNeighbourSeed + i;
  auto sequence = model.NewSequence();
  INGLE_RETURN_IF_ERROR(model.Reserve(*sequence, static_cast<uint32_t>(tokens.size())));
  Outcome outcome;
  std::vector<float> rows;
  const size_t chunk = options.chunk == 0 ? tokens.size() : options.chunk;
  for (size_t begin = 0; begin < tokens.size(); begin += chunk, ++outcome.steps) {
    auto run = tokens.subspan(begin, std::min(chunk, tokens.size() - begin));
    std::vector<Segment> segments;
    size_t before = 0;  // Rows of neighbours in front.
    for (size_t i = 0; i < neighbours.size(); ++i) {
      if (i == neighbours.size() / 2) before = segments.size();
      if (i == neighbours.size() / 2) segments.push_back({sequence.get(), run, true, false});
      INGLE_RETURN_IF_ERROR(neighbours[i].Prepare(model, outcome.steps));
      segments.push_back({neighbours[i].sequence.get(), neighbours[i].tokens, false, false});
    }
    if (neighbours.empty()) segments.push_back({sequence.get(), run, true, false});
    rows.resize((run.size() + neighbours.size()) * vocab);
    INGLE_RETURN_IF_ERROR(model.Step(segments, rows));
    auto first = rows.begin() + static_cast<ptrdiff_t>(before * vocab);
    outcome.logits.insert(outcome.logits.end(), first,
                          first + static_cast<ptrdiff_t>(run.size() * vocab));
  }
  return outcome;
}

Status Run(const LogitsOptions& options) {
  INGLE_TRY(ModelPath path, FindModel(options.model));
  ModelOptions model_options;
  model_options.threads = options.threads;
  model_options.cache = CacheTypeOf(options.cache_type);
  auto count = static_cast<uint64_t>(std::count(options.tokens.begin(), options.tokens.end(), ','));
  // A page more for each sequence than it needs, whatever the page size.
  model_options.cache_tokens =
      (count + 1 + 4096) + options.neighbours * (count + kNeighbourPromptMax + 4096);
  INGLE_TRY(LoadedModel loaded, LoadModel(path.path, model_options));
  for (const std::string& warning : loaded.warnings)
    std::fprintf(stderr, "ingle: warning: %s\n", warning.c_str());
  const ModelInfo& info = loaded.model->info();
  INGLE_TRY(std::vector<int32_t> tokens, ParseTokenIds(options.tokens, info.vocab, "--tokens"));
  if (tokens.empty()) return Fail(ErrorCode::kInvalidRequest, "--tokens is empty");
  if (tokens.size() > kFloatsMax / info.vocab)
    return Fail(ErrorCode::kTooLarge, "the logits of so many tokens do not fit into memory");
  INGLE_TRY(Outcome outcome, Compute(*loaded.model, tokens, options));
  INGLE_RETURN_IF_ERROR(WriteNpy(options.output, outcome.logits, tokens.size(), info.vocab));
  std::fprintf(stderr, "tier=%s steps=%u threads=%u\n", info.tier.c_str(), outcome.steps,
               info.threads);
  return {};
}

}  // namespace

Command AddLogits(CLI::App& app) {
  CLI::App* parser = app.add_subcommand(
      "logits", "Logits after each token: float32 [tokens, vocab] in a NumPy file.");
  auto options = std::make_shared<LogitsOptions>();
  AddModelArgument(parser, &options->model);
  parser->add_option("--tokens", options->tokens, "Token ids: 1,2,3")->required();
  parser->add_option("-o,--output", options->output, "The .npy file to write")
      ->required()
      ->check(
          [](const std::string& path) { return path.empty() ? "needs the name of a file" : ""; });
  parser->add_option("--chunk", options->chunk, "Tokens per step; default: all in one")
      ->check(CLI::Range(1u, 1u << 20));
  AddThreads(parser, &options->threads);
  AddCacheType(parser, &options->cache_type);
  parser
      ->add_option("--neighbours", options->neighbours,
                   "Other (seeded) sequences in every step; they must not change a bit")
      ->check(CLI::Range(0u, 256u));
  return {parser, [options] {
            Status done = Run(*options);
            return done ? kExitDone : Complain("logits", done.error());
          }};
}

}  // namespace ingle
