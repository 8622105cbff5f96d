// What jinja2 and Python find when they compile a template: rules that are not grammar.

#include <algorithm>
#include <set>

#include "jinja/parser.h"

namespace ingle::jinja {
namespace {

// Whether `names` are read in a macro's body before they are set, as jinja2's find_undeclared:
// blocks are not entered.
void FindUndeclared(const Node& node, const Syntax& syntax, bool target,
                    std::set<std::string>& wanted, std::set<std::string>& found) {
  if (node.type == NodeType::kBlock) return;
  if (node.type == NodeType::kName) {
    const std::string& name = syntax.names[static_cast<size_t>(node.name)];
    if (wanted.contains(name) && !target) found.insert(name);
    if (target) wanted.erase(name);
    return;
  }
  if (node.type == NodeType::kFor || node.type == NodeType::kSet ||
      node.type == NodeType::kSetBlock) {
    // jinja2 visits a target first, in the order of its fields.
    FindUndeclared(*node.a, syntax, true, wanted, found);
    Node rest;
    rest.b = node.b;
    rest.c = nullptr;
    rest.body = node.body;
    rest.other = node.other;
    ForEachChild(rest,
                 [&](const Node& child) { FindUndeclared(child, syntax, target, wanted, found); });
    if (node.c != nullptr) FindUndeclared(*node.c, syntax, false, wanted, found);
    return;
  }
  if (node.type == NodeType::kTuple && target) {
    for (const Node* item : node.list) FindUndeclared(*item, syntax, true, wanted, found);
    return;
  }
  ForEachChild(node,
               [&](const Node& child) { FindUndeclared(child, syntax, false, wanted, found); });
}

std::set<std::string> Undeclared(const std::vector<Node*>& body, const Syntax& syntax,
                                 std::set<std::string> wanted) {
  std::set<std::string> found;
  for (const Node* node : body) FindUndeclared(*node, syntax, false, wanted, found);
  return found;
}

class Checker {
 public:
  explicit Checker(Syntax& syntax) : syntax_(syntax) {}

  struct Place {
    bool soft = false;     // Inside a condition: an unknown filter is an error only when it runs.
    bool in_loop = false;  // break and continue have a loop to act on.
  };

  Status Check(std::vector<Node*>& body, Place place) {
    for (Node* node : body) INGLE_RETURN_IF_ERROR(Check(*node, place));
    return {};
  }

  Status Check(Node& node, Place place) {
    node.escaping = escaping_;
    switch (node.type) {
      case NodeType::kFilter:
      case NodeType::kTest:
        if (!place.soft &&
            (node.type == NodeType::kFilter ? node.filter == nullptr : node.test == nullptr))
          return Unknown(node);
        break;
      case NodeType::kConditional: place.soft = true; break;
      case NodeType::kFor: return CheckFor(node, place);
      case NodeType::kIf: place.soft = true; break;
      case NodeType::kMacro:
      case NodeType::kCallBlock: return CheckMacro(node, place);
      case NodeType::kAutoescape: return CheckAutoescape(node, place);
      case NodeType::kItem:
        if (HasSliceAmongItems(node) && !IsConstant(node))
          return SyntaxFailure(node.line, "a slice cannot stand among several subscripts");
        break;
      case NodeType::kScope:
      case NodeType::kWith:
      case NodeType::kSetBlock:
      case NodeType::kFilterBlock:
        if (node.uses_caller) place.in_loop = false;  // {% generation %}
        return CheckInner(node, place);
      case NodeType::kBlock:
        if (!blocks_.insert(node.text).second)
          return SyntaxFailure(node.line, "the block '" + node.text + "' is defined twice");
        return Check(node.body, {});
      case NodeType::kBreak:
      case NodeType::kContinue:
        if (!place.in_loop)
          return SyntaxFailure(node.line, "break and continue belong into a loop");
        break;
      default: break;
    }
    return CheckChildren(node, place);
  }

