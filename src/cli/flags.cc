#include "cli/flags.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <utility>

#include "api/chat_messages.h"
#include "request/request_limits.h"

namespace ingle {
namespace {

constexpr size_t kTemplateBytesMax = size_t{1} << 20;

constexpr std::pair<const char*, CacheType> kCacheTypes[] = {{"auto", CacheType::kAuto},
                                                             {"bf16", CacheType::kBf16},
                                                             {"f32", CacheType::kF32},
                                                             {"i8", CacheType::kI8}};

std::string FlagName(std::string_view field) {
  std::string name = "--" + std::string(field);
  for (char& c : name)
    if (c == '_') c = '-';
  return name;
}

std::string NumberText(double value) {
  char text[32];
  auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return std::string(text, end);
}

std::string CheckText(const SamplingField& field, const std::string& text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return "needs a number, not '" + text + "'";
  if (field.integer && value != std::floor(value)) return "needs a whole number";
  Status inside = CheckRange(field, value);
  return inside ? "" : inside.error().message;
}

void SetField(const SamplingField& field, double value, SamplingRequest* sampling) {
  if (field.number != nullptr) sampling->*field.number = value;
  if (field.whole != nullptr) sampling->*field.whole = static_cast<int64_t>(value);
}

// "ID=BIAS", or "ID=off" to forbid the token.
std::string ParseBias(const std::string& text, SamplingRequest* sampling) {
  size_t equals = text.find('=');
  int32_t token = -1;
  double bias = 0;
  const char* begin = text.data();
  if (equals != std::string::npos)
    if (auto r = std::from_chars(begin, begin + equals, token); r.ptr != begin + equals) token = -1;
  std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
  auto r = std::from_chars(value.data(), value.data() + value.size(), bias);
  bool number = !value.empty() && r.ec == std::errc() && r.ptr == value.data() + value.size();
  if (value == "off") bias = -INFINITY;
  if (token < 0 || !(number || value == "off"))
    return "needs TOKEN_ID=NUMBER or TOKEN_ID=off, not '" + text + "'";
  SamplingRequest alone;
  alone.logit_bias.emplace_back(token, bias);
  if (Status inside = CheckSampling(alone); !inside) return inside.error().message;
  sampling->logit_bias.emplace_back(token, bias);
  return "";
}

void Append(const char* name, const std::string& value, std::vector<std::string>* arguments) {
  arguments->push_back(name);
  arguments->push_back(value);
}

void AppendSampling(const SamplingRequest& sampling, std::vector<std::string>* arguments) {
  for (const SamplingField& field : SamplingFields()) {
    std::string name = FlagName(field.name);
    if (field.number != nullptr && (sampling.*field.number).has_value())
      Append(name.c_str(), NumberText(*(sampling.*field.number)), arguments);
    if (field.whole != nullptr && (sampling.*field.whole).has_value())
      Append(name.c_str(), std::to_string(*(sampling.*field.whole)), arguments);
  }
  if (sampling.seed) Append("--seed", std::to_string(*sampling.seed), arguments);
  for (const auto& [token, bias] : sampling.logit_bias)
    Append("--logit-bias",
           std::to_string(token) + "=" + (std::isinf(bias) ? "off" : NumberText(bias)), arguments);
}

}  // namespace

void AddModelArgument(CLI::App* parser, std::string* model) {
  parser->add_option("MODEL", *model, kModelArgumentHelp);
}

void AddThreads(CLI::App* parser, uint32_t* threads) {
  parser
      ->add_option("--threads", *threads,
                   "Threads; default: one per core, fewer for models of less than 16 MiB each")
      ->check(CLI::Range(1u, 1024u));
}

void AddCacheType(CLI::App* parser, std::string* cache_type) {
  std::vector<std::string> names;
  for (const auto& [name, type] : kCacheTypes) names.emplace_back(name);
  parser
      ->add_option(
          "--cache-type", *cache_type,
          "Numbers in the KV cache: bf16, f32, i8 (8.5 bits, half of bf16's memory), or auto "
          "(f32 for F16 and F32 models, bf16 for others)")
      ->check(CLI::IsMember(names));
}

void AddPackCache(CLI::App* parser, PackCacheFlags* flags) {
  parser
      ->add_option("--pack-cache", flags->directory,
                   "Folder for packed weights, so that later starts are faster; default: none")
      ->envname("INGLE_PACK_CACHE");
  parser
      ->add_option("--pack-cache-gb", flags->gigabytes,
                   "Room for them; the models unused for longest make way")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 20))
      ->capture_default_str();
}

