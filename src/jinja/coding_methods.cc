// str.encode, str.translate, str.maketrans, and what templates do with bytes.

#include <algorithm>
#include <cstdio>

#include "jinja/numbers.h"
#include "jinja/text_operations.h"

namespace ingle::jinja {

Value MakeBytes(Runtime& run, TaintedString bytes) {
  auto data = std::make_shared<StringData>();
  size_t size = sizeof(StringData) + bytes.size() + bytes.flips().size() * sizeof(uint32_t);
  data->text = std::move(bytes);  // `ascii` stays: a position is a byte.
  return run.Adopt(Kind::kBytes, std::move(data), 0, size);
}

void AppendBytesRepr(StringBuilder& out, const TaintedString& bytes) {
  std::string_view view = bytes.view();
  bool single = view.find('\'') != std::string_view::npos;
  char quote = single && view.find('"') == std::string_view::npos ? '"' : '\'';
  out.Append(std::string("b") + quote, true);
  for (size_t at = 0; at < view.size(); at++) {
    char c = view[at];
    char escape[8] = "";
    if (c == quote || c == '\\')
      std::snprintf(escape, sizeof escape, "\\%c", c);
    else if (c == '\n' || c == '\r' || c == '\t')
      std::snprintf(escape, sizeof escape, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (c < 0x20 || c == 0x7F)
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
    if (escape[0] == '\0')
      out.Append(bytes, at, 1);
    else
      out.Append(escape, bytes.TrustedAt(at));
  }
  out.Append(std::string_view(&quote, 1), true);
}

namespace {

enum class Coding : uint8_t { kUtf8, kAscii, kLatin1 };

// The argument `encoding`; nullopt after failing the run.
std::optional<Coding> CodingOf(Runtime& run, const Value& argument) {
  if (argument.missing()) return Coding::kUtf8;
  if (!argument.is_string()) {
    run.Fail("TypeError: encoding must be str, not " + std::string(TypeName(argument)));
    return std::nullopt;
  }
  std::string name;
  for (char c : argument.text().view().substr(0, 40))
    name += c == '_' || c == ' ' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (name == "utf-8" || name == "utf8" || name == "u8") return Coding::kUtf8;
  if (name == "ascii" || name == "us-ascii") return Coding::kAscii;
  if (name == "latin-1" || name == "latin1" || name == "iso-8859-1" || name == "l1")
    return Coding::kLatin1;
  run.Fail("LookupError: unknown encoding: " + name + " (utf-8, ascii and latin-1 are known)");
  return std::nullopt;
}

// The argument `errors`; empty after failing the run.
std::string ErrorRule(Runtime& run, const Value& argument, std::string_view known) {
  if (argument.missing()) return "strict";
  if (!argument.is_string())
    return run.Fail("TypeError: errors must be str, not " + std::string(TypeName(argument))), "";
  std::string rule = argument.text().bytes().substr(0, 40);
  if (known.find(" " + rule + " ") != std::string_view::npos) return rule;
  return run.Fail("LookupError: unknown error handler name '" + rule + "'"), "";
}

// What stands for a character that the encoding lacks.
std::string Substitute(const std::string& rule, int32_t c) {
  char text[24] = "";
  if (rule == "replace") return "?";
  if (rule == "xmlcharrefreplace") std::snprintf(text, sizeof text, "&#%d;", c);
  if (rule == "backslashreplace")
    std::snprintf(text, sizeof text,
                  c < 0x100     ? "\\x%02x"
                  : c < 0x10000 ? "\\u%04x"
                                : "\\U%08x",
                  static_cast<unsigned>(c));
  return text;
}

Value EncodeMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  auto coding = CodingOf(run, arguments[0]);
  std::string rule = ErrorRule(run, arguments[1],
                               " strict ignore replace xmlcharrefreplace backslashreplace "
                               "surrogateescape surrogatepass ");
  if (!coding || rule.empty() || !run.SpendBytes(self.text().size() * 2)) return Value::Failure();
  if (*coding == Coding::kUtf8) return MakeBytes(run, self.text());
  StringBuilder out;
  const int32_t limit = *coding == Coding::kAscii ? 0x80 : 0x100;
  for (size_t at = 0; at < self.text().size();) {
    CodePoint c = Decode(self.text().view(), at);
    bool trusted = self.text().TrustedAt(at);
    at += c.length;
    if (c.value < limit) {
      out.Append(std::string(1, static_cast<char>(c.value)), trusted);
      continue;
    }
    if (rule == "strict" || rule.starts_with("surrogate"))
      return run.Fail("UnicodeEncodeError: a character is not in the encoding");
    out.Append(Substitute(rule, c.value), trusted);
    if (!run.SpendBytes(out.size() / 64)) return Value::Failure();
  }
  return MakeBytes(run, out.Take());
}

// Bytes at `at` that begin a character and cannot end it (a maximal part, as Unicode recommends to
// replace it), or the whole character.
size_t CharacterBytes(std::string_view bytes, size_t at, bool& valid) {
  for (size_t size = 1; size <= 4 && at + size <= bytes.size(); size++) {
    valid = ValidUtf8(bytes.substr(at, size));
    if (valid) return size;
  }
  auto lead = static_cast<unsigned char>(bytes[at]);
  size_t wanted = lead >= 0xF0 && lead < 0xF5 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
  if (lead >= 0xF5) wanted = 1;
  size_t size = 1;
  for (; size < wanted && at + size < bytes.size() && IsContinuation(bytes[at + size]); size++) {
    auto next = static_cast<unsigned char>(bytes[at + 1]);
    bool second = size == 1;
    if (second && ((lead == 0xE0 && next < 0xA0) || (lead == 0xED && next > 0x9F) ||
                   (lead == 0xF0 && next < 0x90) || (lead == 0xF4 && next > 0x8F)))
      break;
  }
  return size;
}

Value DecodeMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  auto coding = CodingOf(run, arguments[0]);
  std::string rule =
      ErrorRule(run, arguments[1], " strict ignore replace backslashreplace surrogateescape ");
  if (!coding || rule.empty() || !run.SpendBytes(self.text().size() * 2)) return Value::Failure();
  StringBuilder out;
  std::string_view bytes = self.text().view();
  for (size_t at = 0; at < bytes.size();) {
    bool trusted = self.text().TrustedAt(at);
    bool valid = *coding == Coding::kLatin1 || bytes[at] >= 0;
    size_t size = *coding == Coding::kUtf8 ? CharacterBytes(bytes, at, valid) : 1;
    if (valid) {
      std::string character(bytes.substr(at, size));
      if (*coding == Coding::kLatin1) {
        character.clear();
        AppendUtf8(character, static_cast<unsigned char>(bytes[at]));
      }
      out.Append(character, trusted);
    } else if (rule == "replace") {
      out.Append("\xEF\xBF\xBD", trusted);
    } else if (rule == "backslashreplace") {
      for (size_t i = 0; i < size; i++)
        out.Append(Substitute(rule, static_cast<unsigned char>(bytes[at + i])), trusted);
    } else if (rule != "ignore") {
      return run.Fail("UnicodeDecodeError: the bytes are not text of this encoding");
    }
    at += size;
  }
  return run.SpendBytes(out.size()) ? run.String(out.Take()) : Value::Failure();
}

Value HexMethod(Runtime& run, const Value& self, const Arguments&) {
  if (!run.SpendBytes(self.text().size() * 2)) return Value::Failure();
  std::string hex;
  for (char c : self.text().view()) {
    char two[4];
    std::snprintf(two, sizeof two, "%02x", static_cast<unsigned char>(c));
    hex += two;
  }
  return run.String(hex);
}

// What str.translate finds in its table for one character: kMissing keeps it, None drops it.
Value Translated(Runtime& run, const Value& table, int32_t character) {
  if (table.undefined()) return run.UseUndefined(table);
  const bool indexed = table.is_string() || table.is_sequence() || table.kind() == Kind::kRange ||
                       table.kind() == Kind::kBytes;
  if (!table.is_dict() && !indexed)
    return run.Fail("TypeError: '" + std::string(TypeName(table)) +
                    "' object is not subscriptable");
  Value found = table.is_dict() ? Value() : run.GetItem(table, Value::Int(character));
  if (table.is_dict()) {
    const Value* entry = table.dict().Find(Value::Int(character));
    if (!run.Spend(static_cast<int64_t>(table.dict().entries.size() / 16))) return Value::Failure();
    if (entry != nullptr) return *entry;
  }
  return found.undefined() ? Value() : found;
}

Value TranslateMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  StringBuilder out;
  const TaintedString& text = self.text();
  if (!run.SpendBytes(text.size())) return Value::Failure();
  for (size_t at = 0; at < text.size();) {
    CodePoint c = Decode(text.view(), at);
    INGLE_JINJA_TRY(to, Translated(run, arguments[0], c.value));
    if (to.missing()) {
      out.Append(text, at, c.length);
    } else if (to.is_string()) {
      out.Append(to.text());
      if (!run.SpendBytes(out.size() / 64 + to.text().size())) return Value::Failure();
    } else if (to.kind() == Kind::kInt || to.kind() == Kind::kBool) {
      int64_t number = to.integer();
      if (number < 0 || number > 0x10FFFF || (number >= 0xD800 && number < 0xE000))
        return run.Fail("ValueError: character mapping must be in range(0x110000)");
      std::string mapped;
      AppendUtf8(mapped, static_cast<int32_t>(number));
      out.Append(mapped, text.TrustedAt(at));
    } else if (!to.none()) {
      return run.Fail("TypeError: character mapping must return integer, None or str");
    }
    at += c.length;
  }
  return run.String(out.Take(), self.string().markup);
}