 private:
  static std::unexpected<Error> Unknown(const Node& node) {
    return SyntaxFailure(node.line, std::string("there is no ") +
                                        (node.type == NodeType::kFilter ? "filter" : "test") +
                                        " named '" + node.text.substr(0, 60) + "'");
  }

  Status CheckChildren(Node& node, Place place) {
    Status status;
    ForEachChild(node, [&](Node& child) {
      if (status) status = Check(child, place);
    });
    return status;
  }

  static bool HasSliceAmongItems(const Node& node) {
    return node.b->type == NodeType::kTuple &&
           std::ranges::any_of(node.b->list, [](const Node* item) {
             return item->type == NodeType::kSlice && item->a == nullptr;
           });
  }

  Status CheckAutoescape(Node& node, Place place) {
    INGLE_RETURN_IF_ERROR(Check(*node.a, place));
    Escaping outer = escaping_;
    bool constant = node.a->type == NodeType::kConstant;
    escaping_ = constant && outer != Escaping::kAtRunTime
                    ? (Truthy(node.a->constant) ? Escaping::kAlways : Escaping::kNever)
                    : Escaping::kAtRunTime;
    node.escaping = escaping_;
    Status status = Check(node.body, {false, place.in_loop});
    escaping_ = outer;
    return status;
  }

  // Bodies with a scope of their own are not soft, wherever they stand.
  Status CheckInner(Node& node, Place place) {
    for (Node* child : {node.a, node.b})
      if (child != nullptr) INGLE_RETURN_IF_ERROR(Check(*child, place));
    for (Node* child : node.list) INGLE_RETURN_IF_ERROR(Check(*child, place));
    return Check(node.body, {false, place.in_loop});
  }

  Status CheckFor(Node& node, Place place) {
    if (SetsLoop(node))
      return SyntaxFailure(node.line, "the variable 'loop' cannot be set inside a loop");
    node.uses_loop = node.recursive || Undeclared(node.body, syntax_, {"loop"}).contains("loop");
    INGLE_RETURN_IF_ERROR(Check(*node.b, place));
    if (node.c != nullptr) INGLE_RETURN_IF_ERROR(Check(*node.c, {}));
    INGLE_RETURN_IF_ERROR(Check(node.body, {false, true}));
    return Check(node.other, {false, place.in_loop && !node.recursive});
  }

  Status CheckMacro(Node& node, Place place) {
    auto used = Undeclared(node.body, syntax_, {"caller", "kwargs", "varargs"});
    auto is_parameter = [&](const char* name) {
      auto id = syntax_.name_index.find(name);
      return id != syntax_.name_index.end() &&
             std::count(node.parameters.begin(), node.parameters.end(), id->second) > 0;
    };
    node.uses_caller = used.contains("caller");
    node.uses_kwargs = used.contains("kwargs") && !is_parameter("kwargs");
    node.uses_varargs = used.contains("varargs") && !is_parameter("varargs");
    if (node.a != nullptr) INGLE_RETURN_IF_ERROR(Check(*node.a, place));
    for (Node* value : node.defaults) INGLE_RETURN_IF_ERROR(Check(*value, {}));
    return Check(node.body, {});
  }

  bool SetsLoop(const Node& node) const { return TargetsLoop(node, false); }

  bool TargetsLoop(const Node& node, bool target) const {
    if (node.type == NodeType::kName)
      return target && syntax_.names[static_cast<size_t>(node.name)] == "loop";
    bool assigns = node.type == NodeType::kFor || node.type == NodeType::kSet ||
                   node.type == NodeType::kSetBlock;
    bool found = false;
    ForEachChild(node, [&](const Node& child) {
      bool is_target = (assigns && &child == node.a) || (target && node.type == NodeType::kTuple);
      found = found || TargetsLoop(child, is_target);
    });
    return found;
  }

  Syntax& syntax_;
  Escaping escaping_ = Escaping::kNever;
  std::set<std::string> blocks_;
};

}  // namespace

Status CheckSyntax(Syntax& syntax) { return Checker(syntax).Check(syntax.body, {}); }

}  // namespace ingle::jinja
