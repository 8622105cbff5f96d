// Macros, call blocks and recursive loops.

#include <algorithm>

#include "jinja/runtime.h"

namespace ingle::jinja {

const Macro* Runtime::DefineMacro(const Node& node) {
  if (!SpendBytes(sizeof(Macro))) return nullptr;
  budget_.live_bytes += sizeof(Macro);
  macros_.push_back(std::make_unique<Macro>(Macro{&node, scope_}));
  return macros_.back().get();
}

Runtime::Flow Runtime::RunMacro(const Node& node) {
  const Macro* macro = DefineMacro(node);
  if (macro == nullptr) return Flow::kFailed;
  Assign(node.name, Value::Of(const_cast<Macro*>(macro)));
  return Flow::kNormal;
}

Runtime::Flow Runtime::RunCallBlock(const Node& node) {
  const Macro* caller = DefineMacro(node);
  if (caller == nullptr) return Flow::kFailed;
  Value caller_value = Value::Of(const_cast<Macro*>(caller));
  Value result = EvaluateCallWith(*node.a, &caller_value);
  return !result.failed() && Write(result) ? Flow::kNormal : Flow::kFailed;
}

// Fills the parameters of the macro in the current scope.
bool Runtime::BindMacro(const Macro& macro, Arguments& arguments) {
  const Node& node = *macro.node;
  auto& variables = scope_->variables;
  auto take_named = [&](const std::string& name) {
    for (auto named = arguments.named.begin(); named != arguments.named.end(); ++named) {
      if (named->first != name) continue;
      Value value = std::move(named->second);
      arguments.named.erase(named);
      return value;
    }
    return Value();
  };
  size_t count = node.parameters.size();
  bool explicit_caller = false;
  for (size_t i = 0; i < count; i++) {
    const std::string& name = syntax_.names[static_cast<size_t>(node.parameters[i])];
    explicit_caller |= name == "caller";
    variables.emplace_back(node.parameters[i],
                           i < arguments.size() ? arguments[i] : take_named(name));
  }
  if (node.uses_caller && !explicit_caller) {
    Value caller = take_named("caller");
    if (caller.missing() || caller.none()) caller = Undefined("No caller defined");
    variables.emplace_back(caller_name_, std::move(caller));
  }
  if (node.uses_kwargs) {
    auto dict = std::make_shared<DictData>();
    for (auto& [name, value] : arguments.named) dict->Insert(String(name), std::move(value));
    variables.emplace_back(kwargs_name_, Dict(std::move(dict)));
  } else if (!arguments.named.empty()) {
    return Fail("TypeError: macro '" + node.text + "' takes no keyword argument '" +
                arguments.named[0].first + "'"),
           false;
  }
  if (node.uses_varargs) {
    auto first =
        arguments.positional.begin() + static_cast<ptrdiff_t>(std::min(count, arguments.size()));
    variables.emplace_back(varargs_name_,
                           Tuple(std::vector<Value>(first, arguments.positional.end())));
  } else if (arguments.size() > count) {
    return Fail("TypeError: macro '" + node.text + "' takes not more than " +
                std::to_string(count) + " argument(s)"),
           false;
  }
  for (size_t i = 0; i < count && !failed(); i++) {
    if (!variables[i].second.missing()) continue;
    size_t from_end = count - i;
    Value value =
        from_end <= node.defaults.size()
            ? Evaluate(*node.defaults[node.defaults.size() - from_end])
            : Undefined("parameter '" + syntax_.names[static_cast<size_t>(node.parameters[i])] +
                        "' was not provided");
    scope_->variables[i].second = std::move(value);
  }
  return !failed();
}

Value Runtime::CallMacro(const Macro& macro, Arguments& arguments) {
  DepthGuard guard(*this);
  if (!guard.fine || !Spend(1)) return Value::Failure();
  ScopePtr outer = scope_;
  PushScope(macro.scope);
  std::optional<TaintedString> text;
  if (BindMacro(macro, arguments)) {
    Hide(macro.node->hidden);
    text = Capture([&] { return Run(macro.node->body); });
  }
  scope_ = outer;
  return text ? String(std::move(*text), autoescape_) : Value::Failure();
}

Value Runtime::CallLoop(LoopData& loop, const Value& iterable) {
  if (loop.recursive == nullptr)
    return Fail("TypeError: the loop must have the 'recursive' marker to be called recursively");
  DepthGuard guard(*this);
  if (!guard.fine) return Value::Failure();
  ScopePtr outer = std::exchange(scope_, loop.scope);
  std::optional<TaintedString> text =
      Capture([&] { return RunLoop(*loop.recursive, iterable, loop.depth0 + 1); });
  scope_ = outer;
  return text ? String(std::move(*text), Escapes(*loop.recursive)) : Value::Failure();
}

}  // namespace ingle::jinja