PackCacheOptions PackCacheOf(const PackCacheFlags& flags, bool verbose) {
  PackCacheOptions options;
  options.directory = flags.directory;
  options.bytes_max = flags.gigabytes * 1'000'000'000;
  options.tell = [verbose](bool warning, const std::string& message) {
    if (warning || verbose) std::fprintf(stderr, "ingle: %s\n", message.c_str());
  };
  return options;
}

void AddModelFlags(CLI::App* parser, ModelFlags* flags) {
  parser
      ->add_option("--ctx", flags->context,
                   "Tokens of prompt and answer together; default: what the model was trained for")
      ->check(CLI::Range(2u, 1u << 30));
  AddThreads(parser, &flags->threads);
  AddCacheType(parser, &flags->cache_type);
  parser
      ->add_option("--cache-tokens", flags->cache_tokens,
                   "Room in the KV cache for the tokens of all sequences together")
      ->check(CLI::Range(uint64_t{2}, uint64_t{1} << 40));
  parser->add_option("--max-sequences", flags->max_sequences, "Answers computed at the same time")
      ->check(CLI::Range(1u, 1024u))
      ->capture_default_str();
  parser->add_option("--prompt-chunk", flags->prompt_chunk, "Prompt tokens per step")
      ->check(CLI::Range(1u, 1u << 16))
      ->capture_default_str();
  parser
      ->add_option("--chat-template", flags->chat_template,
                   "File with a Jinja template to use instead of the model's own")
      ->check(CLI::ExistingFile);
  AddPackCache(parser, &flags->pack_cache);
}

CacheType CacheTypeOf(const std::string& name) {
  for (const auto& [known, type] : kCacheTypes)
    if (name == known) return type;
  return CacheType::kAuto;
}

Result<EngineOptions> EngineOptionsOf(const ModelFlags& flags, const SamplingRequest& sampling,
                                      bool verbose) {
  EngineOptions options;
  options.model.threads = flags.threads;
  options.model.cache = CacheTypeOf(flags.cache_type);
  options.model.cache_tokens = flags.cache_tokens;
  options.model.pack_cache = PackCacheOf(flags.pack_cache, verbose);
  options.context = flags.context;
  options.max_sequences = flags.max_sequences;
  options.prompt_chunk = flags.prompt_chunk;
  options.sampling = sampling;
  if (!flags.chat_template.empty()) {
    INGLE_TRY(options.chat_template, ReadWhole(flags.chat_template, kTemplateBytesMax));
  }
  return options;
}

std::vector<std::string> WorkerArguments(const std::string& path, const ModelFlags& flags,
                                         const SamplingRequest& sampling) {
  std::vector<std::string> arguments{"ingle", "worker", path};
  if (flags.context != 0) Append("--ctx", std::to_string(flags.context), &arguments);
  if (flags.threads != 0) Append("--threads", std::to_string(flags.threads), &arguments);
  if (flags.cache_tokens != 0)
    Append("--cache-tokens", std::to_string(flags.cache_tokens), &arguments);
  Append("--cache-type", flags.cache_type, &arguments);
  Append("--max-sequences", std::to_string(flags.max_sequences), &arguments);
  Append("--prompt-chunk", std::to_string(flags.prompt_chunk), &arguments);
  if (!flags.chat_template.empty()) Append("--chat-template", flags.chat_template, &arguments);
  if (!flags.pack_cache.directory.empty()) {
    Append("--pack-cache", flags.pack_cache.directory, &arguments);
    Append("--pack-cache-gb", std::to_string(flags.pack_cache.gigabytes), &arguments);
  }
  AppendSampling(sampling, &arguments);
  return arguments;
}

