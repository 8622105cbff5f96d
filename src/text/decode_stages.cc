#include "text/decode_stages.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/unicode.h"

namespace ingle {
namespace {

using Tokens = DecodeStage::Tokens;

std::string ReplaceAll(std::string text, std::string_view from, std::string_view to) {
  size_t at = from.empty() ? std::string::npos : text.find(from);
  if (at == std::string::npos) return text;
  std::string out;
  size_t copied = 0;
  for (; at != std::string::npos; at = text.find(from, copied)) {
    out.append(text, copied, at - copied).append(to);
    copied = at + from.size();
  }
  return out.append(text, copied, std::string::npos);
}

std::string Spaced(std::string_view token) {
  std::string spaced(1, ' ');
  return spaced += token;
}

// Behind a stage that joins all tokens: keeps everything until the end, then does its work.
class Collected : public DecodeStage {
 public:
  explicit Collected(std::unique_ptr<DecodeStage> stage) : stage_(std::move(stage)) {}
  void Push(std::string chunk, Tokens&) override { text_ += chunk; }
  void Finish(Tokens& out) override {
    stage_->Push(std::move(text_), out);
    stage_->Finish(out);
  }

 private:
  std::unique_ptr<DecodeStage> stage_;
  std::string text_;
};

template <class Stage, class... Arguments>
std::unique_ptr<DecodeStage> Make(bool fused, Arguments&&... arguments) {
  auto stage = std::make_unique<Stage>(std::forward<Arguments>(arguments)...);
  if (!fused) return stage;
  return std::make_unique<Collected>(std::move(stage));
}

class ByteLevelStage : public DecodeStage {
 public:
  void Push(std::string token, Tokens& out) override {
    const std::optional<std::string> bytes = BytesOfSpelling(token);
    pending_ += bytes ? *bytes : token;
    std::string text;
    pending_.erase(0, AppendValid(pending_, true, text));
    if (!text.empty()) out.push_back(std::move(text));
  }
  void Finish(Tokens& out) override {
    std::string text;
    AppendValid(pending_, false, text);
    pending_.clear();
    if (!text.empty()) out.push_back(std::move(text));
  }

