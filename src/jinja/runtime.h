#pragma once
// One run of a template: budgets, variables, output, and the evaluation of the syntax tree.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "jinja/ast.h"
#include "jinja/limits.h"
#include "jinja/value.h"

namespace ingle::jinja {

class Runtime;

struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<int, Value>> variables;  // Few: searched in order.
};
using ScopePtr = std::shared_ptr<Scope>;

struct Macro {
  const Node* node = nullptr;
  ScopePtr scope;  // Where it was defined.
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
  const Value& operator[](size_t at) const { return positional[at]; }
  size_t size() const { return positional.size(); }
};

// Walks anything that Python can iterate over.
class Cursor {
 public:
  Cursor() = default;
  explicit Cursor(Value source) : source_(std::move(source)) {}
  Value Next(Runtime& run);  // kMissing at the end; fails the run.
  const Value& source() const { return source_; }

 private:
  Value source_;
  size_t at_ = 0;  // Item, or byte of a text.
};

struct IteratorData : Heap {
  virtual ~IteratorData() = default;
  virtual Value Next(Runtime& run) = 0;  // kMissing at the end.
};

struct LoopData : Heap {
  Cursor cursor;
  std::optional<int64_t> length;
  int64_t index0 = -1;
  int depth0 = 0;
  Value after, current, before, changed;  // after: an item that was read ahead.
  bool peeked = false;
  std::vector<Value> drained;  // Rest of a generator whose length was asked for.
  bool draining = false;
  size_t drained_at = 0;
  const Node* recursive = nullptr;  // The loop, when it may call itself.
  ScopePtr scope;                   // In which it stands.

  Value Next(Runtime& run);
  Value Peek(Runtime& run);
  Value Length(Runtime& run);
};

class Runtime {
 public:
  Runtime(const Syntax& syntax, size_t input_bytes, int64_t now_unix_s);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  void SetVariable(const std::string& name, Value value);
  Value FromJson(const json::value& value, int depth = 0);  // Its text is untrusted.
  Result<TaintedString> Render();
  Error TakeError() { return error_ ? std::move(*error_) : Error{}; }

  // Failures: all return Value::Failure(). The first one stays; the line is that of the node being
  // evaluated.
  Value Fail(std::string message, std::string id = "template_error");
  Value FailBudget(const std::string& what);
  Value FailRaised(std::string_view message);
  bool failed() const { return error_.has_value(); }
  bool Spend(int64_t steps);      // False when the budget is used up.
  bool SpendBytes(size_t bytes);  // Text work; also refuses what could never fit into memory.
  int64_t now_unix_s() const { return now_unix_s_; }
  bool autoescape() const { return autoescape_; }  // Of the {% autoescape %} that runs.
  int max_value_depth() const { return max_value_depth_; }

  // Values that count towards the memory budget; each may return a failure.
  Value String(TaintedString text, bool markup = false);
  Value String(std::string text, bool trusted = true) {
    return String(TaintedString(std::move(text), trusted));
  }
  Value List(std::vector<Value> items) { return Sequence(Kind::kList, std::move(items)); }
  Value Tuple(std::vector<Value> items) { return Sequence(Kind::kTuple, std::move(items)); }
  Value Sequence(Kind kind, std::vector<Value> items, bool group = false);
  Value Dict(std::shared_ptr<DictData> dict);
  Value Undefined(std::string message);
  Value Range(int64_t start, int64_t stop, int64_t step);
  Value NewNamespace(std::vector<std::pair<std::string, Value>> attributes);
  template <class T>
  Value Adopt(Kind kind, std::shared_ptr<T> data, int child_depth, size_t bytes = sizeof(T)) {
    if (!Count(*data, child_depth, bytes)) return Value::Failure();
    return Value::Shared(kind, std::move(data));
  }

  // Python's str(), repr() and json.dumps.
  bool AppendText(StringBuilder& out, const Value& value);
  bool AppendRepr(StringBuilder& out, const Value& value, int depth = 0);
  std::optional<TaintedString> Text(const Value& value);  // str(value)
  Value TextValue(const Value& value);                    // As a value; keeps markup.

  Value GetAttribute(const Value& object, const std::string& name);
  Value GetItem(const Value& object, const Value& key);
  Value GetSlice(const Value& object, const Value& start, const Value& stop, const Value& step);
  Value Call(const Value& callee, Arguments& arguments);
  Value Operate(int arithmetic, const Value& left, const Value& right);
  Value Contains(const Value& item, const Value& container);
  // <0, 0, >0; nullopt: an unordered pair (NaN), or failed().
  std::optional<int> Order(const Value& left, const Value& right, std::string_view op = "<");
  Cursor Iterate(const Value& value);                           // Check failed().
  std::optional<std::vector<Value>> Items(const Value& value);  // list(value)
  Value Length(const Value& value);
  Value UseUndefined(const Value& value);  // The error of using an undefined value.
  Value CallMacro(const Macro& macro, Arguments& arguments);
  Value CallLoop(LoopData& loop, const Value& iterable);

