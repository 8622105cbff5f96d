// |urlize and |xmlattr.

#include <algorithm>
#include <set>

#include "jinja/numbers.h"
#include "jinja/text_operations.h"

namespace ingle::jinja {
namespace {

bool Digit(char c) { return c >= '0' && c <= '9'; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool AsciiLetter(char c) { return Lower(c) >= 'a' && Lower(c) <= 'z'; }

// Code points of a host's part: \w, '%' and, where `dashes`, '-'. Gives their end.
size_t LabelEnd(std::string_view text, size_t at, bool dashes, size_t& count) {
  for (count = 0; at < text.size(); count++) {
    CodePoint c = Decode(text, at);
    if (!IsWordCharacter(c.value) && c.value != '%' && !(dashes && c.value == '-')) break;
    at += c.length;
  }
  return at;
}

bool EndsUrl(std::string_view rest) {  // (:port)?([/?#]\S*)?$
  if (rest.starts_with(':')) {
    size_t end = 1;
    while (end < rest.size() && end < 6 && Digit(rest[end])) end++;
    if (end > 1) rest.remove_prefix(end);
  }
  return rest.empty() || rest == "\n" || rest[0] == '/' || rest[0] == '?' || rest[0] == '#';
}

// The top-level domains that stand without a scheme before them.
constexpr std::string_view kKnownDomains[] = {"com", "net", "int",  "edu",
                                              "gov", "org", "info", "mil"};

bool EndsWithDomain(std::string_view text, bool known_only) {
  bool last_matched = false;
  size_t at = 0;
  for (bool more = true; more;) {
    size_t count = 0, end = LabelEnd(text, at, true, count);
    std::string label;
    for (char c : text.substr(at, end - at)) label += Lower(c);
    std::string_view rest = text.substr(end);
    auto is = [&](std::string_view name) { return label == name; };
    if (known_only) {
      last_matched = at > 0 && std::any_of(std::begin(kKnownDomains), std::end(kKnownDomains), is);
    } else {
      bool letters = label.size() >= 2 && label.size() <= 63 &&
                     std::all_of(label.begin(), label.end(), AsciiLetter);
      size_t tail = 0;
      if (label.starts_with("xn--")) LabelEnd(label, 4, false, tail);
      bool idna = label.starts_with("xn--") && tail >= 2 && tail <= 59 &&
                  label.find('-', 4) == std::string::npos;
      last_matched = letters || idna;
    }
    if (last_matched && EndsUrl(rest)) return true;
    more = rest.starts_with('.') && (known_only ? count >= 2 && count <= 63 : count >= 1);
    at = end + 1;
  }
  return false;
}

bool IsAddress(std::string_view text) {  // IPv4, or IPv6 in brackets.
  if (text.starts_with('[')) {
    size_t end = text.find(']'), colons = 0;
    if (end == std::string_view::npos || !EndsUrl(text.substr(end + 1))) return false;
    size_t group = 0;
    for (char c : text.substr(1, end - 1)) {
      if (c == ':') {
        colons++;
        group = 0;
      } else if (!Digit(c) && (Lower(c) < 'a' || Lower(c) > 'f')) {
        return false;
      } else if (++group > 4) {
        return false;
      }
    }
    return colons >= 2 && colons <= 8;
  }
  size_t at = 0;
  for (int part = 0; part < 4; part++) {
    size_t start = at;
    while (at < text.size() && at - start < 3 && Digit(text[at])) at++;
    if (at == start) return false;
    if (part < 3 && (at >= text.size() || text[at++] != '.')) return false;
  }
  return EndsUrl(text.substr(at));
}

bool IsUrl(std::string_view text) {
  std::string start;
  for (char c : text.substr(0, 8)) start += Lower(c);
  size_t scheme = start.starts_with("https://") ? 8 : start.starts_with("http://") ? 7 : 0;
  size_t skip = scheme != 0 ? scheme : start.starts_with("www.") ? 4 : 0;
  if (skip != 0 && EndsWithDomain(text.substr(skip), false)) return true;
  if (EndsWithDomain(text, true)) return true;
  return scheme != 0 && IsAddress(text.substr(scheme));
}

bool IsEmail(std::string_view text) {  // \S+@\w[\w.-]*\.\w+
  size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0) return false;
  std::string_view host = text.substr(at + 1);
  size_t dot = host.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 >= host.size()) return false;
  for (size_t i = 0; i < host.size();) {
    CodePoint c = Decode(host, i);
    bool plain = IsWordCharacter(c.value);
    if (!plain && (i == 0 || i > dot || (c.value != '.' && c.value != '-'))) return false;
    i += c.length;
  }
  return true;
}

struct LinkStyle {
  int64_t limit = -1;  // Characters of a link that are shown; -1: all.
  std::string attributes;
  std::vector<std::string> schemes;
};

bool TakeFront(std::string_view& middle, std::string_view mark) {
  if (!middle.starts_with(mark)) return false;
  middle.remove_prefix(mark.size());
  return true;
}

bool TakeBack(std::string_view& middle, std::string_view mark) {
  if (!middle.ends_with(mark)) return false;
  middle.remove_suffix(mark.size());
  return true;
}

size_t CountOf(std::string_view text, std::string_view mark) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(mark, at)) != std::string_view::npos; at += mark.size())
    count++;
  return count;
}

