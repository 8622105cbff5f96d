// jinja2 resolves names per scope when it compiles (its idtracking): a name that a scope sets,
// outside of conditions and before reading it, and that no outer scope mentions, is a local
// variable of that scope from its start. What the caller passed under that name is then out of
// sight, even before the assignment. Templates notice when a loop or a macro inside of the scope
// reads the name.

#include <set>

#include "jinja/parser.h"

namespace ingle::jinja {
namespace {

struct Names {
  const Names* outer = nullptr;  // The scope around, complete.
  const Names* base = nullptr;   // For a branch of a condition: the names before it.
  std::set<int> known, undefined, stored;

  bool Own(int name) const { return known.contains(name) || (base != nullptr && base->Own(name)); }
  bool Outer(int name) const {
    if (base != nullptr) return base->Outer(name);
    return outer != nullptr && (outer->Own(name) || outer->Outer(name));
  }
  bool Stored(int name) const {
    return stored.contains(name) || (base != nullptr && base->Stored(name));
  }
  void Load(int name) {
    if (!Own(name) && !Outer(name)) known.insert(name);
  }
  void Store(int name) {
    stored.insert(name);
    if (Own(name)) return;
    if (!Outer(name)) undefined.insert(name);
    known.insert(name);
  }
  void Declare(int name) {
    stored.insert(name);
    known.insert(name);
  }
};

void Target(const Node& node, Names& names, bool parameter) {
  if (node.type == NodeType::kName)
    parameter ? names.Declare(node.name) : names.Store(node.name);
  else if (node.type == NodeType::kNamespaceAttribute)
    names.Load(node.name);
  else
    for (const Node* item : node.list) Target(*item, names, parameter);
}

void Expression(const Node* node, Names& names) {
  if (node == nullptr) return;
  if (node->type == NodeType::kName) names.Load(node->name);
  ForEachChild(*node, [&](const Node& child) { Expression(&child, names); });
}

void Statement(const Node& node, Names& names);

void Branch(const std::vector<Node*>& body, const Names& names, Names& branch) {
  branch.base = &names;
  for (const Node* node : body) Statement(*node, branch);
}

// A name that only branches set is looked up as usual: it may stay unset.
void Merge(Names& names, const std::vector<const Names*>& branches) {
  std::set<int> conditional;
  for (const Names* branch : branches)
    for (int name : branch->stored)
      if (!names.Stored(name)) conditional.insert(name);
  for (const Names* branch : branches) {
    names.known.insert(branch->known.begin(), branch->known.end());
    names.undefined.insert(branch->undefined.begin(), branch->undefined.end());
    names.stored.insert(branch->stored.begin(), branch->stored.end());
  }
  for (int name : conditional) names.undefined.erase(name);
}

void If(const Node& node, Names& names) {
  Expression(node.a, names);
  Names body, others, last;
  Branch(node.body, names, body);
  others.base = last.base = &names;
  for (const Node* branch : node.other) {
    Names& place = branch->a == nullptr ? last : others;
    Expression(branch->a, place);
    Names inner;
    if (branch->a == nullptr) {
      for (const Node* child : branch->body) Statement(*child, place);
      continue;
    }
    Branch(branch->body, place, inner);
    Merge(place, {&inner});
  }
  Merge(names, {&body, &others, &last});
}

void Statement(const Node& node, Names& names) {
  switch (node.type) {
    case NodeType::kIf: return If(node, names);
    case NodeType::kFor: return Expression(node.b, names);
    case NodeType::kSet: Expression(node.b, names); return Target(*node.a, names, false);
    case NodeType::kSetBlock: return Target(*node.a, names, false);
    case NodeType::kMacro: return names.Store(node.name);
    case NodeType::kCallBlock:
    case NodeType::kFilterBlock: return Expression(node.a, names);
    case NodeType::kWith:
      for (size_t i = 1; i < node.list.size(); i += 2) Expression(node.list[i], names);
      return;
    case NodeType::kOutput:
      for (const Node* part : node.list) Expression(part, names);
      return;
    default: return;
  }
}

class Scopes {
 public:
  void Enter(const std::vector<Node*>& body, Names& names, std::vector<int>& hidden) {
    for (const Node* node : body) Statement(*node, names);
    hidden.assign(names.undefined.begin(), names.undefined.end());
    Inner(body, names);
  }

 private:
  void Inner(const std::vector<Node*>& body, const Names& names) {
    for (Node* node : body) Inner(*node, names);
  }

  void Inner(Node& node, const Names& names) {
    Names inner;
    inner.outer = &names;
    switch (node.type) {
      case NodeType::kIf: Inner(node.body, names); return Inner(node.other, names);
      case NodeType::kFor: {
        Names otherwise;
        otherwise.outer = &names;
        Enter(node.other, otherwise, node.hidden_other);
        Target(*node.a, inner, true);
        break;
      }
      case NodeType::kMacro:
      case NodeType::kCallBlock:
        for (int parameter : node.parameters) inner.Declare(parameter);
        for (const Node* value : node.defaults) Expression(value, inner);
        break;
      case NodeType::kWith:
        for (size_t i = 0; i < node.list.size(); i += 2) Target(*node.list[i], inner, true);
        break;
      case NodeType::kBlock: inner.outer = nullptr; break;
      case NodeType::kScope:
      case NodeType::kAutoescape:
      case NodeType::kSetBlock:
      case NodeType::kFilterBlock: break;
      default: return;
    }
    Enter(node.body, inner, node.hidden);
  }
};

}  // namespace

void FindHidden(Syntax& syntax) {
  Names names;
  Scopes().Enter(syntax.body, names, syntax.hidden);
}

}  // namespace ingle::jinja
