#include "text/json_cursor.h"

#include <charconv>
#include <cstring>

#include "text/unicode.h"

namespace ingle {
namespace {

constexpr int kMaxDepth = 64;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool JsonCursor::Wrong() {
  failed_ = true;
  return false;
}

void JsonCursor::SkipSpace() {
  while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n' ||
                                      text_[position_] == '\r' || text_[position_] == '\t'))
    ++position_;
}

char JsonCursor::Peek() {
  SkipSpace();
  if (failed_ || position_ >= text_.size()) return 0;
  const char c = text_[position_];
  return c == '-' || IsDigit(c) ? '0' : c;
}

bool JsonCursor::Begin(char open) {
  if (Peek() != open) return Wrong();
  ++position_;
  fresh_ = true;
  return true;
}

bool JsonCursor::Next(char close) {
  const char c = Peek();
  const bool fresh = fresh_;
  fresh_ = false;
  if (c == close) {
    ++position_;
    return false;
  }
  if (fresh) return c != 0 || Wrong();
  if (c != ',') return Wrong();
  ++position_;
  return true;
}

bool JsonCursor::NextItem() { return Next(']'); }

bool JsonCursor::NextMember(std::string_view& key) {
  if (!Next('}') || !String(key)) return false;
  if (key.data() == unescaped_.data()) {
    unescaped_key_.swap(unescaped_);
    key = unescaped_key_;
  }
  if (Peek() != ':') return Wrong();
  ++position_;
  return true;
}

bool JsonCursor::Hex4(uint32_t& value) {
  if (text_.size() - position_ < 4) return Wrong();
  const char* begin = text_.data() + position_;
  const auto [end, error] = std::from_chars(begin, begin + 4, value, 16);
  if (error != std::errc() || end != begin + 4) return Wrong();
  position_ += 4;
  return true;
}

bool JsonCursor::Escape(std::string& out) {
  constexpr std::string_view kLetters = "\"\\/bfnrt", kMeaning = "\"\\/\b\f\n\r\t";
  if (position_ >= text_.size()) return Wrong();
  const char letter = text_[position_++];
  if (letter != 'u') {
    const size_t found = kLetters.find(letter);
    if (found == std::string_view::npos) return Wrong();
    out += kMeaning[found];
    return true;
  }
  uint32_t value = 0, low = 0;
  if (!Hex4(value)) return false;
  if (value >= 0xDC00 && value <= 0xDFFF) return Wrong();
  if (value >= 0xD800 && value <= 0xDBFF) {
    if (!text_.substr(position_).starts_with("\\u")) return Wrong();
    position_ += 2;
    if (!Hex4(low)) return false;
    if (low < 0xDC00 || low > 0xDFFF) return Wrong();
    value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
  }
  AppendUtf8(value, out);
  return true;
}

bool JsonCursor::String(std::string_view& value) {
  if (Peek() != '"') return Wrong();
  const size_t begin = ++position_;
  // Most strings have no escape and are short.
  while (position_ < text_.size() && text_[position_] != '"' && text_[position_] != '\\' &&
         static_cast<uint8_t>(text_[position_]) >= 0x20)
    ++position_;
  if (position_ < text_.size() && text_[position_] == '"') {
    value = text_.substr(begin, position_++ - begin);
    return true;
  }
  unescaped_.assign(text_.substr(begin, position_ - begin));
  while (position_ < text_.size()) {
    const char c = text_[position_++];
    if (c == '"') {
      value = unescaped_;
      return true;
    }
    if (static_cast<uint8_t>(c) < 0x20) return Wrong();
    if (c != '\\') {
      unescaped_ += c;
    } else if (!Escape(unescaped_)) {
      return false;
    }
  }
  return Wrong();
}

// -? (0 | [1-9][0-9]*) (.[0-9]+)? ([eE][+-]?[0-9]+)?
std::string_view JsonCursor::NumberText() {
  if (Peek() != '0') {
    Wrong();
    return {};
  }
  const size_t begin = position_;
  const auto at = [&](char c) { return position_ < text_.size() && text_[position_] == c; };
  const auto digits = [&] {
    const size_t first = position_;
    while (position_ < text_.size() && IsDigit(text_[position_])) ++position_;
    return position_ > first;
  };
  if (at('-')) ++position_;
  bool fine = true;
  if (at('0')) {
    ++position_;
  } else {
    fine = digits();
  }
  if (fine && at('.')) {
    ++position_;
    fine = digits();
  }
  if (fine && (at('e') || at('E'))) {
    ++position_;
    if (at('+') || at('-')) ++position_;
    fine = digits();
  }
  if (!fine) Wrong();
  return text_.substr(begin, position_ - begin);
}

bool JsonCursor::Number(double& value) {
  const std::string_view digits = NumberText();
  if (failed_) return false;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc() || Wrong();
}

bool JsonCursor::Unsigned(uint64_t& value) {
  const std::string_view digits = NumberText();
  if (failed_) return false;
  const char* last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, value);
  return (error == std::errc() && end == last) || Wrong();
}

bool JsonCursor::Literal(std::string_view word) {
  SkipSpace();
  if (failed_ || !text_.substr(position_).starts_with(word)) return Wrong();
  position_ += word.size();
  return true;
}

bool JsonCursor::Bool(bool& value) {
  value = Peek() == 't';
  return Literal(value ? "true" : "false");
}

bool JsonCursor::Null() { return Literal("null"); }

bool JsonCursor::Skip(int depth) {
  if (depth > kMaxDepth) return Wrong();
  std::string_view text;
  bool flag = false;
  switch (Peek()) {
    case '{':
      BeginObject();
      while (NextMember(text)) {
        if (!Skip(depth + 1)) return false;
      }
      return !failed_;
    case '[':
      BeginArray();
      while (NextItem()) {
        if (!Skip(depth + 1)) return false;
      }
      return !failed_;
    case '"': return String(text);
    case '0': NumberText(); return !failed_;
    case 'n': return Null();
    default: return Bool(flag);
  }
}

bool JsonCursor::Raw(std::string_view& value) {
  SkipSpace();
  const size_t begin = position_;
  fresh_ = false;
  if (!Skip(0)) return false;
  value = text_.substr(begin, position_ - begin);
  return true;
}

bool JsonCursor::AtEnd() {
  SkipSpace();
  return !failed_ && position_ == text_.size();
}

std::unexpected<Error> JsonCursor::Fault(std::string_view what) const {
  return Fail(ErrorCode::kCorruptFile,
              std::string(what) + " cannot be read: it is wrong at byte " +
                  std::to_string(position_) + "; download it again",
              std::string(what), "invalid_model_file");
}

}  // namespace ingle
