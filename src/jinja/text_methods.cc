// Methods of str that make new texts.

#include "jinja/numbers.h"
#include "jinja/text_operations.h"

namespace ingle::jinja {
namespace {

std::optional<TaintedString> TextArgument(Runtime& run, const Value& argument,
                                          std::string_view what) {
  if (argument.is_string()) return argument.text();
  run.Fail("TypeError: " + std::string(what) + " must be str, not " +
           std::string(TypeName(argument)));
  return std::nullopt;
}

bool Markup(const Value& self) { return self.string().markup; }

Value Made(Runtime& run, const Value& self, TaintedString text) {
  if (!run.SpendBytes(self.text().size())) return Value::Failure();
  return run.String(std::move(text), Markup(self));
}

// For work that looks for one text at every place of another.
bool SpendPairs(Runtime& run, const TaintedString& text, const TaintedString& other) {
  return run.Spend(
      static_cast<int64_t>((text.size() / kBytesPerStep + 1) * (other.size() / kBytesPerStep + 1)));
}

template <Side side>
Value StripMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  if (!Given(arguments[0])) return Made(run, self, Strip(self.text(), side, nullptr));
  auto characters = TextArgument(run, arguments[0], "the characters to strip");
  if (!characters || !SpendPairs(run, self.text(), *characters)) return Value::Failure();
  return Made(run, self, Strip(self.text(), side, &*characters));
}

template <Case to>
Value CaseMethod(Runtime& run, const Value& self, const Arguments&) {
  return Made(run, self, MapCase(self.text(), to));
}

template <TaintedString (*map)(const TaintedString&)>
Value MapMethod(Runtime& run, const Value& self, const Arguments&) {
  return Made(run, self, map(self.text()));
}

template <bool from_right>
Value SplitMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  int64_t limit = -1;
  if (!arguments[1].missing()) {
    auto given = IntegerArgument(run, arguments[1], "maxsplit");
    if (!given) return Value::Failure();
    limit = *given;
  }
  if (!run.SpendBytes(self.text().size() * 4)) return Value::Failure();
  if (!Given(arguments[0]))
    return TextList(run, SplitSpace(self.text(), limit, from_right), Markup(self));
  auto separator = TextArgument(run, arguments[0], "the separator");
  if (!separator) return Value::Failure();
  if (separator->empty()) return run.Fail("ValueError: empty separator");
  if (from_right && !SpendPairs(run, self.text(), *separator)) return Value::Failure();
  return TextList(run, SplitAt(self.text(), separator->view(), limit, from_right), Markup(self));
}

Value SplitLinesMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  auto keep_ends = arguments[0].missing() ? std::optional<int64_t>(0)
                                          : IntegerArgument(run, arguments[0], "keepends");
  if (!keep_ends || !run.SpendBytes(self.text().size() * 4)) return Value::Failure();
  return TextList(run, SplitLines(self.text(), *keep_ends != 0), Markup(self));
}

Value ReplaceMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  auto from = TextArgument(run, arguments[0], "replace() argument 1");
  auto to = from ? TextArgument(run, arguments[1], "replace() argument 2") : std::nullopt;
  if (!to) return Value::Failure();
  int64_t limit = -1;
  if (!arguments[2].missing()) {
    auto given = IntegerArgument(run, arguments[2], "count");
    if (!given) return Value::Failure();
    limit = *given;
  }
  if (Markup(self) && !arguments[1].string().markup) to = EscapeHtml(*to);
  auto replaced = Replace(run, self.text(), *from, *to, limit);
  return replaced ? run.String(std::move(*replaced), Markup(self)) : Value::Failure();
}

Value JoinMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  auto items = run.Items(arguments[0]);
  if (!items) return Value::Failure();
  for (size_t i = 0; i < items->size(); i++) {
    Value& item = (*items)[i];
    if (Markup(self)) {
      auto text = run.Text(item);
      if (!text) return Value::Failure();
      if (!item.is_string() || !item.string().markup) item = run.String(EscapeHtml(*text));
    } else if (!item.is_string()) {
      return run.Fail("TypeError: sequence item " + std::to_string(i) +
                      ": expected str instance, " + std::string(TypeName(item)) + " found");
    }
    if (item.failed()) return item;
  }
  auto joined = Join(run, self.text(), *items);
  return joined ? run.String(std::move(*joined), Markup(self)) : Value::Failure();
}

template <char align>
Value PadMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  auto width = IntegerArgument(run, arguments[0], "width");
  if (!width) return Value::Failure();
  TaintedString fill(" ", true);
  if (!arguments[1].missing()) {
    auto given = TextArgument(run, arguments[1], "the fill character");
    if (!given) return Value::Failure();
    if (CountCodePoints(given->view()) != 1)
      return run.Fail("TypeError: the fill character must be exactly one character long");
    fill = *given;
  }
  if (Markup(self) && !arguments[1].missing() && !arguments[1].string().markup)
    fill = EscapeHtml(fill);
  if (CountCodePoints(fill.view()) != 1)
    return run.Fail("TypeError: the fill character must be exactly one character long");
  INGLE_JINJA_TRY(padded, Pad(run, self.text(), *width, fill, align));
  return Markup(self) ? run.String(padded.text(), true) : padded;
}

