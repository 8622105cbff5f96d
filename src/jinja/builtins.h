#pragma once
// The tables of what templates can call. There is nothing else: no entry reaches the host.

#include <span>
#include <string>
#include <string_view>

#include "jinja/runtime.h"

namespace ingle::jinja {

// Parameters, separated by spaces; one that starts with '/' is positional only. "*": takes its
// arguments as they are.
struct Signature {
  std::string_view parameters;
  size_t required = 0;
};

using Builtin = Value (*)(Runtime&, const Arguments&);
using BoundBuiltin = Value (*)(Runtime&, const Value& self, const Arguments&);

struct Filter {
  std::string_view name;
  Signature signature;  // The first parameter is the filtered value.
  Builtin run;
};

struct Test {
  std::string_view name;
  Signature signature;
  Builtin run;
};

struct Function {
  std::string_view name;
  Signature signature;
  Builtin run;
};

struct Method {
  std::string_view name;
  Signature signature;
  BoundBuiltin run;
};

const Filter* FindFilter(std::string_view name);
const Test* FindTest(std::string_view name);
const Method* FindMethod(const Value& object, std::string_view name);
std::span<const Function> Globals();

std::span<const Filter> TextFilters();
std::span<const Filter> SequenceFilters();
std::span<const Filter> LazyFilters();
std::span<const Filter> NumberFilters();
std::span<const Filter> HtmlFilters();
std::span<const Test> Tests();
std::span<const Method> TextMethods();
std::span<const Method> TextQueryMethods();
std::span<const Method> CodingMethods();
std::span<const Method> BytesMethods();
std::span<const Method> IntegerMethods();
std::span<const Method> FloatMethods();
std::span<const Method> ContainerMethods(Kind kind);

// Puts named arguments at their places and pads with kMissing; false after failing the run.
bool Bind(Runtime& run, std::string_view callee, const Signature& signature, Arguments& arguments);
Value CallFilter(Runtime& run, const Filter& filter, Arguments& arguments);
Value CallTest(Runtime& run, const Test& test, Arguments& arguments);

// Calls with arguments that were not given, or None where Python's default is None.
bool Given(const Value& argument);
std::optional<int64_t> IntegerArgument(Runtime& run, const Value& argument, std::string_view what);

Value WordWrapFilter(Runtime& run, const Arguments& arguments);
Value MakeBytes(Runtime& run, TaintedString bytes);
void AppendBytesRepr(StringBuilder& out, const TaintedString& bytes);
Value ConstantString(std::string text);  // Of the template; belongs to no run.

// "%s" % values, str.format, json.dumps, strftime.
Value FormatPercent(Runtime& run, const Value& format, const Value& values);
Value FormatBraces(Runtime& run, const Value& format, const Arguments& arguments);
struct JsonStyle {
  bool ensure_ascii = false, sort_keys = false;
  std::optional<TaintedString> indent;
  TaintedString item_separator{", ", true}, key_separator{": ", true};
};
bool AppendJson(Runtime& run, StringBuilder& out, const Value& value, const JsonStyle& style,
                int depth = 0);
std::string FormatTime(int64_t unix_s, std::string_view format);
TaintedString EscapeHtml(const TaintedString& text);
TaintedString AsciiOnly(const TaintedString& repr);  // As Python's ascii() of what repr() gave.
// Padding to a width in code points; align: '<', '>', '^' (as str.format), 'c' (as str.center).
Value Pad(Runtime& run, const TaintedString& text, int64_t width, const TaintedString& fill,
          char align);

}  // namespace ingle::jinja
