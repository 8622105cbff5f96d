// `ingle bench`: how fast this machine runs a model. Steps of the model only: no sampling, no text.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/counter_random.h"
#include "base/json.h"
#include "cli/bench_profile.h"
#include "cli/command.h"
#include "cli/exit_codes.h"
#include "cli/flags.h"
#include "cli/model_path.h"
#include "kernels/dispatch.h"
#include "model/model.h"

namespace ingle {
namespace {

struct BenchOptions {
  std::string model = "spark", cache_type = "auto";
  uint32_t prompt = 512, generate = 64, sequences = 1, threads = 0, repeat = 5, chunk = 512;
  uint32_t depth = 0;
  bool json = false, profile = false, limits = false;
  PackCacheFlags pack_cache;
};

struct Repetition {
  ProfiledSteps prefill, decode;
};

class Bench {
 public:
  Bench(Model* model, const BenchOptions& options) : model_(model), options_(options) {}

  Result<Repetition> Run(uint32_t prompt, uint32_t generate) {
    for (uint32_t i = 0; i < options_.sequences; ++i) {
      sequences_.push_back(model_->NewSequence());
      INGLE_RETURN_IF_ERROR(Fill(*sequences_.back(), i));
      INGLE_RETURN_IF_ERROR(
          model_->Reserve(*sequences_.back(), options_.depth + prompt + generate));
    }
    logits_.resize(size_t{options_.sequences} * model_->info().vocab);
    Repetition repetition;
    INGLE_TRY(repetition.prefill, Measured([&] { return Prefill(prompt); }));
    INGLE_TRY(repetition.decode, Measured([&] { return Decode(generate); }));
    sequences_.clear();
    return repetition;
  }

 private:
  template <class Work>
  Result<ProfiledSteps> Measured(Work work) {
    const StepProfile* profile = model_->profile();
    const StepProfile before = profile ? *profile : StepProfile();
    auto begin = std::chrono::steady_clock::now();
    INGLE_RETURN_IF_ERROR(work());
    const auto time = std::chrono::steady_clock::now() - begin;
    return ProfiledSteps{Difference(profile ? *profile : StepProfile(), before),
                         std::chrono::duration<double>(time).count()};
  }

  // What is in the cache before anything is measured. It is the same in every repetition, so that
  // only the first one computes it; each sequence has pages of its own.
  Status Fill(Sequence& sequence, uint32_t number) {
    if (options_.depth == 0) return {};
    std::vector<int32_t> tokens(options_.depth);
    for (uint32_t i = 0; i < options_.depth; ++i)
      tokens[i] = static_cast<int32_t>(UniformDraw(number + 2, i, DrawPurpose::kTest) *
                                       model_->info().vocab);
    model_->Reuse(sequence, "depth " + std::to_string(number), tokens);
    while (sequence.length() < options_.depth) {
      const uint32_t done = sequence.length();
      Segment segment{&sequence, std::span(tokens).subspan(done)};
      segment.tokens = segment.tokens.first(std::min<size_t>(segment.tokens.size(), 512));
      segment.no_logits = true;
      INGLE_RETURN_IF_ERROR(model_->Step(std::span(&segment, 1), {}));
    }
    return {};
  }

  std::vector<int32_t> Tokens(size_t count) {
    std::vector<int32_t> tokens(count);
    for (int32_t& token : tokens)
      token =
          static_cast<int32_t>(UniformDraw(1, draws_++, DrawPurpose::kTest) * model_->info().vocab);
    return tokens;
  }

  // One sequence after the other, in chunks; the last chunk of each gives logits, as in use.
  Status Prefill(uint32_t prompt) {
    for (auto& sequence : sequences_)
      for (uint32_t done = 0; done < prompt;) {
        std::vector<int32_t> tokens = Tokens(std::min(options_.chunk, prompt - done));
        done += static_cast<uint32_t>(tokens.size());
        Segment segment{sequence.get(), tokens, false, done < prompt};
        INGLE_RETURN_IF_ERROR(
            model_->Step(std::span(&segment, 1),
                         std::span(logits_).first(done < prompt ? 0 : model_->info().vocab)));
      }
    return {};
  }

  Status Decode(uint32_t generate) {
    for (uint32_t step = 0; step < generate; ++step) {
      std::vector<int32_t> tokens = Tokens(sequences_.size());
      std::vector<Segment> segments;
      for (size_t i = 0; i < sequences_.size(); ++i)
        segments.push_back({sequences_[i].get(), std::span(&tokens[i], 1), false, false});
      INGLE_RETURN_IF_ERROR(model_->Step(segments, logits_));
    }
    return {};
  }

