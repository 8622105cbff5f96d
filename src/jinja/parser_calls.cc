// Arguments of calls, filters and tests.

#include "jinja/builtins.h"
#include "jinja/limits.h"
#include "jinja/parser.h"

namespace ingle::jinja {

bool Parser::Arguments(Node& call) {
  if (!ExpectOperator("(")) return false;
  bool first = true;
  while (!AtOperator(")")) {
    if (!first) {
      if (!ExpectOperator(",")) return false;
      if (AtOperator(")")) break;
    }
    first = false;
    if (!Argument(call)) return false;
  }
  Next();
  return true;
}

bool Parser::Argument(Node& call) {
  const std::string kWrongOrder = "invalid order of arguments in a call";
  if (TakeOperator("*")) {
    if (call.spread != nullptr || call.spread_named != nullptr) return Fail(kWrongOrder) != nullptr;
    return (call.spread = Expression()) != nullptr;
  }
  if (TakeOperator("**")) {
    if (call.spread_named != nullptr) return Fail(kWrongOrder) != nullptr;
    return (call.spread_named = Expression()) != nullptr;
  }
  if (Peek().type == TokenType::kName && AtOperator("=", 1)) {
    if (call.spread_named != nullptr) return Fail(kWrongOrder) != nullptr;
    if (call.keywords.size() >= kMaxNamedArguments)
      return Fail("a call has too many named arguments") != nullptr;
    std::string name = Peek().text;
    for (const auto& keyword : call.keywords)
      if (keyword.first == name)
        return Fail("the argument '" + name + "' is given twice") != nullptr;
    Next();
    Next();
    Node* value = Expression();
    if (value != nullptr) call.keywords.emplace_back(std::move(name), value);
    return value != nullptr;
  }
  if (call.spread != nullptr || call.spread_named != nullptr || !call.keywords.empty())
    return Fail(kWrongOrder) != nullptr;
  Node* value = Expression();
  if (value != nullptr) call.list.push_back(value);
  return value != nullptr;
}

bool Parser::DottedName(std::string& name) {
  if (!ExpectName(name)) return false;
  while (TakeOperator(".")) {
    std::string part;
    if (!ExpectName(part)) return false;
    name += "." + part;
  }
  return true;
}

// One filter after another; node is null at the start of a filter block.
Node* Parser::Filter(Node* node, bool inline_start) {
  while (AtOperator("|") || inline_start) {
    if (!inline_start) Next();
    inline_start = false;
    Node* filter = New(NodeType::kFilter, Peek().line);
    if (filter == nullptr || !DottedName(filter->text)) return nullptr;
    filter->filter = FindFilter(filter->text);
    filter->a = node;
    if (AtOperator("(") && !Arguments(*filter)) return nullptr;
    node = Grow(filter);
    if (node == nullptr) return nullptr;
  }
  return node;
}

Node* Parser::Test(Node* object) {
  Node* test = New(NodeType::kTest, Peek().line);
  if (test == nullptr) return nullptr;
  Next();  // "is"
  bool negated = TakeName("not");
  if (!DottedName(test->text)) return nullptr;
  test->test = FindTest(test->text);
  test->a = object;
  const Token& token = Peek();
  bool argument = token.type == TokenType::kName || token.type == TokenType::kString ||
                  token.type == TokenType::kNumber || AtOperator("[") || AtOperator("{");
  if (AtOperator("(")) {
    if (!Arguments(*test)) return nullptr;
  } else if (argument && !AtName("else") && !AtName("or") && !AtName("and")) {
    if (AtName("is")) return Fail("tests with 'is' cannot be chained");
    Node* value = Primary(false);
    if (value != nullptr) value = Postfix(value);
    if (value == nullptr) return nullptr;
    test->list.push_back(value);
  }
  if (Grow(test) == nullptr || !negated) return error_ ? nullptr : test;
  Node* result = New(NodeType::kNot, test->line);
  if (result == nullptr) return nullptr;
  result->a = test;
  return Grow(result);
}

}  // namespace ingle::jinja
