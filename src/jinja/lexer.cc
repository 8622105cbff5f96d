#include "jinja/lexer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "jinja/limits.h"
#include "jinja/numbers.h"
#include "jinja/unicode.h"

namespace ingle::jinja {

std::unexpected<Error> SyntaxFailure(int line, const std::string& what) {
  return Fail(ErrorCode::kInvalidRequest,
              "the chat template is not valid Jinja, line " + std::to_string(line) + ": " + what,
              "", "template_syntax");
}

namespace {

// \r\n and \r become \n, and one newline at the very end goes, as jinja2 does.
std::string NormaliseNewlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); i++) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') i++;
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

size_t SkipSpace(std::string_view text, size_t at) {
  while (at < text.size()) {
    CodePoint c = Decode(text, at);
    if (!IsSpace(c.value)) break;
    at += c.length;
  }
  return at;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)), text_(source_) {}

  Result<std::vector<Token>> Run() {
    while (at_ < text_.size()) {
      if (tokens_.size() > kMaxTokens) Fail("the template is too large");
      if (tokens_.size() > kMaxTokens || !Root()) return std::unexpected(std::move(error_));
    }
    Push(TokenType::kEnd, "");
    return std::move(tokens_);
  }

 private:
  bool Fail(const std::string& what) {
    error_ = SyntaxFailure(line_, what).error();
    return false;
  }

  bool At(std::string_view wanted) const { return text_.substr(at_).starts_with(wanted); }

  void Push(TokenType type, std::string text, Value number = {}) {
    tokens_.push_back({type, line_, std::move(text), std::move(number)});
  }

  void Advance(size_t to) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<ptrdiff_t>(at_),
                                         text_.begin() + static_cast<ptrdiff_t>(to), '\n'));
    if (to > at_) line_starting_ = text_[to - 1] == '\n';
    at_ = to;
  }

  // Template text before a tag whose sign is '-', '+' or 0; then moves to the tag.
  void Data(size_t end, char sign, bool variable) {
    std::string_view data = text_.substr(at_, end - at_);
    if (sign == '-') {
      size_t keep = data.size();
      while (keep > 0) {
        size_t last = keep - 1;
        while (last > 0 && IsContinuation(data[last])) last--;
        if (!IsSpace(Decode(data, last).value)) break;
        keep = last;
      }
      data = data.substr(0, keep);
    } else if (sign != '+' && !variable) {
      size_t newline = data.rfind('\n');
      size_t start = newline == std::string_view::npos ? 0 : newline + 1;
      if ((start > 0 || line_starting_) && SkipSpace(data, start) == data.size())
        data = data.substr(0, start);
    }
    if (!data.empty()) Push(TokenType::kData, std::string(data));
    Advance(end);
  }

  // {% raw %}: where its body starts, or npos.
  size_t RawBody(size_t tag) const {
    size_t at = tag + 2;
    if (at < text_.size() && (text_[at] == '-' || text_[at] == '+')) at++;
    at = SkipSpace(text_, at);
    if (!text_.substr(at).starts_with("raw")) return std::string_view::npos;
    at = SkipSpace(text_, at + 3);
    if (text_.substr(at).starts_with("-%}")) return SkipSpace(text_, at + 3);
    return text_.substr(at).starts_with("%}") ? at + 2 : std::string_view::npos;
  }

  bool Root() {
    size_t tag = at_;
    while ((tag = text_.find('{', tag)) != std::string_view::npos) {
      char next = tag + 1 < text_.size() ? text_[tag + 1] : '\0';
      if (next == '%' || next == '{' || next == '#') break;
      tag++;
    }
    if (tag == std::string_view::npos) {
      Push(TokenType::kData, std::string(text_.substr(at_)));
      Advance(text_.size());
      return true;
    }
    char kind = text_[tag + 1];
    char sign = tag + 2 < text_.size() ? text_[tag + 2] : '\0';
    bool signed_tag = sign == '-' || sign == '+';
    Data(tag, signed_tag ? sign : '\0', kind == '{');
    if (kind == '%') {
      size_t raw = RawBody(at_);
      if (raw != std::string_view::npos) return Raw(raw);
    }
    if (kind != '#') Push(kind == '%' ? TokenType::kBlockBegin : TokenType::kVariableBegin, "");
    Advance(at_ + 2 + (signed_tag ? 1 : 0));
    return kind == '#' ? Comment() : Code(kind == '%');
  }

  bool Raw(size_t body) {
    Advance(body);
    for (size_t tag = at_; (tag = text_.find("{%", tag)) != std::string_view::npos; tag += 2) {
      size_t at = tag + 2;
      char sign = at < text_.size() && (text_[at] == '-' || text_[at] == '+') ? text_[at] : '\0';
      if (sign != '\0') at++;
      at = SkipSpace(text_, at);
      if (!text_.substr(at).starts_with("endraw")) continue;
      size_t end = BlockEnd(SkipSpace(text_, at + 6), "%}");
      if (end == 0) continue;
      Data(tag, sign, false);
      Advance(end);
      return true;
    }
    return Fail("{% raw %} is not closed; add {% endraw %}");
  }

  // After "%}", "+%}" or "-%}" (here "#}" too) with what they swallow; 0 when none is at `at`.
  size_t BlockEnd(size_t at, std::string_view mark) const {
    std::string_view rest = text_.substr(std::min(at, text_.size()));
    if (rest.starts_with('+') && rest.substr(1).starts_with(mark)) return at + 3;
    if (rest.starts_with('-') && rest.substr(1).starts_with(mark)) return SkipSpace(text_, at + 3);
    if (!rest.starts_with(mark)) return 0;
    return at + 2 + (rest.size() > 2 && rest[2] == '\n' ? 1 : 0);
  }

  bool Comment() {
    size_t close = text_.find("#}", at_);
    if (close == std::string_view::npos) return Fail("a comment is not closed; add #}");
    if (close > at_ && (text_[close - 1] == '-' || text_[close - 1] == '+')) close--;
    Advance(BlockEnd(close, "#}"));
    return true;
  }

  bool Code(bool block) {
    size_t depth_before = brackets_.size();
    while (at_ < text_.size()) {
      if (brackets_.size() == depth_before) {
        size_t end = block ? BlockEnd(at_, "%}") : VariableEnd();
        if (end != 0) {
          Push(block ? TokenType::kBlockEnd : TokenType::kVariableEnd, "");
          Advance(end);
          return true;
        }
      }
      if (!CodeToken()) return false;
    }
    return true;  // The parser says what is missing.
  }

  size_t VariableEnd() const {
    if (At("-}}")) return SkipSpace(text_, at_ + 3);
    return At("}}") ? at_ + 2 : 0;
  }

  bool CodeToken() {
    char c = text_[at_];
    CodePoint point = Decode(text_, at_);
    if (IsSpace(point.value)) {
      Advance(SkipSpace(text_, at_));
      return true;
    }
    if (c >= '0' && c <= '9') return Number();
    if (IsWordCharacter(point.value)) return Name();
    if (c == '\'' || c == '"') return String();
    return Operator();
  }

  bool Name() {
    size_t end = at_;
    while (end < text_.size()) {
      CodePoint c = Decode(text_, end);
      if (!IsWordCharacter(c.value)) break;
      end += c.length;
    }
    Push(TokenType::kName, std::string(text_.substr(at_, end - at_)));
    Advance(end);
    return true;
  }

  // Digits with single underscores between them.
  size_t Digits(size_t at, int base) const {
    auto digit = [&](size_t i) {
      if (i >= text_.size()) return false;
      char c = static_cast<char>(text_[i] | 32);
      int value = text_[i] >= '0' && text_[i] <= '9' ? text_[i] - '0'
                  : c >= 'a' && c <= 'f'             ? c - 'a' + 10
                                                     : 99;
      return value < base;
    };
    if (!digit(at)) return at;
    while (digit(at) || (at < text_.size() && text_[at] == '_' && digit(at + 1))) at++;
    return at;
  }

  bool Float() {
    if (at_ > 0 && text_[at_ - 1] == '.') return false;
    size_t end = Digits(at_, 10);
    bool fraction = end + 1 < text_.size() && text_[end] == '.' && Digits(end + 1, 10) > end + 1;
    if (fraction) end = Digits(end + 1, 10);
    size_t exponent = end;
    if (exponent < text_.size() && (text_[exponent] | 32) == 'e') {
      exponent++;
      if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-')) exponent++;
      size_t digits = Digits(exponent, 10);
      if (digits > exponent) {
        end = digits;
        fraction = true;
      }
    }
    if (!fraction) return false;
    Push(TokenType::kNumber, "",
         Value::Float(ParseFloat(text_.substr(at_, end - at_)).value_or(0)));
    Advance(end);
    return true;
  }

  bool Number() {
    if (Float()) return true;
    size_t end = at_ + 1;
    char kind = end < text_.size() ? static_cast<char>(text_[end] | 32) : '\0';
    int base = text_[at_] != '0' ? 10 : kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;
    if (base != 10) {
      size_t start = end + 1 + (end + 1 < text_.size() && text_[end + 1] == '_' ? 1 : 0);
      size_t stop = Digits(start, base);
      end = stop > start ? stop : end;
    } else if (text_[at_] == '0') {
      end = Digits(at_, 1);  // Only zeros: 007 is 0 followed by 7.
    } else {
      end = Digits(at_, 10);
    }
    Value number = ParseInteger(nullptr, text_.substr(at_, end - at_), 0);
    if (number.missing()) return Fail("a number is too long");
    Push(TokenType::kNumber, "", std::move(number));
    Advance(end);
    return true;
  }

  bool String() {
    char quote = text_[at_];
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) return Fail("a text in quotes is not closed");
    std::string value;
    if (!Unescape(text_.substr(at_ + 1, end - at_ - 1), value)) return false;
    Push(TokenType::kString, std::move(value));
    Advance(end + 1);
    return true;
  }

  bool Unescape(std::string_view text, std::string& out) {
    constexpr std::string_view kFrom = "\\'\"abfnrtv", kTo = "\\'\"\a\b\f\n\r\t\v";
    for (size_t i = 0; i < text.size(); i++) {
      if (text[i] != '\\') {
        out += text[i];
        continue;
      }
      char c = text[++i];
      size_t simple = kFrom.find(c);
      if (simple != std::string_view::npos) {
        out += kTo[simple];
      } else if (c == '\n') {  // A backslash at the end of a line joins lines.
      } else if (c == 'x' || c == 'u' || c == 'U') {
        size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        if (!CodePointEscape(text.substr(i + 1, digits), digits, 16, out)) return false;
        i += digits;
      } else if (c >= '0' && c <= '7') {
        size_t digits = 1;
        while (digits < 3 && i + digits < text.size() && text[i + digits] >= '0' &&
               text[i + digits] <= '7')
          digits++;
        if (!CodePointEscape(text.substr(i, digits), digits, 8, out)) return false;
        i += digits - 1;
      } else if (c == 'N') {
        return Fail("\\N{...} in a text is not supported; write the character itself");
      } else {
        out += '\\';
        out += c;
      }
    }
    return true;
  }

  bool CodePointEscape(std::string_view digits, size_t wanted, int base, std::string& out) {
    uint32_t value = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (digits.size() != wanted || error != std::errc() || end != digits.data() + digits.size())
      return Fail("an escape in a text lacks digits");
    if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
      return Fail("an escape in a text is not a Unicode character");
    AppendUtf8(out, static_cast<int32_t>(value));
    return true;
  }

  bool Operator() {
    constexpr std::array<std::string_view, 26> kOperators = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    auto found = std::find_if(kOperators.begin(), kOperators.end(),
                              [&](std::string_view op) { return At(op); });
    if (found == kOperators.end())
      return Fail("unexpected character '" + std::string(1, text_[at_]) + "'");
    char c = (*found)[0];
    if (found->size() == 1 && (c == '(' || c == '[' || c == '{'))
      brackets_ += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (found->size() == 1 && (c == ')' || c == ']' || c == '}')) {
      if (brackets_.empty()) return Fail("unexpected '" + std::string(1, c) + "'");
      if (brackets_.back() != c)
        return Fail("unexpected '" + std::string(1, c) + "', expected '" + brackets_.back() + "'");
      brackets_.pop_back();
    }
    Push(TokenType::kOperator, std::string(*found));
    Advance(at_ + found->size());
    return true;
  }

  std::string source_;
  std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::string brackets_;  // The closing ones that are expected.
  std::vector<Token> tokens_;
  Error error_;
};

}  // namespace

Result<std::vector<Token>> Tokenize(std::string_view source) {
  if (source.size() > kMaxTemplateBytes)
    return Fail(ErrorCode::kTooLarge, "the chat template has " + std::to_string(source.size()) +
                                          " bytes; at most " + std::to_string(kMaxTemplateBytes) +
                                          " are accepted");
  if (!ValidUtf8(source))
    return Fail(ErrorCode::kInvalidRequest, "the chat template is not valid UTF-8", "",
                "template_syntax");
  return Lexer(NormaliseNewlines(source)).Run();
}

}  // namespace ingle::jinja