Value TableOfDict(Runtime& run, const Value& mapping) {
  if (!mapping.is_dict())
    return run.Fail("TypeError: if you give only one argument to maketrans it must be a dict");
  auto table = std::make_shared<DictData>();
  for (const auto& [key, value] : mapping.dict().entries) {
    if (!run.Spend(static_cast<int64_t>(table->entries.size() / 8 + 1))) return Value::Failure();
    if (key.is_integer()) {
      table->Insert(key, value);
      continue;
    }
    if (!key.is_string()) return run.Fail("TypeError: keys of maketrans must be str or integers");
    if (CountCodePoints(key.text().view()) != 1)
      return run.Fail("ValueError: string keys in translate table must be of length 1");
    table->Insert(Value::Int(Decode(key.text().view(), 0).value), value);
  }
  return run.Dict(std::move(table));
}

std::vector<int32_t> CodePoints(std::string_view text) {
  std::vector<int32_t> points;
  for (size_t at = 0; at < text.size();) {
    CodePoint c = Decode(text, at);
    points.push_back(c.value);
    at += c.length;
  }
  return points;
}

Value MakeTransMethod(Runtime& run, const Value&, const Arguments& arguments) {
  if (arguments[1].missing()) return TableOfDict(run, arguments[0]);
  for (size_t i = 0; i < 3; i++)
    if (!arguments[i].is_string() && !(i == 2 && arguments[i].missing()))
      return run.Fail("TypeError: the arguments of maketrans must be str");
  std::vector<int32_t> from = CodePoints(arguments[0].text().view());
  std::vector<int32_t> to = CodePoints(arguments[1].text().view());
  if (from.size() != to.size())
    return run.Fail("ValueError: the first two maketrans arguments must have equal length");
  auto table = std::make_shared<DictData>();
  auto insert = [&](int32_t character, const Value& value) {
    if (run.Spend(static_cast<int64_t>(table->entries.size() / 8 + 1)))
      table->Insert(Value::Int(character), value);
  };
  for (size_t i = 0; i < from.size() && !run.failed(); i++) insert(from[i], Value::Int(to[i]));
  if (!arguments[2].missing())
    for (int32_t c : CodePoints(arguments[2].text().view()))
      if (!run.failed()) insert(c, Value::None());
  return run.failed() ? Value::Failure() : run.Dict(std::move(table));
}

constexpr Method kTextMethods[] = {
    {"encode", {"encoding errors", 0}, &EncodeMethod},
    {"maketrans", {"/x /y /z", 1}, &MakeTransMethod},
    {"translate", {"/table", 1}, &TranslateMethod},
};
constexpr Method kBytesMethods[] = {
    {"decode", {"encoding errors", 0}, &DecodeMethod},
    {"hex", {"", 0}, &HexMethod},
};

}  // namespace

std::span<const Method> CodingMethods() { return kTextMethods; }
std::span<const Method> BytesMethods() { return kBytesMethods; }

}  // namespace ingle::jinja