// Splits a word without spaces into what leads, the candidate for a link, and what trails it.
struct Word {
  size_t begin = 0, end = 0;
};

Word Candidate(std::string_view word) {
  std::string_view middle = word;
  while (TakeFront(middle, "(") || TakeFront(middle, "<") || TakeFront(middle, "&lt;")) {
  }
  size_t begin = word.size() - middle.size();
  while (TakeBack(middle, ")") || TakeBack(middle, ">") || TakeBack(middle, ".") ||
         TakeBack(middle, ",") || TakeBack(middle, "\n") || TakeBack(middle, "&gt;")) {
  }
  Word found{begin, begin + middle.size()};
  constexpr std::pair<std::string_view, std::string_view> kPairs[] = {
      {"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}};
  for (const auto& [open, close] : kPairs) {  // Brackets of the link itself stay in it.
    std::string_view inside = word.substr(found.begin, found.end - found.begin);
    size_t opened = CountOf(inside, open);
    if (opened <= CountOf(inside, close)) continue;
    for (size_t more = std::min(opened, CountOf(word.substr(found.end), close)); more > 0; more--)
      found.end = word.find(close, found.end) + close.size();
  }
  return found;
}

void AppendLink(StringBuilder& out, std::string_view prefix, const TaintedString& target,
                const std::string& attributes, const TaintedString& shown) {
  out.Append("<a href=\"" + std::string(prefix), true);
  out.Append(target);
  out.Append("\"" + attributes + ">", true);
  out.Append(shown);
  out.Append("</a>", true);
}

TaintedString Shortened(const TaintedString& text, int64_t limit) {
  if (limit < 0 || static_cast<int64_t>(CountCodePoints(text.view())) <= limit) return text;
  size_t end = 0;
  for (int64_t i = 0; i < limit; i++) end += Decode(text.view(), end).length;
  StringBuilder out;
  out.Append(text, 0, end);
  out.Append("...", true);
  return out.Take();
}

void AppendWord(StringBuilder& out, const TaintedString& word, const LinkStyle& style) {
  Word found = Candidate(word.view());
  TaintedString middle = Slice(word, found.begin, found.end - found.begin);
  std::string_view view = middle.view();
  out.Append(word, 0, found.begin);
  if (IsUrl(view)) {
    bool complete = view.starts_with("https://") || view.starts_with("http://");
    AppendLink(out, complete ? "" : "https://", middle, style.attributes,
               Shortened(middle, style.limit));
  } else if (view.starts_with("mailto:") && IsEmail(view.substr(7))) {
    AppendLink(out, "", middle, "", Slice(middle, 7, middle.size() - 7));
  } else if (!view.starts_with("www.") && !view.starts_with('@') &&
             view.find(':') == std::string_view::npos && IsEmail(view)) {
    AppendLink(out, "mailto:", middle, "", middle);
  } else {
    auto scheme = std::ranges::find_if(style.schemes, [&](const std::string& each) {
      return view != each && view.starts_with(each);
    });
    if (scheme == style.schemes.end())
      out.Append(middle);
    else
      AppendLink(out, "", middle, style.attributes, middle);
  }
  out.Append(word, found.end, word.size() - found.end);
}

// rel="...": what is asked for, "nofollow" where wanted, and always "noopener"; sorted.
std::optional<LinkStyle> StyleOf(Runtime& run, const Arguments& arguments) {
  LinkStyle style;
  if (Given(arguments[1])) {
    auto limit = IntegerArgument(run, arguments[1], "trim_url_limit");
    if (!limit) return std::nullopt;
    style.limit = std::max<int64_t>(*limit, 0);
  }
  std::set<std::string> parts = {"noopener"};
  if (Truthy(arguments[2])) parts.insert("nofollow");
  if (Given(arguments[4])) {
    if (!arguments[4].is_string())
      return run.Fail("AttributeError: rel must be a text"), std::nullopt;
    for (const TaintedString& part : SplitSpace(arguments[4].text(), -1, false))
      parts.insert(part.bytes());
  }
  std::string rel;
  for (const std::string& part : parts) rel += (rel.empty() ? "" : " ") + part;
  style.attributes = " rel=\"" + EscapeHtml(TaintedString(rel, true)).bytes() + "\"";
  if (Given(arguments[3]) && Truthy(arguments[3])) {
    auto target = run.Text(arguments[3]);
    if (!target) return std::nullopt;
    style.attributes += " target=\"" + EscapeHtml(*target).bytes() + "\"";
  }
  auto schemes = Given(arguments[5]) ? run.Items(arguments[5]) : std::vector<Value>();
  for (size_t i = 0; schemes && i < schemes->size(); i++) {
    std::string_view name = (*schemes)[i].is_string() ? (*schemes)[i].text().view() : "";
    size_t colon = name.find(':');
    bool fits = colon != std::string_view::npos && colon >= 2;
    std::string_view slashes = colon == std::string_view::npos ? "?" : name.substr(colon + 1);
    for (char c : name.substr(0, colon))
      fits &= AsciiLetter(c) || Digit(c) || c == '.' || c == '+' || c == '-' || c == '_';
    if (!fits || !(slashes.empty() || slashes == "/" || slashes == "//"))
      return run.Fail("FilterArgumentError: extra_schemes holds no valid URI scheme prefix"),
             std::nullopt;
    style.schemes.emplace_back(name);
  }
  if (!schemes) return std::nullopt;
  return style;
}

Value UrlizeFilter(Runtime& run, const Arguments& arguments) {
  auto style = StyleOf(run, arguments);
  auto text = style ? run.Text(arguments[0]) : std::nullopt;
  if (!text || !run.SpendBytes(text->size() * 8)) return Value::Failure();
  bool markup = arguments[0].is_string() && arguments[0].string().markup;
  TaintedString escaped = markup ? *text : EscapeHtml(*text);
  StringBuilder out;
  std::string_view view = escaped.view();
  for (size_t at = 0; at < view.size();) {
    size_t end = at;
    bool space = IsSpace(Decode(view, at).value);
    while (end < view.size() && IsSpace(Decode(view, end).value) == space)
      end += Decode(view, end).length;
    TaintedString part = Slice(escaped, at, end - at);
    if (space)
      out.Append(part);
    else
      AppendWord(out, part, *style);
    // Looking for the end of a host can go over a word once per label.
    if (!run.SpendBytes((end - at) * 8 + out.size() / 64)) return Value::Failure();
    at = end;
  }
  return run.String(out.Take(), run.autoescape());
}

Value XmlAttributesFilter(Runtime& run, const Arguments& arguments) {
  if (arguments[0].undefined()) return run.UseUndefined(arguments[0]);
  if (!arguments[0].is_dict()) return run.Fail("AttributeError: xmlattr needs a mapping");
  StringBuilder out;
  bool space = arguments[1].missing() || Truthy(arguments[1]);
  for (const auto& [key, value] : arguments[0].dict().entries) {
    if (value.none() || value.undefined()) continue;
    if (!key.is_string()) return run.Fail("TypeError: attribute names must be texts");
    if (key.text().view().find_first_of(std::string_view("\t\n\v\f\r /=>")) !=
        std::string_view::npos)
      return run.Fail("ValueError: Invalid character in attribute name");
    auto text = run.Text(value);
    if (!text || !run.SpendBytes(out.size() / 64 + text->size() * 2)) return Value::Failure();
    if (out.size() > 0 || space) out.Append(" ", true);
    out.Append(key.string().markup ? key.text() : EscapeHtml(key.text()));
    out.Append("=\"", true);
    out.Append(value.is_string() && value.string().markup ? *text : EscapeHtml(*text));
    out.Append("\"", true);
  }
  return run.String(out.Take(), run.autoescape());
}

constexpr Filter kFilters[] = {
    {"urlize", {"value trim_url_limit nofollow target rel extra_schemes", 1}, &UrlizeFilter},
    {"wordwrap", {"s width break_long_words wrapstring break_on_hyphens", 1}, &WordWrapFilter},
    {"xmlattr", {"d autospace", 1}, &XmlAttributesFilter},
};

}  // namespace

std::span<const Filter> HtmlFilters() { return kFilters; }

}  // namespace ingle::jinja
