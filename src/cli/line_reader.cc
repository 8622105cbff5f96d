#include "cli/line_reader.h"

#include <histedit.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <filesystem>

#include "cli/interrupts.h"

namespace ingle {
namespace {

constexpr int kHistoryLines = 1000;

// Where history is kept: $XDG_STATE_HOME or ~/.local/state; empty: nowhere.
std::string HistoryFile() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  std::filesystem::path folder;
  if (state != nullptr && *state != '\0')
    folder = state;
  else if (home != nullptr && *home != '\0')
    folder = std::filesystem::path(home) / ".local/state";
  else
    return "";
  std::error_code error;
  std::filesystem::create_directories(folder / "ingle", error);
  return error ? "" : (folder / "ingle/chat_history").string();
}

}  // namespace

struct LineReader::Editor {
  EditLine* line = nullptr;
  History* history = nullptr;
  HistEvent event{};
  std::string file;
  std::string prompt;
};

static char* PromptOf(EditLine* line) {
  void* data = nullptr;
  el_get(line, EL_CLIENTDATA, &data);
  return static_cast<std::string*>(data)->data();
}

// One character of stdin in the user's encoding; bytes that are none are passed over. libedit's own
// reader misses a Ctrl-C that comes between two reads, or to another thread.
static int ReadCharacter(EditLine*, wchar_t* character) {
  std::mbstate_t state{};
  for (;;) {
    pollfd waiting[] = {{STDIN_FILENO, POLLIN, 0}, {InterruptFd(), POLLIN, 0}};
    if (poll(waiting, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    if (waiting[1].revents != 0) return -1;
    char byte = 0;
    const ssize_t got = read(STDIN_FILENO, &byte, 1);
    if (got == 0) return 0;
    if (got < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return -1;
    }
    const size_t used = std::mbrtowc(character, &byte, 1, &state);
    if (used <= 1) return 1;
    if (used == static_cast<size_t>(-1)) state = {};
  }
}

LineReader::LineReader(std::string prompt) : prompt_(std::move(prompt)) {
  if (isatty(STDIN_FILENO) == 0) return;
  std::setlocale(LC_CTYPE, "");  // libedit reads characters in the user's encoding.
  editor_ = new Editor;
  editor_->prompt = prompt_;
  editor_->line = el_init("ingle", stdin, stderr, stderr);  // stdout is for the model alone.
  editor_->history = history_init();
  history(editor_->history, &editor_->event, H_SETSIZE, kHistoryLines);
  history(editor_->history, &editor_->event, H_SETUNIQUE, 1);
  editor_->file = HistoryFile();
  if (!editor_->file.empty())
    history(editor_->history, &editor_->event, H_LOAD, editor_->file.c_str());
  el_set(editor_->line, EL_CLIENTDATA, &editor_->prompt);
  el_set(editor_->line, EL_PROMPT, PromptOf);
  el_set(editor_->line, EL_EDITOR, "emacs");
  el_set(editor_->line, EL_SIGNAL, 0);
  el_set(editor_->line, EL_GETCFN, ReadCharacter);
  el_set(editor_->line, EL_HIST, history, editor_->history);
}

LineReader::~LineReader() {
  if (editor_ == nullptr) return;
  if (!editor_->file.empty())
    history(editor_->history, &editor_->event, H_SAVE, editor_->file.c_str());
  history_end(editor_->history);
  el_end(editor_->line);
  delete editor_;
}

std::optional<LineReader::Line> LineReader::Read() {
  if (editor_ != nullptr) {
    int length = 0;
    // Before the prompt: a Ctrl-D typed at it while the terminal still collects lines would be
    // lost.
    el_set(editor_->line, EL_PREP_TERM, 1);
    const char* text = el_gets(editor_->line, &length);
    bool interrupted = TakeInterrupt();
    if (interrupted) {
      el_reset(editor_->line);
      std::fputc('\n', stderr);
      return Line{"", true};
    }
    if (text == nullptr || length <= 0) return std::nullopt;
    history(editor_->history, &editor_->event, H_ENTER, text);
    std::string line(text, static_cast<size_t>(length));
    if (line.ends_with('\n')) line.pop_back();
    return Line{std::move(line), false};
  }
  std::string line;
  int c;
  while ((c = std::fgetc(stdin)) != EOF && c != '\n') line += static_cast<char>(c);
  if (TakeInterrupt()) return Line{"", true};
  if (c == EOF && line.empty()) return std::nullopt;
  return Line{std::move(line), false};
}

}  // namespace ingle