 private:
  enum class Flow : uint8_t { kNormal, kBreak, kContinue, kFailed };
  // Counts nested statements and evaluations, so that no template can use up the stack.
  struct DepthGuard {
    explicit DepthGuard(Runtime& owner) : fine(++owner.depth_ <= kMaxRuntimeDepth), run(owner) {
      if (!fine) run.FailTooDeep();
    }
    ~DepthGuard() { run.depth_--; }
    DepthGuard(const DepthGuard&) = delete;
    DepthGuard& operator=(const DepthGuard&) = delete;
    bool fine;
    Runtime& run;
  };
  void FailTooDeep();
  void Hide(const std::vector<int>& names);

  bool Count(Heap& heap, int child_depth, size_t bytes);
  Value Lookup(int name);
  void Assign(int name, Value value);
  bool AssignTo(const Node& target, const Value& value);

  // statements.cc
  Flow Run(const std::vector<Node*>& body);
  Flow Run(const Node& node);
  Flow RunOutput(const Node& node);
  Flow RunIf(const Node& node);
  Flow RunFor(const Node& node);
  Flow RunLoop(const Node& node, const Value& iterable, int depth0);
  Flow RunTurn(const Node& node, const Value& item, const Value& loop, const ScopePtr& outer);
  void PushScope(ScopePtr parent);
  Flow RunSet(const Node& node);
  Flow RunSetBlock(const Node& node);
  Flow RunMacro(const Node& node);
  Flow RunCallBlock(const Node& node);
  Flow RunFilterBlock(const Node& node);
  Flow RunWith(const Node& node);
  Flow RunScope(const Node& node);
  Flow RunAutoescape(const Node& node);
  bool Escapes(const Node& node) const {
    return node.escaping == Escaping::kAlways ||
           (node.escaping == Escaping::kAtRunTime && autoescape_);
  }
  Flow RunBlock(const Node& node);
  bool Write(const Value& value);
  std::optional<TaintedString> Capture(const std::function<Flow()>& body);
  Value FilterLoopItems(const Node& node, const Value& iterable);
  const Macro* DefineMacro(const Node& node);
  bool BindMacro(const Macro& macro, Arguments& arguments);

  // expressions.cc
  Value Evaluate(const Node& node);
  Value EvaluateInner(const Node& node);
  Value EvaluateSequence(const Node& node);
  Value EvaluateDict(const Node& node);
  Value EvaluateConditional(const Node& node);
  Value EvaluateCompare(const Node& node);
  Value CompareValues(Comparison op, const Value& left, const Value& right);
  Value EvaluateConcat(const Node& node);
  Value ConcatMarkup(const Node& node);
  Value EvaluateSlice(const Node& node);
  Value EvaluateUnary(const Node& node);
  Value EvaluateCall(const Node& node);
  Value EvaluateCallWith(const Node& node, const Value* caller);
  Value EvaluateFilter(const Node& node, const Value* input);
  Value EvaluateTest(const Node& node);
  bool EvaluateArguments(const Node& node, Arguments& arguments);

  const Syntax& syntax_;
  Budget budget_;
  size_t max_live_bytes_;
  int max_value_depth_ = kMaxValueDepth;  // More for input that is deeper than half of it.
  int64_t now_unix_s_;
  bool autoescape_ = false;
  int line_ = 1;
  int depth_ = 0;
  std::optional<Error> error_;
  std::vector<Value> context_;  // By name: what the caller passed, and the globals.
  std::vector<Value> top_;      // By name: what the top level set.
  ScopePtr scope_;              // Null at the top level.
  int loop_name_ = -1, caller_name_ = -1, kwargs_name_ = -1,
      varargs_name_ = -1;  // -1: the template has no such name.
  StringBuilder* out_ = nullptr;
  size_t captured_bytes_ = 0;  // Of all outputs in progress.
  std::vector<std::unique_ptr<Namespace>> namespaces_;
  std::vector<std::unique_ptr<Macro>> macros_;
};

#define INGLE_JINJA_TRY(name, expression) \
  Value name = (expression);              \
  if (name.failed()) return name

}  // namespace ingle::jinja
