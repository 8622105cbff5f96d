#include "jinja/text_operations.h"

#include <algorithm>

namespace ingle::jinja {
namespace {

size_t Before(std::string_view text, size_t at) {  // Start of the code point that ends at `at`.
  do at--;
  while (at > 0 && IsContinuation(text[at]));
  return at;
}

bool IsLineBreak(int32_t c) {  // For str.splitlines.
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

// A capital sigma at the end of a word becomes ς: cased before, not cased after, case-ignorables
// skipped.
bool FinalSigma(std::string_view text, size_t at) {
  auto ignorable = [](int32_t c) {
    return c == '\'' || c == '.' || c == ':' || c == 0xB7 || c == 0x2019 ||
           (c >= 0x300 && c < 0x370);
  };
  bool before = false;
  for (size_t i = at; i > 0;) {
    i = Before(text, i);
    int32_t c = Decode(text, i).value;
    if (ignorable(c)) continue;
    before = IsCased(c);
    break;
  }
  for (size_t i = at + 2; before && i < text.size();) {
    CodePoint c = Decode(text, i);
    if (!ignorable(c.value)) return !IsCased(c.value);
    i += c.length;
  }
  return before;
}

// Maps each code point; `choose` sees the code point and whether the one before it was cased.
TaintedString MapEach(const TaintedString& text, const std::function<Case(int32_t, bool)>& choose) {
  StringBuilder out;
  std::string mapped;
  bool cased = false;
  for (size_t at = 0; at < text.size();) {
    CodePoint c = Decode(text.view(), at);
    mapped.clear();
    Case to = choose(c.value, cased);
    if (c.value == 0x3A3 && to == Case::kLower)
      mapped = FinalSigma(text.view(), at) ? "\xcf\x82" : "\xcf\x83";
    else
      AppendCased(mapped, c.value, to);
    out.Append(mapped, text.TrustedAt(at));
    cased = IsCased(c.value);
    at += c.length;
  }
  return out.Take();
}

}  // namespace

TaintedString Strip(const TaintedString& text, Side side, const TaintedString* characters) {
  std::string_view view = text.view();
  auto strips = [&](size_t at) {
    CodePoint c = Decode(view, at);
    if (characters == nullptr) return IsSpace(c.value);
    return characters->view().find(view.substr(at, c.length)) != std::string_view::npos;
  };
  size_t start = 0, end = view.size();
  if (static_cast<int>(side) & static_cast<int>(Side::kLeft))
    while (start < end && strips(start)) start += Decode(view, start).length;
  if (static_cast<int>(side) & static_cast<int>(Side::kRight)) {
    while (end > start) {
      size_t last = Before(view, end);
      if (!strips(last)) break;
      end = last;
    }
  }
  return Slice(text, start, end - start);
}

std::vector<TaintedString> SplitSpace(const TaintedString& text, int64_t limit, bool from_right) {
  std::vector<TaintedString> parts;
  std::string_view view = text.view();
  if (!from_right) {
    size_t at = 0;
    while (true) {
      while (at < view.size() && IsSpace(Decode(view, at).value)) at += Decode(view, at).length;
      if (at >= view.size()) return parts;
      if (limit >= 0 && static_cast<int64_t>(parts.size()) >= limit) {
        parts.push_back(Slice(text, at, view.size() - at));  // The rest, with its trailing space.
        return parts;
      }
      size_t start = at;
      while (at < view.size() && !IsSpace(Decode(view, at).value)) at += Decode(view, at).length;
      parts.push_back(Slice(text, start, at - start));
    }
  }
  size_t end = view.size();
  while (true) {
    while (end > 0 && IsSpace(Decode(view, Before(view, end)).value)) end = Before(view, end);
    if (end == 0) break;
    if (limit >= 0 && static_cast<int64_t>(parts.size()) >= limit) {
      parts.push_back(Slice(text, 0, end));
      break;
    }
    size_t start = end;
    while (start > 0 && !IsSpace(Decode(view, Before(view, start)).value))
      start = Before(view, start);
    parts.push_back(Slice(text, start, end - start));
    end = start;
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<TaintedString> SplitAt(const TaintedString& text, std::string_view separator,
                                   int64_t limit, bool from_right) {
  std::vector<TaintedString> parts;
  std::string_view view = text.view();
  if (!from_right) {
    size_t at = 0;
    while (limit < 0 || static_cast<int64_t>(parts.size()) < limit) {
      size_t found = FindBytes(view, separator, at);
      if (found == std::string_view::npos) break;
      parts.push_back(Slice(text, at, found - at));
      at = found + separator.size();
    }
    parts.push_back(Slice(text, at, view.size() - at));
    return parts;
  }
  size_t end = view.size();
  while (limit < 0 || static_cast<int64_t>(parts.size()) < limit) {
    size_t found = end < separator.size() ? std::string_view::npos
                                          : view.rfind(separator, end - separator.size());
    if (found == std::string_view::npos) break;
    parts.push_back(Slice(text, found + separator.size(), end - found - separator.size()));
    end = found;
  }
  parts.push_back(Slice(text, 0, end));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<TaintedString> SplitLines(const TaintedString& text, bool keep_ends) {
  std::vector<TaintedString> lines;
  std::string_view view = text.view();
  size_t start = 0;
  for (size_t at = 0; at < view.size();) {
    CodePoint c = Decode(view, at);
    size_t end = at;
    at += c.length;
    if (!IsLineBreak(c.value)) continue;
    if (c.value == '\r' && at < view.size() && view[at] == '\n') at++;
    lines.push_back(Slice(text, start, (keep_ends ? at : end) - start));
    start = at;
  }
  if (start < view.size()) lines.push_back(Slice(text, start, view.size() - start));
  return lines;
}

std::optional<TaintedString> Replace(Runtime& run, const TaintedString& text,
                                     const TaintedString& from, const TaintedString& to,
                                     int64_t limit) {
  StringBuilder out;
  size_t at = 0;
  std::string_view view = text.view();
  if (!run.SpendBytes(view.size())) return std::nullopt;
  for (int64_t done = 0; limit < 0 || done < limit; done++) {
    size_t found = at > view.size() ? std::string_view::npos : FindBytes(view, from.view(), at);
    if (found == std::string_view::npos) break;
    if (from.empty()) {  // Between all code points, and at both ends.
      out.Append(to);
      if (at >= view.size()) {
        at = view.size() + 1;
        continue;
      }
      size_t length = Decode(view, at).length;
      out.Append(text, at, length);
      at += length;
    } else {
      out.Append(text, at, found - at);
      out.Append(to);
      at = found + from.size();
    }
    if (done % 64 == 0 && !run.SpendBytes(out.size() / 64 + to.size() * 64)) return std::nullopt;
    if (out.size() > kMaxLiveBytes * 2) return run.FailBudget("a text is too long"), std::nullopt;
  }
  if (at < view.size()) out.Append(text, at, view.size() - at);
  return out.Take();
}

TaintedString MapCase(const TaintedString& text, Case to) {
  return MapEach(text, [to](int32_t, bool) { return to; });
}

TaintedString Capitalize(const TaintedString& text) {
  bool first = true;
  return MapEach(text, [&first](int32_t, bool) {
    return std::exchange(first, false) ? Case::kTitle : Case::kLower;
  });
}

TaintedString TitleWords(const TaintedString& text) {
  return MapEach(text, [](int32_t, bool cased) { return cased ? Case::kLower : Case::kTitle; });
}

TaintedString SwapCase(const TaintedString& text) {
  return MapEach(text, [](int32_t c, bool) { return IsUpper(c) ? Case::kLower : Case::kUpper; });
}

Value TextList(Runtime& run, std::vector<TaintedString> parts, bool markup) {
  std::vector<Value> items;
  items.reserve(parts.size());
  for (TaintedString& part : parts) items.push_back(run.String(std::move(part), markup));
  return run.List(std::move(items));
}

std::optional<TaintedString> Join(Runtime& run, const TaintedString& separator,
                                  const std::vector<Value>& items) {
  StringBuilder out;
  for (size_t i = 0; i < items.size(); i++) {
    if (i > 0) out.Append(separator);
    if (!run.AppendText(out, items[i])) return std::nullopt;
    if ((i % 64 == 0 && !run.SpendBytes(out.size() / 64 + separator.size())) ||
        out.size() > kMaxLiveBytes * 2)
      return run.FailBudget("a text is too long"), std::nullopt;
  }
  if (!run.SpendBytes(out.size())) return std::nullopt;
  return out.Take();
}

Value Pad(Runtime& run, const TaintedString& text, int64_t width, const TaintedString& fill,
          char align) {
  auto length = static_cast<int64_t>(CountCodePoints(text.view()));
  int64_t missing = std::max<int64_t>(width - length, 0);
  if (!run.SpendBytes(static_cast<size_t>(std::min<int64_t>(missing, INT64_MAX / 8)) * fill.size() +
                      text.size()))
    return Value::Failure();
  int64_t left = align == '>' ? missing : align == '<' ? 0 : missing / 2;
  if (align == 'c') left = missing / 2 + (missing & width & 1);  // As CPython's str.center.
  StringBuilder out;
  for (int64_t i = 0; i < left; i++) out.Append(fill);
  out.Append(text);
  for (int64_t i = left; i < missing; i++) out.Append(fill);
  return run.String(out.Take());
}

}  // namespace ingle::jinja