  Model* model_;
  const BenchOptions& options_;
  std::vector<std::unique_ptr<Sequence>> sequences_;
  std::vector<float> logits_;
  uint64_t draws_ = 0;
};

struct Spread {
  double median = 0, least = 0, most = 0;
};
Spread SpreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t n = values.size();
  return {(values[(n - 1) / 2] + values[n / 2]) / 2, values.front(), values.back()};
}

void PrintSpread(const char* name, const std::vector<double>& values, const char* unit,
                 const char* digits) {
  Spread s = SpreadOf(values);
  std::string format =
      std::string("%-9s ") + digits + " " + unit + "   (" + digits + " to " + digits + ")\n";
  std::printf(format.c_str(), name, s.median, s.least, s.most);
}

// A decode step reads every weight once, whatever the number of sequences; but of experts those
// that one token goes to are counted, and several sequences may need more.
struct Rates {
  double prefill_tps, decode_tps, prefill_gmacs, decode_gmacs, decode_gbs;
};
Rates RatesOf(const Repetition& r, const BenchOptions& options, const ModelInfo& info) {
  double prompt_tokens = double{1} * options.prompt * options.sequences;
  double tokens = double{1} * options.generate * options.sequences;
  double parameters = static_cast<double>(info.active_parameters);
  auto per_second = [](double amount, double seconds) {
    return seconds > 0 ? amount / seconds : 0;
  };
  const double prefill_s = r.prefill.seconds, decode_s = r.decode.seconds;
  return {per_second(prompt_tokens, prefill_s), per_second(tokens, decode_s),
          per_second(prompt_tokens * parameters / 1e9, prefill_s),
          per_second(tokens * parameters / 1e9, decode_s),
          per_second(options.generate * static_cast<double>(info.active_bytes) / 1e9, decode_s)};
}

// One repetition. details: `, "profile": ...` or nothing.
void PrintJson(const Rates& rates, const BenchOptions& options, const ModelInfo& info,
               const std::string& model, const std::string& details) {
  std::printf(
      "{\"model\": %s, \"tier\": \"%s\", \"threads\": %u, \"sequences\": %u, \"prompt\": %u, "
      "\"generate\": %u, \"depth\": %u, \"prefill_tokens_per_second\": %.3f, "
      "\"decode_tokens_per_second\": %.3f, "
      "\"prefill_gmac_per_second\": %.3f, \"decode_gmac_per_second\": %.3f, "
      "\"decode_gb_per_second\": %.3f, \"arithmetic_class\": \"%s\"%s}\n",
      json::serialize(json::value(model)).c_str(), info.tier.c_str(), info.threads,
      options.sequences, options.prompt, options.generate, options.depth, rates.prefill_tps,
      rates.decode_tps, rates.prefill_gmacs, rates.decode_gmacs, rates.decode_gbs,
      info.arithmetic_class.c_str(), details.c_str());
  std::fflush(stdout);
}

std::string DetailsJson(const Repetition& repetition, const MachineLimits& limits) {
  const json::object details = {{"limits", LimitsJson(limits)},
                                {"prefill", ProfileJson(repetition.prefill, limits)},
                                {"decode", ProfileJson(repetition.decode, limits)}};
  return ", \"profile\": " + json::serialize(details);
}

void PrintSummary(const std::vector<Rates>& all, const BenchOptions& options, const ModelInfo& info,
                  const std::string& model) {
  std::printf(
      "%s: %s, %u threads, %u sequence%s, depth %u, prompt %u, generate %u, "
      "%zu repetitions\n",
      model.c_str(), info.tier.c_str(), info.threads, options.sequences,
      options.sequences == 1 ? "" : "s", options.depth, options.prompt, options.generate,
      all.size());
  auto column = [&](double Rates::* member) {
    std::vector<double> values;
    for (const Rates& rates : all) values.push_back(rates.*member);
    return values;
  };
  PrintSpread("prefill", column(&Rates::prefill_tps), "tokens/s", "%9.1f");
  PrintSpread("", column(&Rates::prefill_gmacs), "GMAC/s  ", "%9.1f");
  PrintSpread("decode", column(&Rates::decode_tps), "tokens/s", "%9.1f");
  PrintSpread("", column(&Rates::decode_gmacs), "GMAC/s  ", "%9.1f");
  PrintSpread("", column(&Rates::decode_gbs), "GB/s    ", "%9.1f");
}

// The default prompt shrinks to what a model with a short context takes; one that was asked for is
// refused.
Status FitPrompt(uint32_t context, bool prompt_given, BenchOptions* options) {
  const uint64_t others = uint64_t{options->depth} + options->generate;
  if (options->prompt + others <= context) return {};
  if (prompt_given || others >= context)
    return Fail(ErrorCode::kInvalidRequest,
                std::to_string(options->depth + uint64_t{options->prompt}) + " prompt and " +
                    std::to_string(options->generate) +
                    " generated tokens are more than the model's context of " +
                    std::to_string(context) + "; lower " + (options->depth > 0 ? "--depth, " : "") +
                    "--prompt or --generate");
  options->prompt = context - static_cast<uint32_t>(others);
  std::fprintf(stderr, "ingle: the model's context is %u tokens: the prompt has %u\n", context,
               options->prompt);
  return {};
}

// Of the tier that would run a model.
Result<MachineLimits> LimitsOf(const ModelInfo& info) {
  MachineLimitsOptions limits;
  limits.threads = info.threads;
  limits.tier = info.tier;
  return MeasureMachineLimits(limits);
}

Result<LoadedModel> Load(const BenchOptions& options, const ModelPath& path) {
  ModelOptions model_options;
  model_options.threads = options.threads;
  model_options.cache = CacheTypeOf(options.cache_type);
  model_options.pack_cache = PackCacheOf(options.pack_cache, true);
  // A page more for each sequence than it needs, whatever the page size.
  model_options.cache_tokens = uint64_t{options.sequences} *
                               (uint64_t{options.depth} + options.prompt + options.generate + 4096);
  return LoadModel(path.path, model_options);
}

// --limits: the machine alone.
Status RunLimits(const BenchOptions& options) {
  const char* forced = std::getenv("INGLE_FORCE_ISA");
  INGLE_TRY(const Kernels* kernels, SelectKernels(forced ? forced : ""));
  MachineLimitsOptions what;
  what.threads = options.threads;
  what.tier = kernels->name;
  INGLE_TRY(const MachineLimits limits, MeasureMachineLimits(what));
  if (options.json)
    std::printf("%s\n", json::serialize(LimitsJson(limits)).c_str());
  else
    PrintLimits(limits);
  return {};
}

Status RunBench(BenchOptions options, bool prompt_given) {
  if (options.limits) return RunLimits(options);
  INGLE_TRY(ModelPath path, FindModel(options.model));
  INGLE_TRY(LoadedModel loaded, Load(options, path));
  const ModelInfo& info = loaded.model->info();
  INGLE_RETURN_IF_ERROR(FitPrompt(info.context_max, prompt_given, &options));
  MachineLimits limits;
  if (options.profile) {
    INGLE_TRY(limits, LimitsOf(info));
  }
  Bench bench(loaded.model.get(), options);
  // Warm-up: touches every weight and the first pages of the cache.
  INGLE_TRY([[maybe_unused]] Repetition warm, bench.Run(std::min(options.prompt, 32u), 2));
  loaded.model->ProfileDetails(options.profile);
  std::vector<Rates> all;
  Repetition sum;
  for (uint32_t i = 0; i < options.repeat; ++i) {
    INGLE_TRY(Repetition repetition, bench.Run(options.prompt, options.generate));
    all.push_back(RatesOf(repetition, options, info));
    sum.prefill.Add(repetition.prefill);
    sum.decode.Add(repetition.decode);
    if (options.json)
      PrintJson(all.back(), options, info, path.id,
                options.profile ? DetailsJson(repetition, limits) : "");
  }
  if (options.json) return {};
  PrintSummary(all, options, info, path.id);
  if (!options.profile) return {};
  std::printf("\n");
  PrintLimits(limits);
  PrintProfile("prefill", sum.prefill, limits);
  PrintProfile("decode", sum.decode, limits);
  return {};
}

}  // namespace