void AddSamplingFlags(CLI::App* parser, SamplingRequest* sampling) {
  for (const SamplingField& field : SamplingFields()) {
    std::string help = std::string(field.meaning) + " [" + RangeText(field) + "]";
    parser
        ->add_option_function<double>(
            FlagName(field.name),
            [&field, sampling](double value) { SetField(field, value, sampling); }, help)
        ->check([&field](const std::string& text) { return CheckText(field, text); })
        ->group("Sampling");
  }
  parser
      ->add_option_function<uint64_t>(
          "--seed", [sampling](uint64_t seed) { sampling->seed = seed; },
          "the same seed gives the same answer; default: drawn, and reported")
      ->check([](const std::string& text) {  // The parser itself takes -1 for 2^64 - 1.
        uint64_t seed = 0;
        const char* end = text.data() + text.size();
        const auto read = std::from_chars(text.data(), end, seed);
        const bool whole = read.ec == std::errc() && read.ptr == end;
        return whole ? "" : "needs a whole number from 0 to 2^64 - 1, not '" + text + "'";
      })
      ->group("Sampling");
  parser
      ->add_option_function<std::vector<std::string>>(
          "--logit-bias",
          [sampling](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) ParseBias(text, sampling);
          },
          "TOKEN_ID=NUMBER added to a token's logit; TOKEN_ID=off forbids it")
      ->check([](const std::string& text) {
        SamplingRequest unused;
        return ParseBias(text, &unused);
      })
      ->allow_extra_args(false)
      ->group("Sampling");
}

void AddAnswerFlags(CLI::App* parser, AnswerFlags* flags) {
  AddSamplingFlags(parser, &flags->sampling);
  parser->add_option("--max-tokens", flags->max_tokens, "Longest answer; default: the context")
      ->check(CLI::Range(1u, 2147483647u));
  parser->add_option("--stop", flags->stop, "End the answer before this text (may be repeated)")
      ->allow_extra_args(false)
      ->check([](const std::string& text) {
        GenerateRequest alone;
        alone.stop = {text};
        Status fine = CheckRequest(alone);
        return fine ? "" : fine.error().message;
      });
  parser->add_flag("--ignore-eos", flags->ignore_eos, "Never end before --max-tokens");
  parser->add_option("--system", flags->system, "System message");
  parser
      ->add_option("--set", flags->variables,
                   "JSON object of template variables, e.g. '{\"enable_thinking\": false}'")
      ->check([](const std::string& text) {
        auto parsed = ParseJson(text, "it");
        if (!parsed) return parsed.error().message;
        return std::string(parsed->is_object() ? "" : "needs a JSON object");
      });
  parser->add_flag("-v,--verbose", flags->verbose,
                   "Show on stderr what the model gets: prompt, values, limits");
  parser->add_flag("-q,--quiet", flags->quiet, "No statistics on stderr");
}

GenerateRequest RequestOf(const AnswerFlags& flags) {
  GenerateRequest request;
  request.sampling = flags.sampling;
  request.max_tokens = flags.max_tokens;
  request.stop = flags.stop;
  request.ignore_eos = flags.ignore_eos;
  return request;
}

Result<json::object> VariablesOf(const AnswerFlags& flags) {
  if (flags.variables.empty()) return json::object();
  INGLE_TRY(json::value parsed, ParseJson(flags.variables, "--set"));
  if (!parsed.is_object())
    return Fail(ErrorCode::kInvalidRequest, "--set must be a JSON object", "set");
  INGLE_RETURN_IF_ERROR(CheckTemplateVariables(parsed.get_object()));
  return std::move(parsed).as_object();
}

Result<std::string> ReadWhole(const std::string& path, size_t limit) {
  FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  std::string name = path == "-" ? "standard input" : path;
  if (file == nullptr)
    return Fail(ErrorCode::kNotFound, "cannot open " + name + ": " + std::strerror(errno));
  std::string content;
  char buffer[65536];
  size_t got = 0;
  while (content.size() <= limit && (got = std::fread(buffer, 1, sizeof buffer, file)) > 0)
    content.append(buffer, got);
  bool failed = std::ferror(file) != 0;
  if (file != stdin) std::fclose(file);
  if (failed) return Fail(ErrorCode::kInternal, "cannot read " + name);
  if (content.size() > limit)
    return Fail(ErrorCode::kTooLarge,
                name + " has more than " + std::to_string(limit) + " bytes, the limit");
  return content;
}

}  // namespace ingle
