#pragma once
// Options that several commands share.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace ingle {

// Where packed weights are kept for the next start.
struct PackCacheFlags {
  std::string directory;
  uint64_t gigabytes = 64;
};
void AddPackCache(CLI::App* parser, PackCacheFlags* flags);
// What became of the cache goes to stderr, mere news only if `verbose`.
PackCacheOptions PackCacheOf(const PackCacheFlags& flags, bool verbose);

// How a model is loaded.
struct ModelFlags {
  std::string model = "spark";
  uint32_t context = 0;
  uint32_t threads = 0;
  uint32_t max_sequences = 32;
  uint32_t prompt_chunk = 256;
  uint64_t cache_tokens = 0;
  std::string cache_type = "auto";
  std::string chat_template;  // File.
  PackCacheFlags pack_cache;
};
inline constexpr char kModelArgumentHelp[] =
    "Path of a GGUF file or of a Hugging Face directory, or spark (the default)";
void AddModelArgument(CLI::App* parser, std::string* model);
void AddThreads(CLI::App* parser, uint32_t* threads);
void AddCacheType(CLI::App* parser, std::string* cache_type);
void AddModelFlags(CLI::App* parser, ModelFlags* flags);
CacheType CacheTypeOf(const std::string& name);
Result<EngineOptions> EngineOptionsOf(const ModelFlags& flags, const SamplingRequest& sampling,
                                      bool verbose = false);
// The same flags as arguments of `ingle worker`.
std::vector<std::string> WorkerArguments(const std::string& path, const ModelFlags& flags,
                                         const SamplingRequest& sampling);

// --temperature, --top-k, ...: one per row of request_limits.h; and --seed, --logit-bias.
void AddSamplingFlags(CLI::App* parser, SamplingRequest* sampling);

// What one answer may be like.
struct AnswerFlags {
  SamplingRequest sampling;
  std::optional<uint32_t> max_tokens;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  std::string system;
  std::string variables;  // --set: JSON object.
  bool verbose = false, quiet = false;
};
void AddAnswerFlags(CLI::App* parser, AnswerFlags* flags);
// Everything but prompt and id.
GenerateRequest RequestOf(const AnswerFlags& flags);
// --set as an object, and not one of the names that the renderer fills in.
Result<json::object> VariablesOf(const AnswerFlags& flags);

// The whole of a file, "-" for stdin; at most `limit` bytes.
Result<std::string> ReadWhole(const std::string& path, size_t limit);

}  // namespace ingle
