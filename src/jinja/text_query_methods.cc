// Methods of str that answer questions; methods of dict, list, tuple, range, cycler, loop and
// numbers.

#include <algorithm>
#include <cmath>

#include "jinja/numbers.h"
#include "jinja/text_operations.h"

namespace ingle::jinja {
namespace {

// Byte range of text[start:end] with Python's rules for the optional bounds of find and startswith.
struct Window {
  size_t begin = 0, end = 0;
  bool empty_beyond = false;  // start lies behind the end: nothing is found there, not even "".
};

std::optional<Window> WindowOf(Runtime& run, const Value& self, const Value& start,
                               const Value& end) {
  const TaintedString& text = self.text();
  Window window{0, text.size(), false};
  if (!Given(start) && !Given(end)) return window;
  Value length = run.Length(self);
  int64_t size = length.failed() ? 0 : length.integer();
  auto bound = [&](const Value& value, int64_t otherwise) -> int64_t {
    if (!Given(value)) return otherwise;
    int64_t at = IntegerArgument(run, value, "the position").value_or(0);
    return at < 0 ? std::max<int64_t>(at + size, 0) : at;
  };
  int64_t from = bound(start, 0), to = std::min(bound(end, size), size);
  if (run.failed() || !run.SpendBytes(text.size())) return std::nullopt;
  window.empty_beyond = from > to || from > size;
  auto offset = [&](int64_t code_points) {
    if (self.string().ascii) return static_cast<size_t>(std::min(code_points, size));
    size_t at = 0;
    for (int64_t i = 0; i < code_points && at < text.size(); i++)
      at += Decode(text.view(), at).length;
    return at;
  };
  window.begin = offset(from);
  window.end = std::max(offset(to), window.begin);
  return window;
}

template <bool suffix>
Value AffixMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  auto window = WindowOf(run, self, arguments[1], arguments[2]);
  if (!window) return Value::Failure();
  std::string_view text = self.text().view().substr(window->begin, window->end - window->begin);
  std::vector<Value> wanted = {arguments[0]};
  if (arguments[0].kind() == Kind::kTuple) wanted = arguments[0].items();
  for (const Value& affix : wanted) {
    if (!affix.is_string())
      return run.Fail(std::string("TypeError: ") + (suffix ? "endswith" : "startswith") +
                      " first arg must be str or a tuple of str, not " +
                      std::string(TypeName(affix)));
    std::string_view bytes = affix.text().view();
    if (!run.Spend(static_cast<int64_t>(bytes.size() / kBytesPerStep) + 1)) return Value::Failure();
    if (!window->empty_beyond && (suffix ? text.ends_with(bytes) : text.starts_with(bytes)))
      return Value::Bool(true);
  }
  return Value::Bool(false);
}

template <bool from_right, bool must_exist>
Value FindMethodOf(Runtime& run, const Value& self, const Arguments& arguments) {
  if (!arguments[0].is_string())
    return run.Fail("TypeError: must be str, not " + std::string(TypeName(arguments[0])));
  auto window = WindowOf(run, self, arguments[1], arguments[2]);
  if (!window || !run.SpendBytes(self.text().size())) return Value::Failure();
  std::string_view text = self.text().view().substr(0, window->end);
  std::string_view wanted = arguments[0].text().view();
  // rfind compares at every place.
  if (from_right && !run.Spend(static_cast<int64_t>(text.size() / kBytesPerStep *
                                                    (wanted.size() / kBytesPerStep))))
    return Value::Failure();
  size_t found = from_right ? text.rfind(wanted) : FindBytes(text, wanted, window->begin);
  if (found != std::string_view::npos && (found < window->begin || window->empty_beyond))
    found = std::string_view::npos;
  if (found != std::string_view::npos)
    return Value::Int(static_cast<int64_t>(CountCodePoints(text.substr(0, found))));
  return must_exist ? run.Fail("ValueError: substring not found") : Value::Int(-1);
}

Value CountMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  if (!arguments[0].is_string())
    return run.Fail("TypeError: must be str, not " + std::string(TypeName(arguments[0])));
  auto window = WindowOf(run, self, arguments[1], arguments[2]);
  if (!window || !run.SpendBytes(self.text().size())) return Value::Failure();
  if (window->empty_beyond) return Value::Int(0);
  std::string_view text = self.text().view().substr(window->begin, window->end - window->begin);
  std::string_view wanted = arguments[0].text().view();
  if (wanted.empty()) return Value::Int(static_cast<int64_t>(CountCodePoints(text)) + 1);
  int64_t count = 0;
  for (size_t at = 0; (at = FindBytes(text, wanted, at)) != std::string_view::npos;
       at += wanted.size())
    count++;
  return Value::Int(count);
}

