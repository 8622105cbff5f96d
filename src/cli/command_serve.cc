// `ingle serve` and `ingle worker`: the server's two processes.

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "cli/command.h"
#include "cli/exit_codes.h"
#include "cli/flags.h"
#include "cli/model_path.h"
#include "server/serve.h"
#include "worker/worker_main.h"

namespace ingle {
namespace {

constexpr size_t kKeyFileBytesMax = size_t{1} << 20;

struct ServeFlags {
  ServeOptions server;
  ModelFlags model;
  SamplingRequest sampling;
  std::string key_file;
};

// One key per line.
Status ReadKeys(const std::string& path, std::vector<std::string>* keys) {
  INGLE_TRY(std::string text, ReadWhole(path, kKeyFileBytesMax));
  size_t begin = 0;
  while (begin < text.size()) {
    size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) keys->push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (!keys->empty()) return {};
  return Fail(ErrorCode::kInvalidRequest, "there is no key in " + path);
}

Result<int> Serve(ServeFlags& flags) {
  INGLE_TRY(ModelPath model, FindModel(flags.model.model));
  if (flags.server.model_id.empty()) flags.server.model_id = model.id;
  if (!flags.key_file.empty())
    INGLE_RETURN_IF_ERROR(ReadKeys(flags.key_file, &flags.server.api_keys));
  if (const char* key = std::getenv("INGLE_API_KEY"); key != nullptr && *key != '\0')
    flags.server.api_keys.push_back(key);
  flags.server.seed = flags.sampling.seed;
  flags.server.worker_arguments = WorkerArguments(model.path, flags.model, flags.sampling);
  return ServeMain(flags.server);
}

struct WorkerFlags {
  WorkerOptions worker;
  ModelFlags model;
  SamplingRequest sampling;
};

int Work(const WorkerFlags& flags) {
  return WorkerMain(
      flags.worker, [&flags](const ReportLoading& report) -> Result<std::unique_ptr<Engine>> {
        INGLE_TRY(EngineOptions options, EngineOptionsOf(flags.model, flags.sampling));
        options.model.on_load_progress = [&report](LoadProgress progress) {
          report(progress.bytes_done, progress.bytes_total);
        };
        options.model.pack_cache.tell = [](bool, const std::string& message) {
          SayAsWorker(message);
        };
        INGLE_TRY(ModelPath model, FindModel(flags.model.model));
        return Engine::Load(model.path, options);
      });
}

}  // namespace

Command AddServe(CLI::App& app) {
  CLI::App* parser = app.add_subcommand(
      "serve", "The OpenAI API on http://localhost:3000, until Ctrl-C or SIGTERM.");
  auto flags = std::make_shared<ServeFlags>();
  AddModelArgument(parser, &flags->model.model);
  parser->add_option("--port", flags->server.port, "Port; 0: any free one, printed")
      ->check(CLI::Range(0, 65535))
      ->envname("INGLE_PORT")
      ->capture_default_str();
  parser
      ->add_option("--host", flags->server.host,
                   "Address to listen on; other than loopback it needs an API key")
      ->envname("INGLE_HOST")
      ->capture_default_str();
  parser
      ->add_option("--api-key", flags->server.api_keys,
                   "Key that clients must send (may be repeated; others see command lines: "
                   "--api-key-file or INGLE_API_KEY hide it)")
      ->allow_extra_args(false);
  parser->add_option("--api-key-file", flags->key_file, "File with one key per line");
  parser
      ->add_option("--allow-origin", flags->server.allowed_origins,
                   "Web origin that may use the server (may be repeated)")
      ->allow_extra_args(false);
  parser->add_option("--alias", flags->server.model_id, "Name of the model in the API");
  parser->add_flag("--strict-model", flags->server.strict_model,
                   "Refuse requests for another model name with 404");
  parser->add_flag("--quiet", flags->server.quiet, "Log warnings and errors only");
  parser
      ->add_option("--drain-timeout-ms", flags->server.drain_timeout_ms,
                   "How long running answers may go on after SIGTERM")
      ->capture_default_str();
  parser
      ->add_option("--stall-timeout-ms", flags->server.stall_timeout_ms,
                   "A worker without progress for this long is restarted")
      ->capture_default_str();
  AddModelFlags(parser, &flags->model);
  AddSamplingFlags(parser, &flags->sampling);
  return {parser, [flags] {
            auto code = Serve(*flags);
            return code ? *code : Complain("serve", code.error());
          }};
}

Command AddWorker(CLI::App& app) {
  CLI::App* parser =
      app.add_subcommand("worker", "One model behind a Unix socket; `ingle serve` starts it.");
  auto flags = std::make_shared<WorkerFlags>();
  AddModelArgument(parser, &flags->model.model);
  parser->add_option("--socket", flags->worker.socket_path, "Path of the socket")->required();
  parser->add_option("--gateway-pid", flags->worker.gateway_pid,
                     "The worker ends with this process");
  AddModelFlags(parser, &flags->model);
  AddSamplingFlags(parser, &flags->sampling);
  return {parser, [flags] { return Work(*flags); }};
}

Command AddVersion(CLI::App& app) {
  CLI::App* parser = app.add_subcommand("version", "The version of this program.");
  return {parser, [] {
            std::printf("ingle %s\n", INGLE_VERSION);
            return kExitDone;
          }};
}

}  // namespace ingle
