#include "cli/conversion.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>

#include "cli/answer.h"
#include "cli/exit_codes.h"
#include "os/cpu_topology.h"

namespace ingle {
namespace {

using Clock = std::chrono::steady_clock;

volatile std::sig_atomic_t stopped = 0;

// Ctrl-C, and what ends a session: the partial file goes before we do.
void CatchStops() {
  struct sigaction action = {};
  action.sa_handler = [](int) { stopped = 1; };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

double MebiBytes(uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

// One line, written over in a terminal and now and then elsewhere.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

  bool Show(const std::string& tensor, uint64_t written, uint64_t total) {
    if (stopped != 0) return false;
    const auto now = Clock::now();
    const auto interval = terminal_ ? std::chrono::milliseconds(200) : std::chrono::seconds(5);
    if (quiet_ || now - shown_ < interval) return true;
    shown_ = now;
    std::fprintf(stderr, "%s%5.1f %%  %.0f of %.0f MiB  %s%s", terminal_ ? "\r\x1b[K" : "",
                 100.0 * static_cast<double>(written) / static_cast<double>(total),
                 MebiBytes(written), MebiBytes(total), Harmless(tensor).c_str(),
                 terminal_ ? "" : "\n");
    dirty_ = terminal_;
    return true;
  }
  void Finish() {
    if (dirty_) std::fputs("\r\x1b[K", stderr);
    dirty_ = false;
  }

 private:
  bool quiet_, terminal_, dirty_ = false;
  Clock::time_point shown_ = Clock::now();
};

void PrintReport(const std::string& output, const ConvertReport& report, double seconds) {
  std::fprintf(stderr, "%s: %s, %.1f MiB from %.1f MiB in %.1f s, %.2f bits per weight\n",
               Harmless(output).c_str(), report.file_type.c_str(), MebiBytes(report.output_bytes),
               MebiBytes(report.input_bytes), seconds,
               8 * static_cast<double>(report.output_bytes) /
                   static_cast<double>(std::max<uint64_t>(1, report.weights)));
  for (const TypeTotal& total : report.types)
    std::fprintf(stderr, "  %-5s %4zu tensors %10.1f MiB\n", total.type.c_str(), total.tensors,
                 MebiBytes(total.bytes));
}

std::string KnownTypes() {
  std::string names;
  for (const FileType& type : AllFileTypes())
    names += (names.empty() ? "" : ", ") + std::string(type.name);
  return names;
}

}  // namespace

void AddConversionFlags(CLI::App* parser, ConversionFlags* flags) {
  parser->add_option("--type", flags->type, "Of the weights: " + KnownTypes())
      ->check([](const std::string& name) {
        return FindFileType(name) != nullptr
                   ? ""
                   : "'" + name + "' is no type; known are " + KnownTypes();
      });
  parser->add_flag("--force", flags->force, "Replace an output file that exists");
  parser->add_flag("-q,--quiet", flags->quiet, "No progress and no summary");
  parser->add_option("--threads", flags->threads, "Threads; default: one per core")
      ->check(CLI::Range(1u, 1024u));
}

int RunConversion(const char* command, const std::string& output, const ConversionFlags& flags,
                  const std::function<Result<ConvertReport>(const ConvertOptions&)>& convert) {
  CatchStops();
  // A limit on the size of files is an error like a full disk, not a signal.
  std::signal(SIGXFSZ, SIG_IGN);
  ProgressLine progress(flags.quiet);
  ConvertOptions options;
  options.type = FindFileType(flags.type);
  options.replace = flags.force;
  options.allow_requantize = flags.allow_requantize;
  options.threads = flags.threads != 0 ? flags.threads : UsableCores();
  options.progress = [&](const std::string& tensor, uint64_t written, uint64_t total) {
    return progress.Show(tensor, written, total);
  };
  const auto begin = Clock::now();
  const Result<ConvertReport> report = convert(options);
  progress.Finish();
  if (!report) return Complain(command, report.error());
  for (const std::string& warning : report->warnings)
    std::fprintf(stderr, "ingle %s: warning: %s\n", command, Harmless(warning).c_str());
  if (!flags.quiet)
    PrintReport(output, *report, std::chrono::duration<double>(Clock::now() - begin).count());
  return kExitDone;
}

}  // namespace ingle