Command AddBench(CLI::App& app) {
  CLI::App* parser = app.add_subcommand("bench", "Speed of prefill and decode, with spread.");
  auto options = std::make_shared<BenchOptions>();
  AddModelArgument(parser, &options->model);
  auto number = [&](const char* name, uint32_t* value, const char* help, uint32_t most = 1u << 20,
                    uint32_t least = 1) {
    parser->add_option(name, *value, help)->check(CLI::Range(least, most))->capture_default_str();
  };
  number("--prompt", &options->prompt, "Prompt tokens per sequence");
  number("--generate", &options->generate, "Decode steps");
  number("--sequences", &options->sequences, "Sequences at the same time", 1024);
  number("--repeat", &options->repeat, "Repetitions");
  number("--chunk", &options->chunk, "Prompt tokens per step");
  number("--depth", &options->depth,
         "Tokens in the cache of each sequence before anything is measured", 1u << 20, 0);
  AddThreads(parser, &options->threads);
  AddCacheType(parser, &options->cache_type);
  AddPackCache(parser, &options->pack_cache);
  parser->add_flag("--profile", options->profile,
                   "Where the time of steps goes, as share of what this machine can do");
  parser->add_flag(
      "--limits", options->limits,
      "Only what this machine can do: reading memory and multiplying, without a model");
  parser->add_flag("--json", options->json, "One JSON object per repetition and line on stdout");
  return {parser, [options, parser] {
            Status done = RunBench(*options, parser->count("--prompt") > 0);
            return done ? kExitDone : Complain("bench", done.error());
          }};
}

}  // namespace ingle
