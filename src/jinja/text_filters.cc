// Filters that make texts.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "jinja/merge_sort.h"
#include "jinja/numbers.h"
#include "jinja/text_operations.h"

namespace ingle::jinja {

TaintedString EscapeHtml(const TaintedString& text) {
  StringBuilder out;
  for (size_t at = 0; at < text.size(); at++) {
    constexpr std::string_view kFrom = "&<>'\"";
    constexpr std::string_view kTo[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
    size_t found = kFrom.find(text.view()[at]);
    if (found == std::string_view::npos)
      out.Append(text, at, 1);
    else
      out.Append(kTo[found], text.TrustedAt(at));
  }
  return out.Take();
}

namespace {

bool IsMarkup(const Value& value) { return value.is_string() && value.string().markup; }

template <TaintedString (*map)(const TaintedString&)>
Value MapFilter(Runtime& run, const Arguments& arguments) {
  auto text = run.Text(arguments[0]);
  if (!text || !run.SpendBytes(text->size())) return Value::Failure();
  return run.String(map(*text), IsMarkup(arguments[0]));
}

TaintedString Upper(const TaintedString& text) { return MapCase(text, Case::kUpper); }
TaintedString Lower(const TaintedString& text) { return MapCase(text, Case::kLower); }

// |title starts words after spaces, hyphens and opening brackets only.
TaintedString TitleFilter(const TaintedString& text) {
  StringBuilder out;
  size_t start = 0;
  auto flush = [&](size_t end) {
    if (end == start) return;
    size_t first = Decode(text.view(), start).length;
    out.Append(MapCase(Slice(text, start, first), Case::kUpper));
    out.Append(MapCase(Slice(text, start + first, end - start - first), Case::kLower));
  };
  for (size_t at = 0; at < text.size();) {
    CodePoint c = Decode(text.view(), at);
    bool separator = IsSpace(c.value) || c.value == '-' || c.value == '(' || c.value == '{' ||
                     c.value == '[' || c.value == '<';
    if (separator) {
      flush(at);
      out.Append(text, at, c.length);
      start = at + c.length;
    }
    at += c.length;
  }
  flush(text.size());
  return out.Take();
}

Value TrimFilter(Runtime& run, const Arguments& arguments) {
  auto text = run.Text(arguments[0]);
  if (!text || !run.SpendBytes(text->size())) return Value::Failure();
  if (!Given(arguments[1]))
    return run.String(Strip(*text, Side::kBoth, nullptr), IsMarkup(arguments[0]));
  if (!arguments[1].is_string()) return run.Fail("TypeError: strip arg must be None or str");
  if (!run.Spend(static_cast<int64_t>((text->size() / kBytesPerStep + 1) *
                                      (arguments[1].text().size() / kBytesPerStep + 1))))
    return Value::Failure();
  return run.String(Strip(*text, Side::kBoth, &arguments[1].text()), IsMarkup(arguments[0]));
}

Value ReplaceFilter(Runtime& run, const Arguments& arguments) {
  auto text = run.Text(arguments[0]);
  auto from = run.Text(arguments[1]);
  auto to = run.Text(arguments[2]);
  if (!text || !from || !to) return Value::Failure();
  int64_t limit = -1;
  if (Given(arguments[3])) {
    auto given = IntegerArgument(run, arguments[3], "count");
    if (!given) return Value::Failure();
    limit = *given;
  }
  bool markup = false;
  if (run.autoescape()) {
    if (IsMarkup(arguments[1]) || (IsMarkup(arguments[2]) && !IsMarkup(arguments[0])))
      text = IsMarkup(arguments[0]) ? *text : EscapeHtml(*text), markup = true;
    markup |= IsMarkup(arguments[0]);
    if (markup && !IsMarkup(arguments[2])) to = EscapeHtml(*to);
  }
  auto replaced = Replace(run, *text, *from, *to, limit);
  return replaced ? run.String(std::move(*replaced), markup) : Value::Failure();
}

Value CenterFilter(Runtime& run, const Arguments& arguments) {
  auto text = run.Text(arguments[0]);
  auto width = arguments[1].missing() ? std::optional<int64_t>(80)
                                      : IntegerArgument(run, arguments[1], "width");
  if (!text || !width) return Value::Failure();
  INGLE_JINJA_TRY(padded, Pad(run, *text, *width, TaintedString(" ", true), 'c'));
  return IsMarkup(arguments[0]) ? run.String(padded.text(), true) : padded;
}

Value IndentFilter(Runtime& run, const Arguments& arguments) {
  if (arguments[0].undefined()) return run.UseUndefined(arguments[0]);
  if (!arguments[0].is_string())
    return run.Fail("TypeError: indent needs a text, not " + std::string(TypeName(arguments[0])));
  TaintedString indention("    ", true);
  if (arguments[1].is_string()) {
    indention = arguments[1].text();
  } else if (!arguments[1].missing()) {
    auto width = IntegerArgument(run, arguments[1], "width");
    if (!width || !run.SpendBytes(static_cast<size_t>(std::max<int64_t>(*width, 0))))
      return Value::Failure();
    indention =
        TaintedString(std::string(static_cast<size_t>(std::max<int64_t>(*width, 0)), ' '), true);
  }
  bool first = Truthy(arguments[2]), blank = Truthy(arguments[3]);
  StringBuilder ended;
  ended.Append(arguments[0].text());
  ended.Append("\n", true);
  if (!run.SpendBytes(ended.size() * 2)) return Value::Failure();
  std::vector<TaintedString> lines = SplitLines(ended.Take(), false);
  size_t total = arguments[0].text().size(), most = 0;
  if (__builtin_mul_overflow(lines.size(), indention.size() + 1, &most) ||
      !run.SpendBytes(total + most)) {
    return run.failed() ? Value::Failure() : run.FailBudget("the indented text is too long");
  }
  StringBuilder out;
  for (size_t i = 0; i < lines.size(); i++) {
    if (i > 0) out.Append("\n", true);
    if (i == 0 ? first : (blank || !lines[i].empty())) out.Append(indention);
    out.Append(lines[i]);
  }
  return run.String(out.Take(), IsMarkup(arguments[0]));
}

Value TruncateFilter(Runtime& run, const Arguments& arguments) {
  auto integer = [&](const Value& value, bool given, int64_t otherwise) {
    return given ? IntegerArgument(run, value, "length").value_or(0) : otherwise;
  };
  int64_t length = integer(arguments[1], !arguments[1].missing(), 255);
  int64_t leeway = integer(arguments[4], Given(arguments[4]), 5);
  Value end = arguments[3].missing() ? run.String("...") : arguments[3];
  INGLE_JINJA_TRY(size, run.Length(arguments[0]));
  if (run.failed() || !end.is_string())
    return run.Fail("TypeError: the end of truncate must be a text");
  int64_t end_size = run.Length(end).integer();
  if (length < end_size || leeway < 0)
    return run.Fail("AssertionError: truncate's length is shorter than its end");
  if (size.integer() <= length + leeway) return arguments[0];
  if (!arguments[0].is_string()) return run.Fail("TypeError: truncate needs a text");
  INGLE_JINJA_TRY(kept, run.GetSlice(arguments[0], Value::None(), Value::Int(length - end_size),
                                     Value::None()));
  StringBuilder out;
  out.Append(Truthy(arguments[2]) ? kept.text() : SplitAt(kept.text(), " ", 1, true)[0]);
  out.Append(end.text());
  return run.String(out.Take());
}

Value WordCountFilter(Runtime& run, const Arguments& arguments) {
  auto text = run.Text(arguments[0]);
  if (!text || !run.SpendBytes(text->size())) return Value::Failure();
  int64_t words = 0;
  bool inside = false;
  for (size_t at = 0; at < text->size();) {
    CodePoint c = Decode(text->view(), at);
    bool word = IsWordCharacter(c.value);
    words += word && !inside ? 1 : 0;
    inside = word;
    at += c.length;
  }
  return Value::Int(words);
}

Value StringFilter(Runtime& run, const Arguments& arguments) { return run.TextValue(arguments[0]); }

Value SafeFilter(Runtime& run, const Arguments& arguments) {
  auto text = run.Text(arguments[0]);
  return text ? run.String(std::move(*text), true) : Value::Failure();
}

template <bool force>
Value EscapeFilter(Runtime& run, const Arguments& arguments) {
  if (!force && IsMarkup(arguments[0])) return arguments[0];
  auto text = run.Text(arguments[0]);
  if (!text || !run.SpendBytes(text->size() * 2)) return Value::Failure();
  return run.String(EscapeHtml(*text), true);
}

// As markupsafe: comments, then tags, then spaces; character references are kept as they are.
Value StripTagsFilter(Runtime& run, const Arguments& arguments) {
  auto text = run.Text(arguments[0]);
  if (!text || !run.SpendBytes(text->size() * 4)) return Value::Failure();
  for (bool comments : {true, false}) {
    std::string_view open = comments ? "<!--" : "<", close = comments ? "-->" : ">";
    StringBuilder out;
    size_t at = 0;
    while (true) {
      size_t start = FindBytes(text->view(), open, at);
      size_t end = start == std::string_view::npos ? start : FindBytes(text->view(), close, start);
      if (end == std::string_view::npos) break;
      out.Append(*text, at, start - at);
      at = end + close.size();
    }
    out.Append(*text, at, text->size() - at);
    text = out.Take();
  }
  std::vector<Value> words;
  for (TaintedString& word : SplitSpace(*text, -1, false))
    words.push_back(run.String(std::move(word)));
  auto joined = Join(run, TaintedString(" ", true), words);
  return joined ? run.String(std::move(*joined)) : Value::Failure();
}

void AppendQuoted(StringBuilder& out, const TaintedString& text, bool for_query) {
  for (size_t at = 0; at < text.size(); at++) {
    auto c = static_cast<unsigned char>(text.view()[at]);
    bool plain = c < 0x80 && (IsWordCharacter(c) || c == '.' || c == '-' || c == '~' ||
                              (c == '/' && !for_query));
    char escape[4] = "+";
    if (!(for_query && c == ' ')) std::snprintf(escape, sizeof escape, "%%%02X", c);
    if (plain)
      out.Append(text, at, 1);
    else
      out.Append(escape, text.TrustedAt(at));
  }
}

Value UrlEncodeFilter(Runtime& run, const Arguments& arguments) {
  StringBuilder out;
  const Value& value = arguments[0];
  if (value.is_dict() || value.is_sequence() || value.kind() == Kind::kRange ||
      value.kind() == Kind::kView || value.kind() == Kind::kIterator || value.undefined()) {
    auto pairs =
        run.Items(value.is_dict() ? FindMethod(value, "items")->run(run, value, arguments) : value);
    for (size_t i = 0; pairs && i < pairs->size(); i++) {
      auto pair = run.Items((*pairs)[i]);
      if (!pair || pair->size() != 2) return run.Fail("ValueError: urlencode needs pairs");
      auto key = run.Text((*pair)[0]), item = run.Text((*pair)[1]);
      if (!key || !item || !run.SpendBytes((key->size() + item->size()) * 3))
        return Value::Failure();
      if (i > 0) out.Append("&", true);
      AppendQuoted(out, *key, true);
      out.Append("=", true);
      AppendQuoted(out, *item, true);
    }
    return run.failed() ? Value::Failure() : run.String(out.Take());
  }
  auto text = run.Text(value);
  if (!text || !run.SpendBytes(text->size() * 3)) return Value::Failure();
  AppendQuoted(out, *text, false);
  return run.String(out.Take());
}

Value FormatFilter(Runtime& run, const Arguments& arguments) {
  INGLE_JINJA_TRY(format, arguments.size() == 0 ? run.Fail("TypeError: format needs a text")
                                                : run.TextValue(arguments[0]));
  std::vector<Value> rest(arguments.positional.begin() + 1, arguments.positional.end());
  if (arguments.named.empty()) {
    INGLE_JINJA_TRY(values, run.Tuple(std::move(rest)));
    return FormatPercent(run, format, values);
  }
  if (!rest.empty())
    return run.Fail("format cannot handle positional and keyword arguments at the same time");
  auto dict = std::make_shared<DictData>();
  for (const auto& [name, value] : arguments.named) dict->Insert(run.String(name), value);
  INGLE_JINJA_TRY(values, run.Dict(std::move(dict)));
  return FormatPercent(run, format, values);
}

Value ToJsonFilter(Runtime& run, const Arguments& arguments) {
  JsonStyle style;
  style.ensure_ascii = Truthy(arguments[1]);
  style.sort_keys = Truthy(arguments[4]);
  if (Given(arguments[2])) {
    if (arguments[2].is_string()) {
      style.indent = arguments[2].text();
    } else {
      auto width = IntegerArgument(run, arguments[2], "indent");
      if (!width || !run.SpendBytes(static_cast<size_t>(std::max<int64_t>(*width, 0))))
        return Value::Failure();
      style.indent =
          TaintedString(std::string(static_cast<size_t>(std::max<int64_t>(*width, 0)), ' '), true);
    }
    style.item_separator = TaintedString(",", true);
  }
  if (Given(arguments[3])) {
    auto pair = run.Items(arguments[3]);
    if (!pair) return Value::Failure();
    bool texts = pair->size() == 2 && (*pair)[0].is_string() && (*pair)[1].is_string();
    if (pair->size() != 2 || (!texts && !arguments[0].is_string()))
      return run.Fail("TypeError: separators must be two texts");
    if (texts) {
      style.item_separator = (*pair)[0].text();
      style.key_separator = (*pair)[1].text();
    }
  }
  StringBuilder out;
  if (!AppendJson(run, out, arguments[0], style)) return Value::Failure();
  return run.String(out.Take());
}

Value FileSizeFilter(Runtime& run, const Arguments& arguments) {
  auto parsed = arguments[0].is_string() ? ParseFloat(arguments[0].text().view()) : std::nullopt;
  if (!IsNumber(arguments[0]) && !parsed)
    return run.Fail("TypeError: filesizeformat needs a number");
  bool binary = Truthy(arguments[1]);
  double bytes = parsed ? *parsed : ToDouble(arguments[0]), base = binary ? 1024 : 1000,
         unit = base;
  if (bytes == 1) return run.String("1 Byte");
  if (bytes < base) return run.String(std::to_string(static_cast<int64_t>(bytes)) + " Bytes");
  constexpr std::string_view kPrefixes = "kMGTPEZY";
  size_t at = 0;
  for (unit = base * base; at + 1 < kPrefixes.size() && bytes >= unit; at++) unit *= base;
  char text[64];
  std::snprintf(text, sizeof text, "%.1f %c%sB", base * bytes / unit,
                binary && at == 0 ? 'K' : kPrefixes[at], binary ? "i" : "");
  return run.String(text);
}

// A copy whose dicts have their keys in order, as pprint shows them.
Value Ordered(Runtime& run, const Value& value) {
  if (value.is_sequence()) {
    std::vector<Value> items;
    for (const Value& item : value.items()) items.push_back(Ordered(run, item));
    return run.failed() ? Value::Failure() : run.Sequence(value.kind(), std::move(items));
  }
  if (!value.is_dict()) return value;
  auto dict = std::make_shared<DictData>();
  for (const auto& [key, item] : value.dict().entries)
    dict->entries.emplace_back(key, Ordered(run, item));
  MergeSort(dict->entries, [&](const auto& a, const auto& b) {
    auto order = run.failed() ? std::nullopt : run.Order(a.first, b.first);
    return order && *order < 0;
  });
  return run.failed() ? Value::Failure() : run.Dict(std::move(dict));
}

Value PrintFilter(Runtime& run, const Arguments& arguments) {
  constexpr size_t kLineCharacters = 80;  // What is longer pprint would break into lines.
  StringBuilder out;
  INGLE_JINJA_TRY(value, Ordered(run, arguments[0]));
  if (!run.AppendRepr(out, value)) return Value::Failure();
  bool breaks = value.is_string() || value.is_sequence() || value.is_dict();
  if (breaks && CountCodePoints(out.text().view()) > kLineCharacters)
    return run.Fail("pprint of more than one line is not supported; use tojson(indent=2)");
  return run.String(out.Take());
}

constexpr Filter kFilters[] = {
    {"capitalize", {"s", 1}, &MapFilter<Capitalize>},
    {"center", {"value width", 1}, &CenterFilter},
    {"e", {"s", 1}, &EscapeFilter<false>},
    {"escape", {"s", 1}, &EscapeFilter<false>},
    {"filesizeformat", {"value binary", 1}, &FileSizeFilter},
    {"forceescape", {"value", 1}, &EscapeFilter<true>},
    {"format", {"*", 1}, &FormatFilter},
    {"indent", {"s width first blank", 1}, &IndentFilter},
    {"lower", {"s", 1}, &MapFilter<Lower>},
    {"pprint", {"value", 1}, &PrintFilter},
    {"replace", {"s old new count", 3}, &ReplaceFilter},
    {"safe", {"value", 1}, &SafeFilter},
    {"string", {"s", 1}, &StringFilter},
    {"striptags", {"value", 1}, &StripTagsFilter},
    {"title", {"s", 1}, &MapFilter<TitleFilter>},
    {"tojson", {"x ensure_ascii indent separators sort_keys", 1}, &ToJsonFilter},
    {"trim", {"value chars", 1}, &TrimFilter},
    {"truncate", {"s length killwords end leeway", 1}, &TruncateFilter},
    {"upper", {"s", 1}, &MapFilter<Upper>},
    {"urlencode", {"value", 1}, &UrlEncodeFilter},
    {"wordcount", {"s", 1}, &WordCountFilter},
};

}  // namespace

std::span<const Filter> TextFilters() { return kFilters; }

}  // namespace ingle::jinja