// str.isdigit and the like: all code points pass, and there is one.
template <bool (*passes)(int32_t), bool when_empty>
Value AllMethod(Runtime& run, const Value& self, const Arguments&) {
  std::string_view text = self.text().view();
  if (!run.SpendBytes(text.size())) return Value::Failure();
  for (size_t at = 0; at < text.size();) {
    CodePoint c = Decode(text, at);
    if (!passes(c.value)) return Value::Bool(false);
    at += c.length;
  }
  return Value::Bool(when_empty || !text.empty());
}

bool IsAlphanumeric(int32_t c) { return IsAlpha(c) || IsNumeric(c); }
bool IsAscii(int32_t c) { return c < 0x80; }

template <bool (*wanted)(int32_t), bool (*other)(int32_t)>
Value CaseQuery(Runtime& run, const Value& self, const Arguments&) {
  bool cased = false;
  std::string_view text = self.text().view();
  if (!run.SpendBytes(text.size())) return Value::Failure();
  for (size_t at = 0; at < text.size();) {
    CodePoint c = Decode(text, at);
    if (other(c.value) || IsTitle(c.value)) return Value::Bool(false);
    cased |= wanted(c.value);
    at += c.length;
  }
  return Value::Bool(cased);
}

Value IsTitleMethod(Runtime&, const Value& self, const Arguments&) {
  bool cased = false, before = false;
  std::string_view text = self.text().view();
  for (size_t at = 0; at < text.size();) {
    CodePoint c = Decode(text, at);
    bool upper = IsUpper(c.value) || IsTitle(c.value), lower = IsLower(c.value);
    if ((upper && before) || (lower && !before)) return Value::Bool(false);
    before = upper || lower;
    cased |= before;
    at += c.length;
  }
  return Value::Bool(cased);
}

Value IsIdentifier(Runtime&, const Value& self, const Arguments&) {
  std::string_view text = self.text().view();
  if (text.empty() || IsNumeric(Decode(text, 0).value)) return Value::Bool(false);
  for (size_t at = 0; at < text.size();) {
    CodePoint c = Decode(text, at);
    if (!IsWordCharacter(c.value)) return Value::Bool(false);
    at += c.length;
  }
  return Value::Bool(true);
}

constexpr Method kTextMethods[] = {
    {"count", {"/sub /start /end", 1}, &CountMethod},
    {"endswith", {"/suffix /start /end", 1}, &AffixMethod<true>},
    {"find", {"/sub /start /end", 1}, &FindMethodOf<false, false>},
    {"index", {"/sub /start /end", 1}, &FindMethodOf<false, true>},
    {"isalnum", {"", 0}, &AllMethod<IsAlphanumeric, false>},
    {"isalpha", {"", 0}, &AllMethod<IsAlpha, false>},
    {"isascii", {"", 0}, &AllMethod<IsAscii, true>},
    {"isdecimal", {"", 0}, &AllMethod<IsDecimal, false>},
    {"isdigit", {"", 0}, &AllMethod<IsDigit, false>},
    {"isidentifier", {"", 0}, &IsIdentifier},
    {"islower", {"", 0}, &CaseQuery<IsLower, IsUpper>},
    {"isnumeric", {"", 0}, &AllMethod<IsNumeric, false>},
    {"isprintable", {"", 0}, &AllMethod<IsPrintable, true>},
    {"isspace", {"", 0}, &AllMethod<IsSpace, false>},
    {"istitle", {"", 0}, &IsTitleMethod},
    {"isupper", {"", 0}, &CaseQuery<IsUpper, IsLower>},
    {"rfind", {"/sub /start /end", 1}, &FindMethodOf<true, false>},
    {"rindex", {"/sub /start /end", 1}, &FindMethodOf<true, true>},
    {"startswith", {"/prefix /start /end", 1}, &AffixMethod<false>},
};

}  // namespace

std::span<const Method> TextQueryMethods() { return kTextMethods; }

}  // namespace ingle::jinja
