// |wordwrap, as Python's textwrap cuts lines.

#include <algorithm>

#include "jinja/text_operations.h"

namespace ingle::jinja {
namespace {

// A text by code point: textwrap looks around each of them.
class Wrapper {
 public:
  Wrapper(const TaintedString& text, int64_t width, bool break_long, bool break_hyphens)
      : text_(text), width_(width), break_long_(break_long), break_hyphens_(break_hyphens) {
    for (size_t at = 0; at < text.size();) {
      CodePoint c = Decode(text.view(), at);
      points_.push_back(c.value);
      offsets_.push_back(at);
      at += c.length;
    }
    offsets_.push_back(text.size());
  }

  std::vector<TaintedString> Lines() {
    Split();
    std::vector<TaintedString> lines;
    size_t next = 0;
    while (next < chunks_.size()) {
      if (Blank(chunks_[next]) && !lines.empty()) next++;
      std::vector<Chunk> line;
      int64_t length = 0;
      while (next < chunks_.size() && length + chunks_[next].size() <= width_) {
        length += chunks_[next].size();
        line.push_back(chunks_[next++]);
      }
      if (next < chunks_.size() && chunks_[next].size() > width_)
        CutLongWord(next, line, width_ - length);
      if (!line.empty() && Blank(line.back())) line.pop_back();
      if (!line.empty()) lines.push_back(Text({line.front().begin, line.back().end}));
    }
    return lines;
  }

 private:
  struct Chunk {
    size_t begin = 0, end = 0;
    int64_t size() const { return static_cast<int64_t>(end - begin); }
  };

  int32_t At(size_t at) const { return at < points_.size() ? points_[at] : -1; }
  bool Space(size_t at) const {
    int32_t c = At(at);
    return c == ' ' || (c >= '\t' && c <= '\r');
  }
  bool Word(size_t at) const { return At(at) >= 0 && IsWordCharacter(At(at)); }
  bool Letter(size_t at) const { return Word(at) && !IsDecimal(At(at)); }
  bool WordOrPoint(size_t at) const {
    constexpr std::string_view kPoints = "!\"'&.,?";
    return Word(at) || (At(at) > 0 && At(at) < 0x80 &&
                        kPoints.find(static_cast<char>(At(at))) != std::string_view::npos);
  }
  // How long the dash between two words is that begins here; 0: there is none.
  size_t Dash(size_t at) const {
    if (at == 0 || At(at) != '-' || !WordOrPoint(at - 1)) return 0;
    size_t end = at;
    while (At(end) == '-') end++;
    return end - at >= 2 && Word(end) ? end - at : 0;
  }
  bool HyphenEnds(size_t at) const {  // After the hyphen at `at` a word may be cut.
    if (At(at) != '-' || at < 2 || !Letter(at - 1)) return false;
    bool before = Letter(at - 2) || (At(at - 2) == '-' && at >= 3 && Letter(at - 3));
    bool after = Letter(at + 1) && (Letter(at + 2) || (At(at + 2) == '-' && Letter(at + 3)));
    return before && after;
  }

  size_t ChunkEnd(size_t at) const {
    size_t end = at;
    if (Space(at)) {
      while (Space(end)) end++;
      return end;
    }
    if (break_hyphens_ && Dash(at) > 0) return at + Dash(at);
    for (end = at + 1; end < points_.size() && !Space(end); end++) {
      if (!break_hyphens_) continue;
      if (HyphenEnds(end)) return end + 1;
      if (Dash(end) > 0) return end;
    }
    return end;
  }

  void Split() {
    for (size_t at = 0; at < points_.size();) {
      size_t end = ChunkEnd(at);
      chunks_.push_back({at, end});
      at = end;
    }
  }

  bool Blank(const Chunk& chunk) const {
    for (size_t at = chunk.begin; at < chunk.end; at++)
      if (!IsSpace(points_[at])) return false;
    return true;
  }

  // A word that fits on no line: its first part, or all of it alone on a line.
  void CutLongWord(size_t& next, std::vector<Chunk>& line, int64_t space_left) {
    Chunk& chunk = chunks_[next];
    if (!break_long_) {
      if (line.empty()) line.push_back(chunks_[next++]);
      return;
    }
    size_t cut = chunk.begin + static_cast<size_t>(space_left);
    if (break_hyphens_) {
      size_t hyphen = cut;
      while (hyphen > chunk.begin && points_[hyphen - 1] != '-') hyphen--;
      bool only_dashes = true;
      for (size_t at = chunk.begin; at + 1 < hyphen; at++) only_dashes &= points_[at] == '-';
      if (!only_dashes) cut = hyphen;
    }
    line.push_back({chunk.begin, cut});  // Empty when the line is full: it then keeps its space.
    chunk.begin = cut;
  }

  TaintedString Text(const Chunk& chunk) const {
    return Slice(text_, offsets_[chunk.begin], offsets_[chunk.end] - offsets_[chunk.begin]);
  }

  const TaintedString& text_;
  int64_t width_;
  bool break_long_, break_hyphens_;
  std::vector<int32_t> points_;
  std::vector<size_t> offsets_;
  std::vector<Chunk> chunks_;
};

}  // namespace

Value WordWrapFilter(Runtime& run, const Arguments& arguments) {
  const Value& value = arguments[0];
  if (value.undefined()) return run.UseUndefined(value);
  if (!value.is_string()) return run.Fail("AttributeError: wordwrap needs a text");
  auto width = arguments[1].missing() ? std::optional<int64_t>(79)
                                      : IntegerArgument(run, arguments[1], "width");
  if (!width) return Value::Failure();
  TaintedString between("\n", true);
  if (Given(arguments[3])) {
    if (!arguments[3].is_string()) return run.Fail("TypeError: wrapstring must be a text");
    between = arguments[3].text();
  }
  // Per character: its code point, its offset, and at worst a line of its own.
  size_t cost = value.text().size() * 64;
  if (!run.SpendBytes(cost)) return Value::Failure();
  bool break_long = arguments[2].missing() || Truthy(arguments[2]);
  bool break_hyphens = arguments[4].missing() || Truthy(arguments[4]);
  StringBuilder out;
  bool first = true;
  for (const TaintedString& line : SplitLines(value.text(), false)) {
    if (*width <= 0)
      return run.Fail("ValueError: invalid width " + std::to_string(*width) + " (must be > 0)");
    if (!std::exchange(first, false)) out.Append(between);
    bool first_part = true;
    for (const TaintedString& part : Wrapper(line, *width, break_long, break_hyphens).Lines()) {
      if (!std::exchange(first_part, false)) out.Append(between);
      out.Append(part);
      if (!run.SpendBytes(out.size() / 64 + between.size())) return Value::Failure();
    }
  }
  return run.String(out.Take());
}

}  // namespace ingle::jinja
