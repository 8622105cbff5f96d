#include "text/pre_tokenizer.h"

#include <algorithm>
#include <cstdint>

#include "text/unicode.h"

namespace ingle {
namespace {

// Walks over one text and remembers where the current word began.
class Scanner {
 public:
  Scanner(std::string_view text, Words& words) : text_(text), words_(words) { Load(); }

  bool AtEnd() const { return current_.length == 0; }
  const CodePoint& current() const { return current_; }
  CodePoint Next() const { return DecodeAt(text_, position_ + current_.length); }
  uint8_t Byte(size_t ahead) const {  // 0 beyond the end.
    return position_ + ahead < text_.size() ? static_cast<uint8_t>(text_[position_ + ahead]) : 0;
  }
  size_t position() const { return position_; }

  void Advance() {
    position_ += current_.length;
    Load();
  }
  void SkipTo(size_t position) {
    position_ = position;
    Load();
  }
  void AdvanceWhile(uint8_t mask) {
    while (current_.Is(mask)) Advance();
  }
  // A character that is neither letter nor number nor space; the end of the text is none.
  static bool IsOther(const CodePoint& c) {
    return c.length != 0 && !c.Is(kLetter | kNumber | kSpace);
  }
  void AdvanceWhileOther() {
    while (IsOther(current_)) Advance();
  }
  void EndWord() {
    if (position_ > word_) words_.push_back(text_.substr(word_, position_ - word_));
    word_ = position_;
  }

 private:
  void Load() { current_ = DecodeAt(text_, position_); }

