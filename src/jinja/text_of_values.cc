// str(), repr() and json.dumps of values.

#include <algorithm>
#include <cstdio>

#include "jinja/builtins.h"
#include "jinja/merge_sort.h"
#include "jinja/numbers.h"
#include "jinja/runtime.h"
#include "jinja/unicode.h"

namespace ingle::jinja {
namespace {

// Containers in containers while they are printed, above what values may be: namespaces can be
// circular.
constexpr int kMoreTextDepth = 22;

// repr() of a str: quotes as Python chooses them; the quotes and backslashes are ours, the rest
// keeps its trust.
void AppendStringRepr(StringBuilder& out, const TaintedString& text) {
  std::string_view view = text.view();
  char quote = view.find('\'') != std::string_view::npos && view.find('"') == std::string_view::npos
                   ? '"'
                   : '\'';
  out.Append(std::string_view(&quote, 1), true);
  size_t plain = 0;
  auto flush = [&](size_t end) { out.Append(text, plain, end - plain); };
  for (size_t at = 0; at < view.size();) {
    CodePoint c = Decode(view, at);
    char escape[12] = "";
    if (c.value == quote || c.value == '\\')
      std::snprintf(escape, sizeof escape, "\\%c", c.value);
    else if (c.value == '\n')
      std::snprintf(escape, sizeof escape, "\\n");
    else if (c.value == '\r')
      std::snprintf(escape, sizeof escape, "\\r");
    else if (c.value == '\t')
      std::snprintf(escape, sizeof escape, "\\t");
    else if (c.value < 0x20 || c.value == 0x7F || (c.value >= 0x80 && !IsPrintable(c.value)))
      std::snprintf(escape, sizeof escape,
                    c.value < 0x100     ? "\\x%02x"
                    : c.value < 0x10000 ? "\\u%04x"
                                        : "\\U%08x",
                    static_cast<unsigned>(c.value));
    if (escape[0] != '\0') {
      flush(at);
      out.Append(escape, text.TrustedAt(at));
      plain = at + c.length;
    }
    at += c.length;
  }
  flush(view.size());
  out.Append(std::string_view(&quote, 1), true);
}

}  // namespace

TaintedString AsciiOnly(const TaintedString& repr) {
  StringBuilder out;
  for (size_t at = 0; at < repr.size();) {
    CodePoint c = Decode(repr.view(), at);
    char escape[12] = "";
    if (c.value >= 0x80)
      std::snprintf(escape, sizeof escape,
                    c.value < 0x100     ? "\\x%02x"
                    : c.value < 0x10000 ? "\\u%04x"
                                        : "\\U%08x",
                    static_cast<unsigned>(c.value));
    if (c.value < 0x80)
      out.Append(repr, at, 1);
    else
      out.Append(escape, repr.TrustedAt(at));
    at += c.length;
  }
  return out.Take();
}

namespace {

void AppendJsonString(StringBuilder& out, const TaintedString& text, bool ensure_ascii) {
  std::string_view view = text.view();
  out.Append("\"", true);
  size_t plain = 0;
  for (size_t at = 0; at < view.size();) {
    CodePoint c = Decode(view, at);
    char escape[16] = "";
    constexpr std::string_view kFrom = "\"\\\n\r\t\f\b", kTo = "\"\\nrtfb";
    size_t named = c.value < 0x80 ? kFrom.find(static_cast<char>(c.value)) : std::string_view::npos;
    auto unit = static_cast<unsigned>(c.value);
    if (named != std::string_view::npos) {
      std::snprintf(escape, sizeof escape, "\\%c", kTo[named]);
    } else if (unit < 0x20 || (ensure_ascii && unit >= 0x7F && unit < 0x10000)) {
      std::snprintf(escape, sizeof escape, "\\u%04x", unit);
    } else if (ensure_ascii && unit >= 0x10000) {
      std::snprintf(escape, sizeof escape, "\\u%04x\\u%04x", 0xD800 + ((unit - 0x10000) >> 10),
                    0xDC00 + ((unit - 0x10000) & 0x3FF));
    }
    if (escape[0] != '\0') {
      out.Append(text, plain, at - plain);
      out.Append(escape, text.TrustedAt(at));
      plain = at + c.length;
    }
    at += c.length;
  }
  out.Append(text, plain, view.size() - plain);
  out.Append("\"", true);
}

std::string JsonNumber(Runtime& run, const Value& value) {
  if (value.kind() != Kind::kFloat) return IntegerText(run, value, 10);
  std::string text = FloatRepr(value.floating());
  if (text == "nan") return "NaN";
  if (text == "inf") return "Infinity";
  return text == "-inf" ? "-Infinity" : text;
}

bool AppendJsonKey(Runtime& run, StringBuilder& out, const Value& key, bool ensure_ascii) {
  if (key.is_string()) {
    AppendJsonString(out, key.text(), ensure_ascii);
    return true;
  }
  std::string text;
  if (key.none())
    text = "null";
  else if (key.kind() == Kind::kBool)
    text = key.boolean() ? "true" : "false";
  else if (IsNumber(key))
    text = JsonNumber(run, key);
  else
    return run.Fail("TypeError: keys must be str, int, float, bool or None"), false;
  out.Append("\"" + text + "\"", true);
  return !run.failed();
}

void AppendLine(StringBuilder& out, const JsonStyle& style, int depth) {
  out.Append("\n", true);
  for (int i = 0; i < depth; i++) out.Append(*style.indent);
}

bool SortEntries(Runtime& run, std::vector<DictData::Entry>& entries) {
  if (!run.Spend(static_cast<int64_t>(entries.size()))) return false;
  MergeSort(entries, [&](const auto& a, const auto& b) {
    if (run.failed()) return false;
    auto order = run.Order(a.first, b.first);
    return order && *order < 0;
  });
  return !run.failed();
}

bool AppendJsonDict(Runtime& run, StringBuilder& out, const Value& value, const JsonStyle& style,
                    int depth) {
  if (value.dict().entries.empty()) return out.Append("{}", true), true;
  std::vector<DictData::Entry> entries = value.dict().entries;
  if (style.sort_keys && !SortEntries(run, entries)) return false;
  out.Append("{", true);
  for (size_t i = 0; i < entries.size(); i++) {
    if (i > 0) out.Append(style.item_separator);
    if (style.indent) AppendLine(out, style, depth + 1);
    if (!AppendJsonKey(run, out, entries[i].first, style.ensure_ascii)) return false;
    out.Append(style.key_separator);
    if (!AppendJson(run, out, entries[i].second, style, depth + 1)) return false;
  }
  if (style.indent) AppendLine(out, style, depth);
  out.Append("}", true);
  return true;
}

bool AppendJsonList(Runtime& run, StringBuilder& out, const Value& value, const JsonStyle& style,
                    int depth) {
  if (value.items().empty()) return out.Append("[]", true), true;
  out.Append("[", true);
  for (size_t i = 0; i < value.items().size(); i++) {
    if (i > 0) out.Append(style.item_separator);
    if (style.indent) AppendLine(out, style, depth + 1);
    if (!AppendJson(run, out, value.items()[i], style, depth + 1)) return false;
  }
  if (style.indent) AppendLine(out, style, depth);
  out.Append("]", true);
  return true;
}

bool AppendItemsRepr(Runtime& run, StringBuilder& out, const Value& value, int depth) {
  bool tuple = value.kind() == Kind::kTuple;
  out.Append(tuple ? "(" : "[", true);
  for (size_t i = 0; i < value.items().size(); i++) {
    if (i > 0) out.Append(", ", true);
    if (!run.AppendRepr(out, value.items()[i], depth + 1)) return false;
  }
  out.Append(tuple ? (value.items().size() == 1 ? ",)" : ")") : "]", true);
  return true;
}

bool AppendEntriesRepr(Runtime& run, StringBuilder& out,
                       const std::vector<DictData::Entry>& entries, int depth) {
  out.Append("{", true);
  for (size_t i = 0; i < entries.size(); i++) {
    if (i > 0) out.Append(", ", true);
    if (!run.AppendRepr(out, entries[i].first, depth + 1)) return false;
    out.Append(": ", true);
    if (!run.AppendRepr(out, entries[i].second, depth + 1)) return false;
  }
  out.Append("}", true);
  return true;
}

bool AppendViewRepr(Runtime& run, StringBuilder& out, const ViewData& view, int depth) {
  constexpr std::string_view kNames[] = {"dict_keys([", "dict_values([", "dict_items(["};
  out.Append(kNames[static_cast<size_t>(view.part)], true);
  bool first = true;
  for (const auto& [key, value] : view.dict.dict().entries) {
    if (!std::exchange(first, false)) out.Append(", ", true);
    bool pair = view.part == ViewData::Part::kItems;
    if (pair) out.Append("(", true);
    if (view.part != ViewData::Part::kValues && !run.AppendRepr(out, key, depth + 1)) return false;
    if (pair) out.Append(", ", true);
    if (view.part != ViewData::Part::kKeys && !run.AppendRepr(out, value, depth + 1)) return false;
    if (pair) out.Append(")", true);
  }
  out.Append("])", true);
  return true;
}

std::string RangeRepr(const RangeData& range) {
  std::string text = "range(" + std::to_string(range.start) + ", " + std::to_string(range.stop);
  return text + (range.step == 1 ? ")" : ", " + std::to_string(range.step) + ")");
}

bool AppendNamespaceRepr(Runtime& run, StringBuilder& out, const Namespace& space, int depth) {
  out.Append("<Namespace {", true);
  bool first = true;
  for (const auto& [name, value] : space.attributes) {
    if (!std::exchange(first, false)) out.Append(", ", true);
    AppendStringRepr(out, TaintedString(name, true));
    out.Append(": ", true);
    if (!run.AppendRepr(out, value, depth + 1)) return false;
  }
  out.Append("}>", true);
  return true;
}

}  // namespace

bool AppendJson(Runtime& run, StringBuilder& out, const Value& value, const JsonStyle& style,
                int depth) {
  size_t before = out.size();
  if (depth > run.max_value_depth() + kMoreTextDepth)
    return run.Fail("values are nested too deeply for tojson", "template_too_deep"), false;
  if (style.indent &&
      !run.SpendBytes(out.size() + static_cast<size_t>(depth) * style.indent->size()))
    return false;
  bool fine = true;
  switch (value.kind()) {
    case Kind::kNone: out.Append("null", true); break;
    case Kind::kBool: out.Append(value.boolean() ? "true" : "false", true); break;
    case Kind::kInt:
    case Kind::kBigInt:
    case Kind::kFloat: out.Append(JsonNumber(run, value), true); break;
    case Kind::kString: AppendJsonString(out, value.text(), style.ensure_ascii); break;
    case Kind::kList:
    case Kind::kTuple: fine = AppendJsonList(run, out, value, style, depth); break;
    case Kind::kDict: fine = AppendJsonDict(run, out, value, style, depth); break;
    default:
      run.Fail("TypeError: Object of type " + std::string(TypeName(value)) +
               " is not JSON serializable");
      return false;
  }
  // Parts may be shared, so the text can be far larger than the value.
  return fine && !run.failed() &&
         run.Spend(static_cast<int64_t>((out.size() - before) / kBytesPerStep) + 1) &&
         (out.size() <= kMaxOutputBytes || (run.FailBudget("tojson writes too much"), false));
}

bool Runtime::AppendText(StringBuilder& out, const Value& value) {
  if (!value.is_string()) return value.undefined() || AppendRepr(out, value);
  out.Append(value.text());
  return Spend(static_cast<int64_t>(value.text().size() / kBytesPerStep));
}

bool Runtime::AppendRepr(StringBuilder& out, const Value& value, int depth) {
  if (depth > max_value_depth_ + kMoreTextDepth)
    return Fail("values are nested too deeply to be printed", "template_too_deep"), false;
  if (!Spend(1)) return false;
  if (out.size() > kMaxOutputBytes) return FailBudget("a text is too long"), false;
  switch (value.kind()) {
    case Kind::kNone: out.Append("None", true); return true;
    case Kind::kBool: out.Append(value.boolean() ? "True" : "False", true); return true;
    case Kind::kInt:
    case Kind::kBigInt: out.Append(IntegerText(*this, value, 10), true); return !failed();
    case Kind::kFloat: out.Append(FloatRepr(value.floating()), true); return true;
    case Kind::kString:
      if (!SpendBytes(value.text().size())) return false;
      if (value.string().markup) out.Append("Markup(", true);
      AppendStringRepr(out, value.text());
      if (value.string().markup) out.Append(")", true);
      return true;
    case Kind::kBytes:
      if (!SpendBytes(value.text().size())) return false;
      AppendBytesRepr(out, value.text());
      return true;
    case Kind::kList:
    case Kind::kTuple: return AppendItemsRepr(*this, out, value, depth);
    case Kind::kDict: return AppendEntriesRepr(*this, out, value.dict().entries, depth);
    case Kind::kRange: out.Append(RangeRepr(value.range()), true); return true;
    case Kind::kView: return AppendViewRepr(*this, out, value.view(), depth);
    case Kind::kNamespace: return AppendNamespaceRepr(*this, out, *value.space(), depth);
    case Kind::kUndefined: out.Append("Undefined", true); return true;
    case Kind::kMacro:
      out.Append("<Macro " +
                     (value.macro()->node->text.empty() ? "anonymous"
                                                        : "'" + value.macro()->node->text + "'") +
                     ">",
                 true);
      return true;
    case Kind::kLoop: {
      Value length = value.loop().Length(*this);
      if (length.failed()) return false;
      out.Append("<LoopContext " + std::to_string(value.loop().index0 + 1) + "/" +
                     std::to_string(length.integer()) + ">",
                 true);
      return true;
    }
    default: out.Append("<" + std::string(TypeName(value)) + " object>", true); return true;
  }
}

}  // namespace ingle::jinja
