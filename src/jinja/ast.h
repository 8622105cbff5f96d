#pragma once
// The syntax tree of a template. One node type with generic children, so that a walk needs no
// cases.

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "jinja/value.h"

namespace ingle::jinja {

enum class NodeType : uint8_t {
  // Expressions.
  kConstant,            // constant; text "data": what stands outside of tags
  kName,                // name
  kNamespaceAttribute,  // name.text, a target of {% set %}
  kTuple,               // list
  kList,                // list
  kDict,                // list: key, value, key, value
  kConditional,         // a if b else c (c may be null)
  kOr,
  kAnd,
  kNot,         // a
  kCompare,     // a, list of operands, operators
  kArithmetic,  // a, b, arithmetic
  kConcat,      // list
  kNegate,
  kPositive,
  kAttribute,  // a.text
  kItem,       // a[b]
  kSlice,      // a[list 0 : list 1 : list 2], each may be null; without a: inside a tuple subscript
  kCall,       // a(arguments)
  kFilter,     // a|text(arguments); a is null in a filter block
  kTest,       // a is text(arguments)
  // Statements.
  kOutput,       // list
  kFor,          // a: target, b: iterable, c: filter; body; other (else); recursive
  kIf,           // a: test; body; other
  kSet,          // a: target, b: value
  kSetBlock,     // a: target, b: filter or null; body
  kMacro,        // text, parameters, defaults; body
  kCallBlock,    // a: call; parameters, defaults; body
  kFilterBlock,  // a: filter; body
  kWith,         // list: target, value, ...; body
  kScope,        // body: {% generation %}
  kAutoescape,   // a: whether to escape; body
  kBlock,        // text; body
  kNoLoader,     // text: include, import, from, extends: there is nothing to load from
  kBreak,
  kContinue,
};

enum class Comparison : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn
};

struct Method;
struct Filter;
struct Test;

// Whether what is printed becomes HTML: decided where the text of the template stands, unless the
// option of {% autoescape %} is known only when it runs.
enum class Escaping : uint8_t { kNever, kAlways, kAtRunTime };

struct Node {
  NodeType type = NodeType::kConstant;
  bool recursive =
      false;  // {% for ... recursive %}; on macros and call blocks: see the three flags below.
  bool uses_caller = false, uses_kwargs = false, uses_varargs = false;
  bool uses_loop = false;
  uint8_t arithmetic = 0;
  Escaping escaping = Escaping::kNever;  // Of the {% autoescape %} around it.
  int line = 1;
  int height = 1;
  int name = -1;  // Index into Syntax::names.
  Node* a = nullptr;
  Node* b = nullptr;
  Node* c = nullptr;
  std::vector<Node*> list;
  std::vector<Comparison> operators;
  // Calls, filters, tests: positional arguments are `list`.
  std::vector<std::pair<std::string, Node*>> keywords;
  Node* spread = nullptr;        // *args
  Node* spread_named = nullptr;  // **kwargs
  std::vector<int> parameters;   // Names of a macro's parameters.
  std::vector<Node*> defaults;   // Of the last parameters.
  std::vector<Node*> body, other;
  std::vector<int> hidden,
      hidden_other;  // Names that start undefined in the scope of body and other.
  std::string text;
  Value constant;
  const Filter* filter = nullptr;  // Null: unknown, an error when it runs.
  const Test* test = nullptr;
};

struct Syntax {
  std::deque<Node> nodes;  // Owns all; addresses are stable; destruction does not recurse.
  std::vector<Node*> body;
  std::vector<int> hidden;  // See Node::hidden.
  std::vector<std::string> names;
  std::unordered_map<std::string, int> name_index;

  int Name(const std::string& name) {
    auto [found, added] = name_index.try_emplace(name, static_cast<int>(names.size()));
    if (added) names.push_back(name);
    return found->second;
  }
};

Result<Syntax> Parse(std::string_view source);

// Calls visit(child) for every direct child, in the order in which they are written.
template <class Visit>
void ForEachChild(const Node& node, Visit visit) {
  auto all = [&](const std::vector<Node*>& nodes) {
    for (Node* child : nodes)
      if (child != nullptr) visit(*child);
  };
  for (Node* child : {node.a, node.b, node.c})
    if (child != nullptr) visit(*child);
  all(node.list);
  for (const auto& keyword : node.keywords) visit(*keyword.second);
  for (Node* child : {node.spread, node.spread_named})
    if (child != nullptr) visit(*child);
  all(node.defaults);
  all(node.body);
  all(node.other);
}

}  // namespace ingle::jinja
