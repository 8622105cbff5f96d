// {% macro %} and {% call %}.

#include <algorithm>

#include "jinja/limits.h"
#include "jinja/parser.h"

namespace ingle::jinja {

bool Parser::Signature(Node& node) {
  if (!ExpectOperator("(")) return false;
  while (!AtOperator(")")) {
    if (!node.parameters.empty() && !ExpectOperator(",")) return false;
    std::string name;
    if (!ExpectName(name)) return false;
    if (node.parameters.size() >= kMaxNamedArguments)
      return Fail("a macro has too many parameters") != nullptr;
    node.parameters.push_back(syntax_.Name(name));
    if (std::count(node.parameters.begin(), node.parameters.end(), node.parameters.back()) > 1)
      return Fail("the parameter '" + name + "' is named twice") != nullptr;
    if (TakeOperator("=")) {
      Node* value = Expression();
      if (value == nullptr) return false;
      node.defaults.push_back(value);
    } else if (!node.defaults.empty()) {
      return Fail("a parameter without default follows one with default") != nullptr;
    }
  }
  Next();
  return true;
}

Node* Parser::Macro() {
  Node* node = New(NodeType::kMacro, Peek().line);
  if (node == nullptr) return nullptr;
  Next();
  if (!ExpectName(node->text) || !Signature(*node)) return nullptr;
  node->name = syntax_.Name(node->text);
  if (!Body(node->body, {"endmacro"})) return nullptr;
  Next();
  return node;
}

Node* Parser::CallBlock() {
  Node* node = New(NodeType::kCallBlock, Peek().line);
  if (node == nullptr) return nullptr;
  Next();
  if (AtOperator("(") && !Signature(*node)) return nullptr;
  node->a = Expression();
  if (node->a == nullptr) return nullptr;
  if (node->a->type != NodeType::kCall) return Fail("expected a call");
  if (!Body(node->body, {"endcall"})) return nullptr;
  Next();
  return node;
}

}  // namespace ingle::jinja
