// + - * / // % ** on everything that Python lets them work on, and slices.

#include <algorithm>
#include <string>

#include "jinja/builtins.h"
#include "jinja/numbers.h"
#include "jinja/runtime.h"
#include "jinja/unicode.h"

namespace ingle::jinja {
namespace {

constexpr std::string_view kSigns[] = {"+", "-", "*", "/", "//", "%", "**"};

Value Wrong(Runtime& run, int op, const Value& left, const Value& right) {
  return run.Fail("TypeError: unsupported operand type(s) for " + std::string(kSigns[op]) + ": '" +
                  std::string(TypeName(left)) + "' and '" + std::string(TypeName(right)) + "'");
}

Value AddTexts(Runtime& run, const Value& left, const Value& right) {
  bool markup = left.string().markup || right.string().markup;
  if (!run.SpendBytes(left.text().size() + right.text().size())) return Value::Failure();
  StringBuilder out;
  out.Reserve(left.text().size() + right.text().size());
  out.Append(markup && !left.string().markup ? EscapeHtml(left.text()) : left.text());
  out.Append(markup && !right.string().markup ? EscapeHtml(right.text()) : right.text());
  return run.String(out.Take(), markup);
}

Value Repeat(Runtime& run, const Value& object, const Value& times) {
  int64_t count = times.kind() == Kind::kBigInt
                      ? (CompareNumbers(times, Value::Int(0)) == Ordering::kLess ? 0 : INT64_MAX)
                      : std::max<int64_t>(times.integer(), 0);
  size_t unit = object.is_string() ? object.text().size() : object.items().size() * sizeof(Value);
  size_t total = 0;
  if (__builtin_mul_overflow(unit, static_cast<size_t>(count), &total)) total = SIZE_MAX / 2;
  if (!run.SpendBytes(total)) return Value::Failure();
  if (unit == 0) count = 0;
  if (object.is_string()) {
    StringBuilder out;
    out.Reserve(total);
    for (int64_t i = 0; i < count; i++) out.Append(object.text());
    return run.String(out.Take(), object.string().markup);
  }
  std::vector<Value> items;
  items.reserve(total / sizeof(Value));
  for (int64_t i = 0; i < count; i++)
    items.insert(items.end(), object.items().begin(), object.items().end());
  return run.Sequence(object.kind(), std::move(items));
}

// The items start, start + step, ... of a Python slice over `length` items; nullopt after failing
// the run.
struct SliceRange {
  int64_t start = 0, stop = 0, step = 1, count = 0;
};

std::optional<int64_t> SlicePart(Runtime& run, const Value& part, int64_t missing) {
  if (part.none()) return missing;
  if (part.undefined()) {
    run.Fail("TypeError: slice indices must be integers or None");
    return std::nullopt;
  }
  if (!part.is_integer()) {
    run.Fail("TypeError: slice indices must be integers or None or have an __index__ method");
    return std::nullopt;
  }
  if (part.kind() != Kind::kBigInt) return std::max(part.integer(), -INT64_MAX);
  return CompareNumbers(part, Value::Int(0)) == Ordering::kLess ? -INT64_MAX : INT64_MAX;
}

std::optional<SliceRange> ResolveSlice(Runtime& run, int64_t length, const Value& start,
                                       const Value& stop, const Value& step) {
  SliceRange range;
  auto stride = SlicePart(run, step, 1);
  if (!stride) return std::nullopt;
  if (*stride == 0) {
    run.Fail("ValueError: slice step cannot be zero");
    return std::nullopt;
  }
  range.step = *stride;
  bool forward = range.step > 0;
  auto from = SlicePart(run, start, forward ? 0 : INT64_MAX);
  auto to = from ? SlicePart(run, stop, forward ? INT64_MAX : -INT64_MAX) : std::nullopt;
  if (!to) return std::nullopt;
  auto clamp = [&](int64_t at, bool open) {
    if (at < 0 && !open)
      at = at < -length ? -1 : at + length;  // -1: before the first item.
    else if (at < 0)
      at = -1;
    if (forward) return std::clamp<int64_t>(at, 0, length);
    return std::clamp<int64_t>(at, -1, length - 1);
  };
  range.start = clamp(*from, start.none());
  int64_t end = clamp(*to, stop.none());
  range.stop = end;
  int64_t span = forward ? end - range.start : range.start - end;
  if (span <= 0) return range;
  int64_t stride_size = forward ? range.step : -range.step;
  range.count = span / stride_size + (span % stride_size != 0 ? 1 : 0);
  return range;
}

Value SliceText(Runtime& run, const Value& object, const SliceRange& range) {
  const TaintedString& text = object.text();
  if (!run.SpendBytes(text.size() / 4)) return Value::Failure();
  bool ascii = object.string().ascii;
  if (ascii && range.step == 1)
    return run.String(
        Slice(text, static_cast<size_t>(range.start), static_cast<size_t>(range.count)),
        object.string().markup);
  std::vector<uint32_t> starts;  // Byte offsets of the code points.
  if (!ascii) {
    if (!run.SpendBytes(text.size() * sizeof(uint32_t) / 2)) return Value::Failure();
    for (uint32_t i = 0; i < text.size(); i++)
      if (!IsContinuation(text.view()[i])) starts.push_back(i);
    starts.push_back(static_cast<uint32_t>(text.size()));
  }
  auto offset = [&](int64_t at) {
    return ascii ? static_cast<size_t>(at) : starts[static_cast<size_t>(at)];
  };
  StringBuilder out;
  if (range.step == 1 && range.count > 0) {
    size_t from = offset(range.start);
    out.Append(text, from, offset(range.start + range.count) - from);
    return run.String(out.Take(), object.string().markup);
  }
  if (!run.Spend(range.count / 4)) return Value::Failure();
  for (int64_t i = 0; i < range.count; i++) {
    int64_t at = range.start + i * range.step;
    out.Append(text, offset(at), offset(at + 1) - offset(at));
  }
  return run.String(out.Take(), object.string().markup);
}

}  // namespace

Value Runtime::Operate(int op, const Value& left, const Value& right) {
  auto arithmetic = static_cast<Arithmetic>(op);
  if (IsNumber(left) && IsNumber(right)) return Calculate(*this, arithmetic, left, right);
  if (arithmetic == Arithmetic::kModulo && left.is_string())
    return FormatPercent(*this, left, right);
  if (left.undefined() || right.undefined()) return UseUndefined(left.undefined() ? left : right);
  if (arithmetic == Arithmetic::kAdd && left.is_string() && right.is_string())
    return AddTexts(*this, left, right);
  if (arithmetic == Arithmetic::kAdd && left.kind() == Kind::kBytes &&
      right.kind() == Kind::kBytes) {
    if (!SpendBytes(left.text().size() + right.text().size())) return Value::Failure();
    StringBuilder both;
    both.Append(left.text());
    both.Append(right.text());
    return MakeBytes(*this, both.Take());
  }
  if (arithmetic == Arithmetic::kAdd && left.is_sequence() && left.kind() == right.kind()) {
    if (!SpendBytes((left.items().size() + right.items().size()) * sizeof(Value)))
      return Value::Failure();
    std::vector<Value> items = left.items();
    items.insert(items.end(), right.items().begin(), right.items().end());
    return Sequence(left.kind(), std::move(items));
  }
  if (arithmetic == Arithmetic::kMultiply) {
    if ((left.is_string() || left.is_sequence()) && right.is_integer())
      return Repeat(*this, left, right);
    if ((right.is_string() || right.is_sequence()) && left.is_integer())
      return Repeat(*this, right, left);
  }
  return Wrong(*this, op, left, right);
}

Value Runtime::GetSlice(const Value& object, const Value& start, const Value& stop,
                        const Value& step) {
  if (object.undefined()) return UseUndefined(object);
  bool bytes = object.kind() == Kind::kBytes;
  if (!object.is_string() && !object.is_sequence() && object.kind() != Kind::kRange && !bytes)
    return Fail("TypeError: '" + std::string(TypeName(object)) + "' object cannot be sliced");
  INGLE_JINJA_TRY(length, Length(object));
  auto range = ResolveSlice(*this, length.integer(), start, stop, step);
  if (!range) return Value::Failure();
  if (object.is_string()) return SliceText(*this, object, *range);
  if (bytes) {
    INGLE_JINJA_TRY(part, SliceText(*this, object, *range));
    return MakeBytes(*this, part.text());
  }
  if (object.kind() == Kind::kRange) {
    const RangeData& whole = object.range();
    int64_t first = whole.start + range->start * whole.step;
    int64_t stride = 0;
    if (__builtin_mul_overflow(whole.step, range->step, &stride)) stride = range->step;
    return Range(first, whole.start + range->stop * whole.step, stride);
  }
  if (!SpendBytes(static_cast<size_t>(range->count) * sizeof(Value))) return Value::Failure();
  std::vector<Value> items;
  items.reserve(static_cast<size_t>(range->count));
  for (int64_t i = 0; i < range->count; i++)
    items.push_back(object.items()[static_cast<size_t>(range->start + i * range->step)]);
  return Sequence(object.kind(), std::move(items));
}

}  // namespace ingle::jinja