Value ZeroFill(Runtime& run, const Value& self, const Arguments& arguments) {
  auto width = IntegerArgument(run, arguments[0], "width");
  if (!width) return Value::Failure();
  bool sign = self.text().view().starts_with('-') || self.text().view().starts_with('+');
  size_t skip = sign ? 1 : 0;
  Value padded = Pad(run, Slice(self.text(), skip, self.text().size() - skip),
                     *width - (sign ? 1 : 0), TaintedString("0", true), '>');
  if (padded.failed()) return padded;
  StringBuilder out;
  out.Append(self.text(), 0, skip);
  out.Append(padded.text());
  return run.String(out.Take(), Markup(self));
}

template <bool from_right>
Value PartitionMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  auto separator = TextArgument(run, arguments[0], "the separator");
  if (!separator) return Value::Failure();
  if (separator->empty()) return run.Fail("ValueError: empty separator");
  const TaintedString& text = self.text();
  if (!run.SpendBytes(text.size()) || (from_right && !SpendPairs(run, text, *separator)))
    return Value::Failure();
  size_t found = from_right ? text.view().rfind(separator->view())
                            : FindBytes(text.view(), separator->view(), 0);
  bool markup = Markup(self);
  Value empty = run.String(TaintedString(), markup);
  if (found == std::string_view::npos)
    return from_right ? run.Tuple({empty, empty, self}) : run.Tuple({self, empty, empty});
  size_t end = found + separator->size();
  return run.Tuple({run.String(Slice(text, 0, found), markup),
                    run.String(std::move(*separator), markup),
                    run.String(Slice(text, end, text.size() - end), markup)});
}

template <bool suffix>
Value RemoveAffix(Runtime& run, const Value& self, const Arguments& arguments) {
  auto affix = TextArgument(run, arguments[0], "the argument");
  if (!affix) return Value::Failure();
  const TaintedString& text = self.text();
  bool present =
      suffix ? text.view().ends_with(affix->view()) : text.view().starts_with(affix->view());
  if (!present) return self;
  return Made(run, self, Slice(text, suffix ? 0 : affix->size(), text.size() - affix->size()));
}

Value ExpandTabs(Runtime& run, const Value& self, const Arguments& arguments) {
  int64_t size = 8;
  if (!arguments[0].missing()) {
    auto given = IntegerArgument(run, arguments[0], "tabsize");
    if (!given) return Value::Failure();
    size = *given;
  }
  StringBuilder out;
  int64_t column = 0;
  const TaintedString& text = self.text();
  for (size_t at = 0; at < text.size(); at++) {
    char c = text.view()[at];
    if (c == '\t') {
      int64_t spaces = size <= 0 ? 0 : size - column % size;
      if (!run.SpendBytes(out.size() / 64 + static_cast<size_t>(spaces))) return Value::Failure();
      out.Append(std::string(static_cast<size_t>(spaces), ' '), text.TrustedAt(at));
      column += spaces;
      continue;
    }
    out.Append(text, at, 1);
    if (c == '\n' || c == '\r')
      column = 0;
    else if (!IsContinuation(c))
      column++;
  }
  return Made(run, self, out.Take());
}

Value FormatMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  return FormatBraces(run, self, arguments);
}

Value FormatMapMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  Arguments named;
  if (!arguments[0].is_dict()) return FormatBraces(run, self, named);  // Fine without fields.
  for (const auto& [key, value] : arguments[0].dict().entries)
    if (key.is_string()) named.named.emplace_back(key.text().bytes(), value);
  return FormatBraces(run, self, named);
}

constexpr Method kMethods[] = {
    {"capitalize", {"", 0}, &MapMethod<Capitalize>},
    {"casefold", {"", 0}, &CaseMethod<Case::kFold>},
    {"center", {"/width /fillchar", 1}, &PadMethod<'c'>},
    {"expandtabs", {"tabsize", 0}, &ExpandTabs},
    {"format", {"*", 0}, &FormatMethod},
    {"format_map", {"/map", 1}, &FormatMapMethod},
    {"join", {"/iterable", 1}, &JoinMethod},
    {"ljust", {"/width /fillchar", 1}, &PadMethod<'<'>},
    {"lower", {"", 0}, &CaseMethod<Case::kLower>},
    {"lstrip", {"/chars", 0}, &StripMethod<Side::kLeft>},
    {"partition", {"/sep", 1}, &PartitionMethod<false>},
    {"removeprefix", {"/prefix", 1}, &RemoveAffix<false>},
    {"removesuffix", {"/suffix", 1}, &RemoveAffix<true>},
    {"replace", {"/old /new /count", 2}, &ReplaceMethod},
    {"rjust", {"/width /fillchar", 1}, &PadMethod<'>'>},
    {"rpartition", {"/sep", 1}, &PartitionMethod<true>},
    {"rsplit", {"sep maxsplit", 0}, &SplitMethod<true>},
    {"rstrip", {"/chars", 0}, &StripMethod<Side::kRight>},
    {"split", {"sep maxsplit", 0}, &SplitMethod<false>},
    {"splitlines", {"keepends", 0}, &SplitLinesMethod},
    {"strip", {"/chars", 0}, &StripMethod<Side::kBoth>},
    {"swapcase", {"", 0}, &MapMethod<SwapCase>},
    {"title", {"", 0}, &MapMethod<TitleWords>},
    {"upper", {"", 0}, &CaseMethod<Case::kUpper>},
    {"zfill", {"/width", 1}, &ZeroFill},
};

}  // namespace

std::span<const Method> TextMethods() { return kMethods; }

}  // namespace ingle::jinja
