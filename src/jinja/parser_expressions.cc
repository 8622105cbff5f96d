#include <algorithm>

#include "jinja/builtins.h"
#include "jinja/limits.h"
#include "jinja/numbers.h"
#include "jinja/parser.h"

namespace ingle::jinja {
namespace {

// Binding strength, weakest first, as in jinja2.
enum Level {
  kLevelOr,
  kLevelAnd,
  kLevelNot,
  kLevelCompare,
  kLevelSum,
  kLevelConcat,
  kLevelProduct,
  kLevelPower,
  kLevelNone
};

struct BinaryOperator {
  std::string_view text;
  Level level;
  int meaning;  // Comparison or Arithmetic.
};

constexpr BinaryOperator kOperators[] = {
    {"==", kLevelCompare, static_cast<int>(Comparison::kEqual)},
    {"!=", kLevelCompare, static_cast<int>(Comparison::kNotEqual)},
    {"<", kLevelCompare, static_cast<int>(Comparison::kLess)},
    {"<=", kLevelCompare, static_cast<int>(Comparison::kLessEqual)},
    {">", kLevelCompare, static_cast<int>(Comparison::kGreater)},
    {">=", kLevelCompare, static_cast<int>(Comparison::kGreaterEqual)},
    {"+", kLevelSum, static_cast<int>(Arithmetic::kAdd)},
    {"-", kLevelSum, static_cast<int>(Arithmetic::kSubtract)},
    {"~", kLevelConcat, 0},
    {"*", kLevelProduct, static_cast<int>(Arithmetic::kMultiply)},
    {"/", kLevelProduct, static_cast<int>(Arithmetic::kDivide)},
    {"//", kLevelProduct, static_cast<int>(Arithmetic::kFloorDivide)},
    {"%", kLevelProduct, static_cast<int>(Arithmetic::kModulo)},
    {"**", kLevelPower, static_cast<int>(Arithmetic::kPower)},
};

const BinaryOperator* FindOperator(const std::string& text) {
  auto found = std::find_if(std::begin(kOperators), std::end(kOperators),
                            [&](const BinaryOperator& op) { return op.text == text; });
  return found == std::end(kOperators) ? nullptr : &*found;
}

}  // namespace

int Parser::BinaryLevel() const {
  if (AtName("or")) return kLevelOr;
  if (AtName("and")) return kLevelAnd;
  if (AtName("in") || (AtName("not") && AtName("in", 1))) return kLevelCompare;
  if (Peek().type != TokenType::kOperator) return kLevelNone;
  const BinaryOperator* op = FindOperator(Peek().text);
  return op == nullptr ? kLevelNone : op->level;
}

Node* Parser::Tuple(bool conditional, std::string_view end_rule, bool parentheses) {
  int line = Peek().line;
  std::vector<Node*> items;
  bool is_tuple = false;
  auto at_end = [&] {
    return Peek().type == TokenType::kVariableEnd || Peek().type == TokenType::kBlockEnd ||
           AtOperator(")") || (!end_rule.empty() && AtName(end_rule));
  };
  while (true) {
    if (!items.empty() && !ExpectOperator(",")) return nullptr;
    if (at_end()) break;
    Node* item = Expression(conditional);
    if (item == nullptr) return nullptr;
    items.push_back(item);
    if (!AtOperator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return items[0];
  if (!is_tuple && !parentheses) return Fail("expected an expression, got " + Describe());
  Node* node = New(NodeType::kTuple, line);
  if (node == nullptr) return nullptr;
  node->list = std::move(items);
  return Grow(node);
}

Node* Parser::Expression(bool conditional) {
  if (depth_ >= kMaxExpressionDepth) {
    FailAt(Peek().line,
           "expressions are nested deeper than " + std::to_string(kMaxExpressionDepth) + " levels",
           "template_too_deep");
    return nullptr;
  }
  depth_++;
  int line = Peek().line;
  Node* node = Binary(kLevelOr);
  while (conditional && node != nullptr && TakeName("if")) {
    Node* result = New(NodeType::kConditional, line);
    if (result == nullptr) return nullptr;
    result->a = node;
    result->b = Binary(kLevelOr);
    if (result->b == nullptr) return nullptr;
    if (TakeName("else")) {
      result->c = Expression(true);
      if (result->c == nullptr) return nullptr;
    }
    node = Grow(result);
  }
  depth_--;
  return node;
}

Node* Parser::Not(int min_level) {
  std::vector<int> lines;
  while (AtName("not")) {
    lines.push_back(Peek().line);
    Next();
  }
  Node* node = Binary(kLevelCompare);
  for (size_t i = lines.size(); node != nullptr && i > 0; i--) {
    Node* result = New(NodeType::kNot, lines[i - 1]);
    if (result == nullptr) return nullptr;
    result->a = node;
    node = Grow(result);
  }
  (void)min_level;
  return node;
}

// Precedence climbing: operators of min_level or tighter.
Node* Parser::Binary(int min_level) {
  Node* left = min_level <= kLevelNot && AtName("not") ? Not(min_level) : Unary(true);
  while (left != nullptr) {
    int level = BinaryLevel();
    if (level == kLevelNone || level < min_level) break;
    left = Combine(level, left);
  }
  return left;
}

Node* Parser::Combine(int level, Node* left) {
  Node* node = New(level == kLevelOr        ? NodeType::kOr
                   : level == kLevelAnd     ? NodeType::kAnd
                   : level == kLevelCompare ? NodeType::kCompare
                   : level == kLevelConcat  ? NodeType::kConcat
                                            : NodeType::kArithmetic,
                   left->line);
  if (node == nullptr) return nullptr;
  if (level == kLevelConcat)
    node->list.push_back(left);
  else
    node->a = left;
  // Comparisons and ~ take all their operands at once; the others associate to the left.
  do {
    if (level == kLevelCompare) {
      bool negated = TakeName("not");
      const BinaryOperator* op = AtName("in") ? nullptr : FindOperator(Peek().text);
      node->operators.push_back(op != nullptr ? static_cast<Comparison>(op->meaning)
                                : negated     ? Comparison::kNotIn
                                              : Comparison::kIn);
    } else if (node->type == NodeType::kArithmetic) {
      node->arithmetic = static_cast<uint8_t>(FindOperator(Peek().text)->meaning);
    }
    Next();
    Node* right = Binary(level == kLevelAnd ? kLevelNot : level + 1);
    if (right == nullptr) return nullptr;
    if (level == kLevelCompare || level == kLevelConcat)
      node->list.push_back(right);
    else
      node->b = right;
  } while ((level == kLevelCompare || level == kLevelConcat) && BinaryLevel() == level);
  return Grow(node);
}

Node* Parser::Unary(bool with_filter) {
  std::vector<Token> signs;
  while (AtOperator("-") || AtOperator("+")) {
    signs.push_back(Peek());
    Next();
  }
  Node* node = Primary(false);
  if (node != nullptr) node = Postfix(node);
  for (size_t i = signs.size(); node != nullptr && i > 0; i--) {
    Node* result =
        New(signs[i - 1].text == "-" ? NodeType::kNegate : NodeType::kPositive, signs[i - 1].line);
    if (result == nullptr) return nullptr;
    result->a = node;
    node = Grow(result);
    if (node != nullptr) node = Postfix(node);
  }
  return with_filter && node != nullptr ? FilterOrTest(node) : node;
}

Node* Parser::Literal() {
  Node* node = New(NodeType::kConstant, Peek().line);
  if (node == nullptr) return nullptr;
  if (Peek().type == TokenType::kNumber) {
    node->constant = Peek().number;
    Next();
    return node;
  }
  std::string text;
  while (Peek().type == TokenType::kString) {
    text += Peek().text;
    Next();
  }
  node->constant = ConstantString(std::move(text));
  return node;
}

Node* Parser::Primary(bool with_namespace) {
  const Token& token = Peek();
  if (token.type == TokenType::kString || token.type == TokenType::kNumber) return Literal();
  if (token.type == TokenType::kName) {
    const std::string name = token.text;
    Node* node = New(NodeType::kConstant, token.line);
    if (node == nullptr) return nullptr;
    Next();
    if (name == "true" || name == "True" || name == "false" || name == "False") {
      node->constant = Value::Bool(name == "true" || name == "True");
    } else if (name == "none" || name == "None") {
      node->constant = Value::None();
    } else {
      node->type = NodeType::kName;
      node->name = syntax_.Name(name);
      if (with_namespace && TakeOperator(".")) {
        node->type = NodeType::kNamespaceAttribute;
        if (!ExpectName(node->text)) return nullptr;
      }
    }
    return node;
  }
  if (TakeOperator("(")) {
    Node* node = Tuple(true, {}, true);
    return node != nullptr && ExpectOperator(")") ? node : nullptr;
  }
  if (AtOperator("[") || AtOperator("{")) return ListOrDict();
  return Fail("unexpected " + Describe());
}

Node* Parser::ListOrDict() {
  bool dict = AtOperator("{");
  std::string_view close = dict ? "}" : "]";
  Node* node = New(dict ? NodeType::kDict : NodeType::kList, Peek().line);
  if (node == nullptr) return nullptr;
  Next();
  while (!AtOperator(close)) {
    if (!node->list.empty() && !ExpectOperator(",")) return nullptr;
    if (AtOperator(close)) break;
    for (int part = 0; part < (dict ? 2 : 1); part++) {
      if (part == 1 && !ExpectOperator(":")) return nullptr;
      Node* item = Expression();
      if (item == nullptr) return nullptr;
      node->list.push_back(item);
    }
  }
  Next();
  return Grow(node);
}

Node* Parser::Call(Node* callee) {
  Node* call = New(NodeType::kCall, Peek().line);
  if (call == nullptr) return nullptr;
  call->a = callee;
  return Arguments(*call) ? Grow(call) : nullptr;
}

Node* Parser::Postfix(Node* node) {
  while (node != nullptr) {
    if (AtOperator(".") || AtOperator("[")) {
      node = Subscript(node);
    } else if (AtOperator("(")) {
      node = Call(node);
    } else {
      break;
    }
  }
  return node;
}

Node* Parser::FilterOrTest(Node* node) {
  while (node != nullptr) {
    if (AtOperator("|")) {
      node = Filter(node, false);
    } else if (AtName("is")) {
      node = Test(node);
    } else if (AtOperator("(")) {
      node = Call(node);
    } else {
      break;
    }
  }
  return node;
}

Node* Parser::Subscript(Node* object) {
  int line = Peek().line;
  if (TakeOperator(".")) {
    const Token& token = Peek();
    Node* node = New(token.type == TokenType::kName ? NodeType::kAttribute : NodeType::kItem, line);
    if (node == nullptr) return nullptr;
    node->a = object;
    if (token.type == TokenType::kName) {
      node->text = token.text;
    } else {
      if (token.type != TokenType::kNumber || token.number.kind() == Kind::kFloat)
        return Fail("expected a name or a number after '.', got " + Describe());
      node->b = New(NodeType::kConstant, token.line);
      if (node->b == nullptr) return nullptr;
      node->b->constant = token.number;
    }
    Next();
    return Grow(node);
  }
  Next();  // '['
  std::vector<Node*> items;
  while (!AtOperator("]")) {
    if (!items.empty() && !ExpectOperator(",")) return nullptr;
    Node* item = SubscriptItem();
    if (item == nullptr) return nullptr;
    items.push_back(item);
  }
  Next();
  if (items.size() == 1 && items[0]->type == NodeType::kSlice && items[0]->a == nullptr) {
    items[0]->a = object;
    return Grow(items[0]);
  }
  Node* node = New(NodeType::kItem, line);
  if (node == nullptr) return nullptr;
  node->a = object;
  if (items.size() == 1) {
    node->b = items[0];
  } else {
    node->b = New(NodeType::kTuple, line);
    if (node->b == nullptr) return nullptr;
    node->b->list = std::move(items);
    if (Grow(node->b) == nullptr) return nullptr;
  }
  return Grow(node);
}

// An expression or a slice with up to three parts.
Node* Parser::SubscriptItem() {
  int line = Peek().line;
  Node* first = nullptr;
  if (!AtOperator(":")) {
    first = Expression();
    if (first == nullptr || !AtOperator(":")) return first;
  }
  Next();
  Node* node = New(NodeType::kSlice, line);
  if (node == nullptr) return nullptr;
  node->list = {first, nullptr, nullptr};
  for (size_t part = 1; part < 3; part++) {
    if (part == 2 && !TakeOperator(":")) break;
    if (AtOperator(":") || AtOperator("]") || AtOperator(",")) continue;
    node->list[part] = Expression();
    if (node->list[part] == nullptr) return nullptr;
  }
  return Grow(node);
}

}  // namespace ingle::jinja
