// Statements of a running template.

#include <algorithm>

#include "jinja/builtins.h"
#include "jinja/runtime.h"

namespace ingle::jinja {

void Runtime::FailTooDeep() {
  Fail("calls are nested too deeply; does a macro call itself without end?", "template_too_deep");
}

// A new scope starts with these names undefined: it sets them itself, later, and until then what
// the caller passed under the same name is out of sight (see FindHidden).
void Runtime::Hide(const std::vector<int>& names) {
  budget_.steps_left -= static_cast<int64_t>(names.size() / 8);
  for (int name : names)
    if (!context_[static_cast<size_t>(name)].missing())
      Assign(name, Undefined("'" + syntax_.names[static_cast<size_t>(name)] + "' is undefined"));
}

Value Runtime::Lookup(int name) {
  for (const Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get()) {
    if (scope->variables.size() > 16)
      budget_.steps_left -= static_cast<int64_t>(scope->variables.size() / 16);
    for (const auto& [id, value] : scope->variables)
      if (id == name && !value.missing()) return value;
  }
  size_t at = static_cast<size_t>(name);
  if (!top_[at].missing()) return top_[at];
  if (!context_[at].missing()) return context_[at];
  return Undefined("'" + syntax_.names[at] + "' is undefined");
}

void Runtime::Assign(int name, Value value) {
  if (scope_ == nullptr) {
    top_[static_cast<size_t>(name)] = std::move(value);
    return;
  }
  budget_.steps_left -= static_cast<int64_t>(scope_->variables.size() / 16);
  for (auto& [id, old] : scope_->variables) {
    if (id != name) continue;
    old = std::move(value);
    return;
  }
  scope_->variables.emplace_back(name, std::move(value));
}

bool Runtime::AssignTo(const Node& target, const Value& value) {
  if (target.type == NodeType::kName) {
    Assign(target.name, value);
    return true;
  }
  if (target.type == NodeType::kNamespaceAttribute) {
    Value space = Lookup(target.name);
    if (space.kind() != Kind::kNamespace)
      return Fail("attributes can be set on a namespace only"), false;
    if (target.text.starts_with('_'))
      return Fail("a namespace cannot hold attributes that start with an underscore: '" +
                  target.text + "'"),
             false;
    if (!Spend(static_cast<int64_t>(space.space()->attributes.size() / 16))) return false;
    Value* old = space.space()->Find(target.text);
    if (old != nullptr) {
      *old = value;
      return true;
    }
    if (!SpendBytes(sizeof(Value) + target.text.size())) return false;
    space.space()->attributes.emplace_back(target.text, value);
    return true;
  }
  auto items = Items(value);
  if (!items) return false;
  if (items->size() != target.list.size()) {
    Fail("ValueError: " + std::to_string(items->size()) + " values cannot be assigned to " +
         std::to_string(target.list.size()) + " names");
    return false;
  }
  for (size_t i = 0; i < items->size(); i++)
    if (!AssignTo(*target.list[i], (*items)[i])) return false;
  return true;
}

Runtime::Flow Runtime::Run(const std::vector<Node*>& body) {
  for (const Node* node : body) {
    Flow flow = Run(*node);
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Runtime::Flow Runtime::Run(const Node& node) {
  DepthGuard guard(*this);
  line_ = node.line;
  if (!guard.fine || !Spend(1)) return Flow::kFailed;
  switch (node.type) {
    case NodeType::kOutput: return RunOutput(node);
    case NodeType::kIf: return RunIf(node);
    case NodeType::kFor: return RunFor(node);
    case NodeType::kSet: return RunSet(node);
    case NodeType::kSetBlock: return RunSetBlock(node);
    case NodeType::kMacro: return RunMacro(node);
    case NodeType::kCallBlock: return RunCallBlock(node);
    case NodeType::kFilterBlock: return RunFilterBlock(node);
    case NodeType::kWith: return RunWith(node);
    case NodeType::kScope: return RunScope(node);
    case NodeType::kAutoescape: return RunAutoescape(node);
    case NodeType::kBlock: return RunBlock(node);
    case NodeType::kBreak: return Flow::kBreak;
    case NodeType::kContinue: return Flow::kContinue;
    default:
      Fail("{% " + node.text + " %} needs other templates, and a chat template stands alone");
      return Flow::kFailed;
  }
}

bool Runtime::Write(const Value& value) {
  size_t before = out_->size();
  if (value.is_string()) {
    if (value.text().size() > kMaxOutputBytes || !SpendBytes(value.text().size())) {
      if (!failed())
        FailBudget("it writes more than " + std::to_string(kMaxOutputBytes >> 20) + " MiB");
      return false;
    }
    out_->Append(value.text());
  } else if (!AppendText(*out_, value)) {
    return false;
  }
  captured_bytes_ += out_->size() - before;
  if (out_->size() <= kMaxOutputBytes && captured_bytes_ <= max_live_bytes_) return true;
  FailBudget("it writes more than " + std::to_string(kMaxOutputBytes >> 20) + " MiB");
  return false;
}

Runtime::Flow Runtime::RunOutput(const Node& node) {
  for (const Node* part : node.list) {
    const bool data = part->type == NodeType::kConstant &&
                      (!Escapes(node) || (part->constant.is_string() && part->text == "data"));
    if (data) {
      if (!Write(part->constant)) return Flow::kFailed;
      continue;
    }
    line_ = part->line;
    Value value = Evaluate(*part);
    if (!value.failed() && Escapes(node) && !(value.is_string() && value.string().markup)) {
      auto text = Text(value);
      if (text && SpendBytes(text->size() * 2)) value = String(EscapeHtml(*text), true);
      if (failed()) return Flow::kFailed;
    }
    if (value.failed() || !Write(value)) return Flow::kFailed;
  }
  return Flow::kNormal;
}

// `other` holds the elif branches in order; one without a test is the else.
Runtime::Flow Runtime::RunIf(const Node& node) {
  Value test = Evaluate(*node.a);
  if (test.failed()) return Flow::kFailed;
  if (Truthy(test)) return Run(node.body);
  for (const Node* branch : node.other) {
    if (branch->a != nullptr) {
      line_ = branch->line;
      Value branch_test = Evaluate(*branch->a);
      if (branch_test.failed()) return Flow::kFailed;
      if (!Truthy(branch_test)) continue;
    }
    return Run(branch->body);
  }
  return Flow::kNormal;
}

std::optional<TaintedString> Runtime::Capture(const std::function<Flow()>& body) {
  StringBuilder captured;
  StringBuilder* outer = std::exchange(out_, &captured);
  Flow flow = body();
  out_ = outer;
  captured_bytes_ -= captured.size();
  if (flow == Flow::kFailed || failed()) return std::nullopt;
  return captured.Take();
}

Runtime::Flow Runtime::RunFor(const Node& node) {
  Value iterable = Evaluate(*node.b);
  if (iterable.failed()) return Flow::kFailed;
  if (!node.recursive) return RunLoop(node, iterable, 0);
  std::optional<TaintedString> text = Capture([&] { return RunLoop(node, iterable, 0); });
  return text && Write(String(std::move(*text))) ? Flow::kNormal : Flow::kFailed;
}

// {% for ... if test %}: the items that pass. Evaluated as the loop goes in jinja2, at once here.
Value Runtime::FilterLoopItems(const Node& node, const Value& iterable) {
  Cursor cursor = Iterate(iterable);
  std::vector<Value> kept;
  ScopePtr outer = scope_;
  while (!failed()) {
    Value item = cursor.Next(*this);
    if (item.failed() || item.missing()) break;
    scope_ = std::make_shared<Scope>();
    scope_->parent = outer;
    if (!AssignTo(*node.a, item)) break;
    Value test = Evaluate(*node.c);
    if (test.failed()) break;
    if (Truthy(test)) kept.push_back(std::move(item));
  }
  scope_ = outer;
  return failed() ? Value::Failure() : List(std::move(kept));
}

Runtime::Flow Runtime::RunLoop(const Node& node, const Value& iterable, int depth0) {
  Value source = node.c == nullptr ? iterable : FilterLoopItems(node, iterable);
  if (source.failed()) return Flow::kFailed;
  auto loop = std::make_shared<LoopData>();
  loop->cursor = Iterate(source);
  loop->depth0 = depth0;
  loop->scope = scope_;
  if (node.recursive) loop->recursive = &node;
  // A loop refers to values of any depth, so it counts as deepest: it cannot be put into a list.
  Value loop_value = failed() ? Value::Failure() : Adopt(Kind::kLoop, loop, max_value_depth_ - 1);
  if (loop_value.failed()) return Flow::kFailed;
  ScopePtr outer = scope_;
  Flow flow = Flow::kNormal;
  while (flow != Flow::kBreak && flow != Flow::kFailed) {
    Value item = loop->Next(*this);
    if (item.missing()) break;
    flow = item.failed() ? Flow::kFailed : RunTurn(node, item, loop_value, outer);
  }
  scope_ = outer;
  if (flow == Flow::kFailed) return flow;
  if (loop->index0 >= 0 || node.other.empty()) return Flow::kNormal;
  PushScope(outer);
  Hide(node.hidden_other);
  flow = Run(node.other);
  scope_ = outer;
  return flow;
}

void Runtime::PushScope(ScopePtr parent) {
  scope_ = std::make_shared<Scope>();
  scope_->parent = std::move(parent);
}

// One turn, in a scope of its own.
Runtime::Flow Runtime::RunTurn(const Node& node, const Value& item, const Value& loop,
                               const ScopePtr& outer) {
  if (scope_ != nullptr && scope_ != outer && scope_.use_count() == 1)
    scope_->variables.clear();  // No macro refers to the scope of the turn before.
  else
    PushScope(outer);
  if (node.uses_loop) scope_->variables.emplace_back(loop_name_, loop);
  Hide(node.hidden);
  ScopePtr turn = scope_;
  Flow flow = AssignTo(*node.a, item) ? Run(node.body) : Flow::kFailed;
  scope_ = std::move(turn);
  return flow;
}

Runtime::Flow Runtime::RunSet(const Node& node) {
  Value value = Evaluate(*node.b);
  return !value.failed() && AssignTo(*node.a, value) ? Flow::kNormal : Flow::kFailed;
}

Runtime::Flow Runtime::RunSetBlock(const Node& node) {
  ScopePtr outer = scope_;
  PushScope(outer);
  Hide(node.hidden);
  Flow left = Flow::kNormal;  // break and continue may lead out of the block.
  std::optional<TaintedString> text = Capture([&] { return left = Run(node.body); });
  bool markup = node.b == nullptr ? autoescape_ : Escapes(node);
  Value value = text && left == Flow::kNormal ? String(std::move(*text), markup) : Value::Failure();
  if (!value.failed() && node.b != nullptr) {
    value = EvaluateFilter(*node.b, &value);
    if (!value.failed() && autoescape_ && !(value.is_string() && value.string().markup)) {
      auto filtered = Text(value);
      value = filtered ? String(std::move(*filtered), true) : Value::Failure();
    }
  }
  scope_ = outer;
  if (failed() || left != Flow::kNormal) return failed() ? Flow::kFailed : left;
  return AssignTo(*node.a, value) ? Flow::kNormal : Flow::kFailed;
}

Runtime::Flow Runtime::RunFilterBlock(const Node& node) {
  ScopePtr outer = scope_;
  PushScope(outer);
  Hide(node.hidden);
  Flow left = Flow::kNormal;
  std::optional<TaintedString> text = Capture([&] { return left = Run(node.body); });
  Value value =
      text && left == Flow::kNormal ? String(std::move(*text), Escapes(node)) : Value::Failure();
  if (!value.failed()) value = EvaluateFilter(*node.a, &value);
  scope_ = outer;
  if (failed() || left != Flow::kNormal) return failed() ? Flow::kFailed : left;
  return Write(value) ? Flow::kNormal : Flow::kFailed;
}

Runtime::Flow Runtime::RunWith(const Node& node) {
  ScopePtr outer = scope_;
  auto inner = std::make_shared<Scope>();
  inner->parent = outer;
  for (size_t i = 0; i + 1 < node.list.size(); i += 2) {
    Value value = Evaluate(*node.list[i + 1]);  // In the outer scope.
    if (value.failed()) return Flow::kFailed;
    scope_ = inner;
    bool assigned = AssignTo(*node.list[i], value);
    scope_ = outer;
    if (!assigned) return Flow::kFailed;
  }
  scope_ = inner;
  Hide(node.hidden);
  Flow flow = Run(node.body);
  scope_ = outer;
  return flow;
}

Runtime::Flow Runtime::RunScope(const Node& node) {
  ScopePtr outer = scope_;
  PushScope(outer);
  Hide(node.hidden);
  Flow flow = Run(node.body);
  scope_ = outer;
  return flow;
}

Runtime::Flow Runtime::RunAutoescape(const Node& node) {
  Value option = Evaluate(*node.a);
  if (option.failed()) return Flow::kFailed;
  bool outer = std::exchange(autoescape_, Truthy(option));
  Flow flow = RunScope(node);
  autoescape_ = outer;
  return flow;
}

// A block sees the variables of the top level only.
Runtime::Flow Runtime::RunBlock(const Node& node) {
  ScopePtr outer = scope_;
  PushScope(nullptr);
  Hide(node.hidden);
  Flow flow = Run(node.body);
  scope_ = outer;
  return flow;
}

Value Runtime::Evaluate(const Node& node) {
  DepthGuard guard(*this);
  if (!guard.fine || !Spend(1)) return Value::Failure();
  return EvaluateInner(node);
}

}  // namespace ingle::jinja