 private:
  std::string pending_;  // The beginning of a character.
};

std::optional<char> ByteOfSpelling(std::string_view token) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  // Rust's number parser takes a plus sign.
  const int high = token[3] == '+' ? 0 : digit(token[3]), low = digit(token[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(static_cast<uint8_t>(high * 16 + low));
}

// A run of byte tokens is text only if the whole run is, so it is held until it ends.
class ByteFallbackStage : public DecodeStage {
 public:
  void Push(std::string token, Tokens& out) override {
    if (const std::optional<char> byte = ByteOfSpelling(token)) {
      bytes_ += *byte;
      return;
    }
    Finish(out);
    out.push_back(std::move(token));
  }
  void Finish(Tokens& out) override {
    if (bytes_.empty()) return;
    if (IsValidUtf8(bytes_)) {
      out.push_back(bytes_);
    } else {
      for (size_t i = 0; i < bytes_.size(); ++i) out.emplace_back(kReplacementCharacter);
    }
    bytes_.clear();
  }

 private:
  std::string bytes_;
};

class FuseStage : public DecodeStage {
 public:
  void Push(std::string token, Tokens& out) override { out.push_back(std::move(token)); }
};

class StripStage : public DecodeStage {
 public:
  explicit StripStage(const DecodeSettings& settings) : settings_(settings) {}
  void Push(std::string token, Tokens& out) override {
    const std::string_view mark = settings_.text;
    std::string_view rest = token;
    for (size_t i = 0; i < settings_.start && rest.starts_with(mark); ++i)
      rest.remove_prefix(mark.size());
    for (size_t i = 0; i < settings_.stop && rest.ends_with(mark); ++i)
      rest.remove_suffix(mark.size());
    out.emplace_back(rest);
  }

 private:
  const DecodeSettings& settings_;
};

// The same for one endless token: marks at its end are held back.
class StripJoinedStage : public DecodeStage {
 public:
  StripJoinedStage(const DecodeSettings& settings, bool at_start)
      : settings_(settings), to_strip_(at_start ? settings.start : 0) {}
  void Push(std::string chunk, Tokens& out) override {
    const std::string_view mark = settings_.text;
    std::string_view rest = chunk;
    while (to_strip_ > 0 && !rest.empty()) {
      if (!rest.starts_with(mark)) {
        to_strip_ = 0;
      } else {
        rest.remove_prefix(mark.size());
        --to_strip_;
      }
    }
    std::string text;
    for (; held_ > 0 && !rest.empty() && !IsMarks(rest); --held_) text += mark;
    while (rest.ends_with(mark) && settings_.stop > 0) {
      rest.remove_suffix(mark.size());
      ++held_;
    }
    text += rest;
    for (; held_ > settings_.stop; --held_) text += mark;
    if (!text.empty()) out.push_back(std::move(text));
  }

 private:
  bool IsMarks(std::string_view text) const {
    while (text.starts_with(settings_.text)) text.remove_prefix(settings_.text.size());
    return text.empty();
  }
  const DecodeSettings& settings_;
  size_t to_strip_;
  size_t held_ = 0;
};

class ReplaceStage : public DecodeStage {
 public:
  explicit ReplaceStage(const DecodeSettings& settings) : settings_(settings) {}
  void Push(std::string token, Tokens& out) override {
    std::vector<Regex::Range> matches;
    settings_.pattern.FindAll(token, matches);
    if (matches.empty()) return out.push_back(std::move(token));
    std::string text;
    size_t copied = 0;
    for (const auto& [begin, end] : matches) {
      text.append(token, copied, begin - copied).append(settings_.text);
      copied = end;
    }
    out.push_back(text.append(token, copied, std::string::npos));
  }

 private:
  const DecodeSettings& settings_;
};

// For one endless token and a literal: what may be its beginning is held back.
class ReplaceJoinedStage : public DecodeStage {
 public:
  explicit ReplaceJoinedStage(const DecodeSettings& settings) : settings_(settings) {}
  void Push(std::string chunk, Tokens& out) override {
    held_ += chunk;
    const std::string& literal = settings_.pattern.literal;
    std::string text;
    size_t done = 0;
    for (size_t at; (at = held_.find(literal, done)) != std::string::npos;) {
      text.append(held_, done, at - done).append(settings_.text);
      done = at + literal.size();
    }
    size_t keep = std::min(literal.size() - 1, held_.size() - done);
    while (keep > 0 && !literal.starts_with(std::string_view(held_).substr(held_.size() - keep)))
      --keep;
    text.append(held_, done, held_.size() - keep - done);
    held_.erase(0, held_.size() - keep);
    if (!text.empty()) out.push_back(std::move(text));
  }
  void Finish(Tokens& out) override {
    if (!held_.empty()) out.push_back(std::exchange(held_, {}));
  }

 private:
  const DecodeSettings& settings_;
  std::string held_;
};

class MetaspaceStage : public DecodeStage {
 public:
  MetaspaceStage(const DecodeSettings& settings, bool at_start)
      : settings_(settings), first_(at_start && settings.flag) {}
  void Push(std::string token, Tokens& out) override {
    out.push_back(
        ReplaceAll(std::move(token), settings_.text, std::exchange(first_, false) ? "" : " "));
  }

 private:
  const DecodeSettings& settings_;
  bool first_;
};

class WordPieceStage : public DecodeStage {
 public:
  WordPieceStage(const DecodeSettings& settings, bool at_start)
      : settings_(settings), first_(at_start) {}
  void Push(std::string token, Tokens& out) override {
    if (!std::exchange(first_, false)) {
      if (token.starts_with(settings_.text)) {
        token.erase(0, settings_.text.size());
      } else {
        token = Spaced(token);
      }
    }
    out.push_back(settings_.flag ? CleanUp(token) : std::move(token));
  }

 private:
  const DecodeSettings& settings_;
  bool first_;
};

// The suffix of the last token is not a blank, so one token is held back.
class BpeStage : public DecodeStage {
 public:
  explicit BpeStage(const DecodeSettings& settings) : settings_(settings) {}
  void Push(std::string token, Tokens& out) override {
    if (held_) out.push_back(ReplaceAll(*std::move(held_), settings_.text, " "));
    held_ = std::move(token);
  }
  void Finish(Tokens& out) override {
    if (held_) out.push_back(ReplaceAll(*std::move(held_), settings_.text, ""));
    held_.reset();
  }

 private:
  const DecodeSettings& settings_;
  std::optional<std::string> held_;
};

class CtcStage : public DecodeStage {
 public:
  explicit CtcStage(const DecodeSettings& settings) : settings_(settings) {}
  void Push(std::string token, Tokens& out) override {
    if (last_ == token) return;
    last_ = token;
    token = ReplaceAll(std::move(token), settings_.text, "");
    if (settings_.flag) token = ReplaceAll(CleanUp(token), settings_.other, " ");
    if (!token.empty()) out.push_back(std::move(token));
  }

 private:
  const DecodeSettings& settings_;
  std::optional<std::string> last_;
};

class BlanksStage : public DecodeStage {
 public:
  explicit BlanksStage(bool at_start) : first_(at_start) {}
  void Push(std::string token, Tokens& out) override {
    out.push_back(std::exchange(first_, false) ? std::move(token) : Spaced(token));
  }

 private:
  bool first_;
};

}  // namespace

std::string CleanUp(std::string_view text) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  std::string clean(text);
  for (const auto& [from, to] : kRules) clean = ReplaceAll(std::move(clean), from, to);
  return clean;
}

std::unique_ptr<DecodeStage> MakeByteLevelStage(const DecodeSettings&, bool, bool fused) {
  return Make<ByteLevelStage>(fused);
}
std::unique_ptr<DecodeStage> MakeByteFallbackStage(const DecodeSettings&, bool, bool fused) {
  return Make<ByteFallbackStage>(fused);
}
std::unique_ptr<DecodeStage> MakeFuseStage(const DecodeSettings&, bool, bool) {
  return std::make_unique<FuseStage>();
}
std::unique_ptr<DecodeStage> MakeStripStage(const DecodeSettings& settings, bool at_start,
                                            bool fused) {
  if (fused) return std::make_unique<StripJoinedStage>(settings, at_start);
  return std::make_unique<StripStage>(settings);
}
std::unique_ptr<DecodeStage> MakeReplaceStage(const DecodeSettings& settings, bool, bool fused) {
  if (fused && !settings.pattern.regex) return std::make_unique<ReplaceJoinedStage>(settings);
  return Make<ReplaceStage>(fused, settings);
}
std::unique_ptr<DecodeStage> MakeMetaspaceStage(const DecodeSettings& settings, bool at_start,
                                                bool fused) {
  return Make<MetaspaceStage>(fused, settings, at_start);
}
std::unique_ptr<DecodeStage> MakeWordPieceStage(const DecodeSettings& settings, bool at_start,
                                                bool fused) {
  return Make<WordPieceStage>(fused, settings, at_start);
}
std::unique_ptr<DecodeStage> MakeBpeStage(const DecodeSettings& settings, bool, bool fused) {
  return Make<BpeStage>(fused, settings);
}
std::unique_ptr<DecodeStage> MakeCtcStage(const DecodeSettings& settings, bool, bool fused) {
  return Make<CtcStage>(fused, settings);
}
std::unique_ptr<DecodeStage> MakeBlanksStage(const DecodeSettings&, bool at_start, bool) {
  return std::make_unique<BlanksStage>(at_start);
}

}  // namespace ingle
