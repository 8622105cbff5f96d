#pragma once
// Values of a running template: Python's, as far as templates can see them. Everything but
// namespaces is immutable for the template (the sandbox refuses list.append and the like), so
// values are shared by reference count; namespaces and macros belong to the run, so there are no
// cycles.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "jinja/tainted_string.h"

namespace ingle::jinja {

enum class Kind : uint8_t {
  kFailure,    // Evaluation failed; the run holds the error.
  kMissing,    // No value: an argument that was not given, an empty variable.
  kUndefined,  // Jinja's Undefined.
  kNone,
  kBool,
  kInt,
  kFloat,
  kBigInt,  // Beyond 64 bits.
  kString,
  kBytes,
  kList,
  kTuple,
  kDict,
  kRange,
  kView,      // dict.keys(), .values(), .items()
  kIterator,  // Generators: what map, select, items, ... return.
  kLoop,
  kCycler,
  kJoiner,
  kMethod,    // Bound method.
  kFunction,  // Built-in function.
  kNamespace,
  kMacro,
};

// What is alive, counted in bytes.
struct Budget {
  size_t live_bytes = 0;
  int64_t steps_left = 0;
};

struct Heap {
  Heap() = default;
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;
  ~Heap() {
    if (budget != nullptr) budget->live_bytes -= counted_bytes;
  }
  Budget* budget = nullptr;
  size_t counted_bytes = 0;
  int depth = 0;  // 0: holds no values; else 1 + the deepest held.
};

struct StringData;
struct ListData;
struct DictData;
struct BigInt;
struct UndefinedData;
struct RangeData;
struct ViewData;
struct IteratorData;
struct LoopData;
struct CyclerData;
struct JoinerData;
struct MethodData;
struct Function;
struct Namespace;
struct Macro;

class Value {
 public:
  Value() : kind_(Kind::kMissing) { payload_.integer = 0; }
  static Value Failure() { return Value(Kind::kFailure); }
  static Value None() { return Value(Kind::kNone); }
  static Value Bool(bool value);
  static Value Int(int64_t value);
  static Value Float(double value);
  template <class T>
  static Value Shared(Kind kind, std::shared_ptr<T> data) {
    Value value(kind);
    value.heap_ = std::move(data);
    return value;
  }
  static Value Of(const Function* function);
  static Value Of(Namespace* space);
  static Value Of(Macro* macro);

  Kind kind() const { return kind_; }
  bool failed() const { return kind_ == Kind::kFailure; }
  bool missing() const { return kind_ == Kind::kMissing; }
  bool undefined() const { return kind_ == Kind::kUndefined; }
  bool none() const { return kind_ == Kind::kNone; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_dict() const { return kind_ == Kind::kDict; }
  bool is_sequence() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }
  bool is_integer() const {  // What Python's isinstance(x, int) accepts.
    return kind_ == Kind::kInt || kind_ == Kind::kBool || kind_ == Kind::kBigInt;
  }

  bool boolean() const { return payload_.integer != 0; }
  int64_t integer() const { return payload_.integer; }  // Also of a bool.
  double floating() const { return payload_.floating; }
  const StringData& string() const { return *Get<StringData>(); }
  const TaintedString& text() const;                         // Also of bytes.
  const ListData& list() const { return *Get<ListData>(); }  // List or tuple.
  const std::vector<Value>& items() const;
  const DictData& dict() const { return *Get<DictData>(); }
  const BigInt& big() const { return *Get<BigInt>(); }
  const UndefinedData& undefined_data() const { return *Get<UndefinedData>(); }
  const RangeData& range() const { return *Get<RangeData>(); }
  const ViewData& view() const { return *Get<ViewData>(); }
  IteratorData& iterator() const { return *Get<IteratorData>(); }
  LoopData& loop() const { return *Get<LoopData>(); }
  CyclerData& cycler() const { return *Get<CyclerData>(); }
  JoinerData& joiner() const { return *Get<JoinerData>(); }
  const MethodData& method() const { return *Get<MethodData>(); }
  const Function* function() const { return payload_.function; }
  Namespace* space() const { return payload_.space; }
  Macro* macro() const { return payload_.macro; }
  const void* identity() const;  // For `is sameas`.
  int depth() const;

 private:
  explicit Value(Kind kind) : kind_(kind) { payload_.integer = 0; }
  template <class T>
  T* Get() const {
    return static_cast<T*>(heap_.get());
  }

  Kind kind_;
  union {
    int64_t integer;
    double floating;
    const Function* function;
    Namespace* space;
    Macro* macro;
  } payload_;
  std::shared_ptr<void> heap_;
};

struct StringData : Heap {
  TaintedString text;
  bool ascii = true;    // Then code points are bytes.
  bool markup = false;  // The result of |safe or |escape: what is added to it gets HTML-escaped.
};

struct ListData : Heap {
  std::vector<Value> items;
  bool group = false;  // A tuple of |groupby, which has the attributes grouper and list.
};

struct DictData : Heap {
  using Entry = std::pair<Value, Value>;
  std::vector<Entry> entries;    // In order of insertion.
  std::vector<uint32_t> sorted;  // Positions of string keys by key, once there are many.

  static constexpr size_t kAbsent = SIZE_MAX;
  size_t Position(std::string_view key) const;  // In `entries`, or kAbsent.
  size_t Position(const Value& key) const;
  template <class Key>
  const Value* Find(const Key& key) const {
    size_t at = Position(key);
    return at == kAbsent ? nullptr : &entries[at].second;
  }
  void Insert(Value key, Value value);  // Replaces in place. Only while the dict is being built.
  void Index();                         // After the last Insert.
};

struct UndefinedData : Heap {
  std::string message;  // Of the error that using it raises.
};

struct RangeData : Heap {
  int64_t start = 0, stop = 0, step = 1, count = 0;
};

struct ViewData : Heap {
  enum class Part : uint8_t { kKeys, kValues, kItems } part = Part::kKeys;
  Value dict;
};

struct CyclerData : Heap {
  std::vector<Value> items;
  size_t position = 0;
};

struct JoinerData : Heap {
  Value separator;
  bool used = false;
};

struct Method;  // builtins.h
struct MethodData : Heap {
  Value self;
  const Method* method = nullptr;
};

struct Namespace {
  std::vector<std::pair<std::string, Value>> attributes;
  Value* Find(std::string_view name);
};

bool Truthy(const Value& value);
bool Equal(const Value& left, const Value& right);
bool Hashable(const Value& value);
std::string_view TypeName(const Value& value);  // As Python's type(x).__name__.

}  // namespace ingle::jinja