  std::string_view text_;
  Words& words_;
  size_t position_ = 0;
  size_t word_ = 0;
  CodePoint current_;
};

bool IsLineBreak(const CodePoint& c) { return c.value == '\n' || c.value == '\r'; }

// 's 't 'm 'd 're 've 'll: bytes of the contraction at the scanner, 0 when there is none. Ignoring
// case, U+017F is an s.
size_t ContractionLength(const Scanner& scan, bool ignore_case) {
  if (scan.current().value != '\'') return 0;
  const auto lower = [&](uint8_t byte) {
    return ignore_case && byte >= 'A' && byte <= 'Z' ? static_cast<uint8_t>(byte + 32) : byte;
  };
  const uint8_t first = lower(scan.Byte(1));
  const uint8_t second = lower(scan.Byte(2));
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
      (first == 'l' && second == 'l'))
    return 3;
  if (ignore_case && first == 0xC5 && second == 0xBF) return 3;
  return 0;
}

bool ScanContraction(Scanner& scan, bool ignore_case) {
  const size_t length = ContractionLength(scan, ignore_case);
  if (length != 0) scan.SkipTo(scan.position() + length);
  return length != 0;
}

// \s+(?!\S)|\s+ : a run of spaces leaves its last one to the word that follows.
void ScanSpaces(Scanner& scan) {
  const size_t begin = scan.position();
  size_t last = begin;
  while (scan.current().Is(kSpace)) {
    last = scan.position();
    scan.Advance();
  }
  if (!scan.AtEnd() && last > begin) scan.SkipTo(last);
}

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
void SplitGpt2(std::string_view text, Words& words) {
  Scanner scan(text, words);
  while (!scan.AtEnd()) {
    if (!ScanContraction(scan, false)) {
      const bool blank = scan.current().value == ' ';
      const CodePoint head = blank ? scan.Next() : scan.current();
      if (head.length == 0 || head.Is(kSpace)) {
        ScanSpaces(scan);
      } else {
        if (blank) scan.Advance();
        if (head.Is(kLetter)) {
          scan.AdvanceWhile(kLetter);
        } else if (head.Is(kNumber)) {
          scan.AdvanceWhile(kNumber);
        } else {
          scan.AdvanceWhileOther();
        }
      }
    }
    scan.EndWord();
  }
}

// \s*[\r\n]+|\s+(?!\S)|\s+ : up to the last line break of the run, if it has one.
void ScanSpacesAndLines(Scanner& scan) {
  const size_t begin = scan.position();
  size_t last = begin;
  size_t after_break = 0;
  while (scan.current().Is(kSpace)) {
    last = scan.position();
    const bool line_break = IsLineBreak(scan.current());
    scan.Advance();
    if (line_break) after_break = scan.position();
  }
  if (after_break != 0) {
    scan.SkipTo(after_break);
  } else if (!scan.AtEnd() && last > begin) {
    scan.SkipTo(last);
  }
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,max_digits}|
// ?[^\s\p{L}\p{N}]+[\r\n]*|
// \s*[\r\n]+|\s+(?!\S)|\s+
void SplitLikeGpt4(std::string_view text, int max_digits, Words& words) {
  Scanner scan(text, words);
  while (!scan.AtEnd()) {
    const CodePoint c = scan.current();
    if (ScanContraction(scan, true)) {
    } else if (c.Is(kLetter) || (!c.Is(kNumber) && !IsLineBreak(c) && scan.Next().Is(kLetter))) {
      scan.Advance();
      scan.AdvanceWhile(kLetter);
    } else if (c.Is(kNumber)) {
      for (int i = 0; i < max_digits && scan.current().Is(kNumber); ++i) scan.Advance();
    } else if (Scanner::IsOther(c) || (c.value == ' ' && Scanner::IsOther(scan.Next()))) {
      scan.Advance();
      scan.AdvanceWhileOther();
      while (!scan.AtEnd() && IsLineBreak(scan.current())) scan.Advance();
    } else {
      ScanSpacesAndLines(scan);
    }
    scan.EndWord();
  }
}

void SplitLlama3(std::string_view text, Words& words) { SplitLikeGpt4(text, 3, words); }
void SplitQwen2(std::string_view text, Words& words) { SplitLikeGpt4(text, 1, words); }

// Splits each word again; a pattern that is a list is a chain of these.
template <class Cut>
void Refine(Words& words, Cut cut) {
  Words in;
  in.swap(words);
  for (std::string_view word : in) cut(word, words);
}

// Every run of the class becomes a word of its own (every character, where `single`), what is
// between them another.
template <bool single>
void CutClass(std::string_view text, uint8_t mask, Words& words) {
  Scanner scan(text, words);
  while (!scan.AtEnd()) {
    if (!scan.current().Is(mask)) {
      scan.Advance();
      continue;
    }
    scan.EndWord();
    if (single) {
      scan.Advance();
    } else {
      scan.AdvanceWhile(mask);
    }
    scan.EndWord();
  }
  scan.EndWord();
}

// Digits one by one, then GPT-2's pattern.
void SplitSmolLm(std::string_view text, Words& words) {
  CutClass<true>(text, kDigit, words);
  Refine(words, SplitGpt2);
}

// \s?X+ for a class X.
void CutWithLeadingSpace(std::string_view text, uint8_t mask, Words& words) {
  Scanner scan(text, words);
  while (!scan.AtEnd()) {
    const bool leads = scan.current().Is(kSpace) && scan.Next().Is(mask);
    if (!leads && !scan.current().Is(mask)) {
      scan.Advance();
      continue;
    }
    scan.EndWord();
    scan.Advance();
    scan.AdvanceWhile(mask);
    scan.EndWord();
  }
  scan.EndWord();
}

// \s+$
void CutTrailingSpaces(std::string_view text, Words& words) {
  Scanner scan(text, words);
  size_t end_of_words = 0;
  while (!scan.AtEnd()) {
    const bool space = scan.current().Is(kSpace);
    scan.Advance();
    if (!space) end_of_words = scan.position();
  }
  if (end_of_words > 0) words.push_back(text.substr(0, end_of_words));
  if (end_of_words < text.size()) words.push_back(text.substr(end_of_words));
}

void CutLineBreaks(std::string_view text, Words& words) {
  Scanner scan(text, words);
  while (!scan.AtEnd()) {
    const bool line_break = IsLineBreak(scan.current());
    if (line_break) scan.EndWord();
    scan.Advance();
    if (line_break) scan.EndWord();
  }
  scan.EndWord();
}

void SplitDeepSeekLlm(std::string_view text, Words& words) {
  CutLineBreaks(text, words);
  Refine(words, [](std::string_view word, Words& out) {
    CutWithLeadingSpace(word, kDeepSeekLetter, out);
  });
  Refine(words, [](std::string_view word, Words& out) {
    CutWithLeadingSpace(word, kDeepSeekPunctuation, out);
  });
  Refine(words, CutTrailingSpaces);
  Refine(words,
         [](std::string_view word, Words& out) { CutClass<false>(word, kDeepSeekCjk, out); });
  Refine(words, [](std::string_view word, Words& out) { CutClass<true>(word, kDigit, out); });
}

// [\p{P}$+<=>^~|]+
void CutDefaultPunctuation(std::string_view text, Words& words) {
  constexpr std::string_view kSymbols = "$+<=>^~|";
  const auto belongs = [&](const CodePoint& c) {
    return c.Is(kPunctuation) ||
           (c.value < 0x80 && c.value != 0 && kSymbols.contains(static_cast<char>(c.value)));
  };
  Scanner scan(text, words);
  while (!scan.AtEnd()) {
    const bool inside = belongs(scan.current());
    scan.Advance();
    if (scan.AtEnd() || belongs(scan.current()) != inside) scan.EndWord();
  }
}

// [0-9][0-9][0-9]
void CutDigitTriples(std::string_view text, Words& words) {
  Scanner scan(text, words);
  const auto digit = [&](size_t ahead) {
    return scan.Byte(ahead) >= '0' && scan.Byte(ahead) <= '9';
  };
  while (!scan.AtEnd()) {
    if (!(digit(0) && digit(1) && digit(2))) {
      scan.Advance();
      continue;
    }
    scan.EndWord();
    scan.SkipTo(scan.position() + 3);
    scan.EndWord();
  }
  scan.EndWord();
}

// What llama.cpp does with a file that names no pre-tokenizer.
void SplitDefault(std::string_view text, Words& words) {
  CutDefaultPunctuation(text, words);
  Refine(words, SplitGpt2);
  Refine(words, [](std::string_view word, Words& out) { CutClass<false>(word, kNumber, out); });
  Refine(words, CutDigitTriples);
}

}  // namespace

const SplitFunction kSplitGpt2 = SplitGpt2;

SplitFunction FindScanner(std::string_view pattern) {
  struct Known {
    std::string_view pattern;
    SplitFunction split;
  };
  constexpr Known kKnown[] = {
      {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", SplitGpt2},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+)"
       R"([\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       SplitLlama3},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+)"
       R"([\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       SplitQwen2},
  };
  for (const Known& known : kKnown) {
    if (known.pattern == pattern) return known.split;
  }
  return nullptr;
}

SplitFunction FindNamedScanner(std::string_view name) {
  if (name == "smollm") return SplitSmolLm;
  if (name == "deepseek-llm") return SplitDeepSeekLlm;
  return name == "default" ? SplitDefault : nullptr;
}

}  // namespace ingle
