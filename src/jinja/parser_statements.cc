#include <algorithm>

#include "jinja/builtins.h"
#include "jinja/limits.h"
#include "jinja/parser.h"

namespace ingle::jinja {

Result<Syntax> Parse(std::string_view source) {
  INGLE_TRY(auto tokens, Tokenize(source));
  return Parser(std::move(tokens)).Run();
}

Result<Syntax> Parser::Run() {
  if (!Statements(syntax_.body, {})) return std::unexpected(std::move(*error_));
  INGLE_RETURN_IF_ERROR(CheckSyntax(syntax_));
  FindHidden(syntax_);
  return std::move(syntax_);
}

bool Parser::FailAt(int line, const std::string& what, std::string id) {
  if (!error_) {
    error_ = SyntaxFailure(line, what).error();
    if (!id.empty()) error_->id = std::move(id);
  }
  return false;
}

Node* Parser::Fail(const std::string& what) {
  FailAt(Peek().line, what);
  return nullptr;
}

std::string Parser::Describe() const {
  switch (Peek().type) {
    case TokenType::kEnd: return "the end of the template";
    case TokenType::kVariableEnd: return "'}}'";
    case TokenType::kBlockEnd: return "'%}'";
    case TokenType::kNumber: return "a number";
    case TokenType::kString: return "a text";
    default: return "'" + Peek().text.substr(0, 40) + "'";
  }
}

Node* Parser::New(NodeType type, int line) {
  if (syntax_.nodes.size() >= kMaxNodes) return Fail("the template is too large");
  Node& node = syntax_.nodes.emplace_back();
  node.type = type;
  node.line = line;
  return &node;
}

Node* Parser::Grow(Node* node) {
  int height = 0;
  ForEachChild(*node, [&](const Node& child) { height = std::max(height, child.height); });
  node->height = height + 1;
  if (node->height <= kMaxExpressionDepth) return node;
  FailAt(node->line,
         "an expression has more than " + std::to_string(kMaxExpressionDepth) + " nested parts",
         "template_too_deep");
  return nullptr;
}

bool Parser::TakeName(std::string_view name) {
  if (!AtName(name)) return false;
  Next();
  return true;
}

bool Parser::TakeOperator(std::string_view op) {
  if (!AtOperator(op)) return false;
  Next();
  return true;
}

bool Parser::ExpectOperator(std::string_view op) {
  if (TakeOperator(op)) return true;
  return Fail("expected '" + std::string(op) + "', got " + Describe()) != nullptr;
}

bool Parser::ExpectName(std::string& name) {
  if (Peek().type != TokenType::kName) return Fail("expected a name, got " + Describe()) != nullptr;
  name = Peek().text;
  Next();
  return true;
}

bool Parser::Expect(TokenType type) {
  if (Peek().type != type)
    return Fail(std::string("expected '") + (type == TokenType::kBlockEnd ? "%}" : "}}") +
                "', got " + Describe()) != nullptr;
  Next();
  return true;
}

// Up to one of end_tags, which stays the current token; without end_tags up to the end.
bool Parser::Statements(std::vector<Node*>& body, EndTags end_tags) {
  Node* output = nullptr;
  while (Peek().type != TokenType::kEnd) {
    TokenType type = Peek().type;
    if (type == TokenType::kBlockBegin) {
      output = nullptr;
      Next();
      if (std::any_of(end_tags.begin(), end_tags.end(),
                      [&](std::string_view tag) { return AtName(tag); }))
        return true;
      Node* statement = Statement();
      if (statement == nullptr || !Expect(TokenType::kBlockEnd)) return false;
      body.push_back(statement);
      continue;
    }
    if (output == nullptr) {
      output = New(NodeType::kOutput, Peek().line);
      if (output == nullptr) return false;
      body.push_back(output);
    }
    Node* part = nullptr;
    if (type == TokenType::kData) {
      part = New(NodeType::kConstant, Peek().line);
      if (part == nullptr) return false;
      part->constant = ConstantString(Peek().text);
      part->text = "data";
      Next();
    } else {
      Next();
      part = Tuple(true);
      if (part == nullptr || !Expect(TokenType::kVariableEnd)) return false;
    }
    output->list.push_back(part);
  }
  if (end_tags.size() == 0) return true;
  std::string wanted;
  for (std::string_view tag : end_tags) wanted += (wanted.empty() ? "" : " or ") + std::string(tag);
  return Fail("the template ends where " + wanted + " is expected") != nullptr;
}

// The rest of an opening tag, then statements up to one of end_tags.
bool Parser::Body(std::vector<Node*>& body, EndTags end_tags) {
  TakeOperator(":");
  if (!Expect(TokenType::kBlockEnd)) return false;
  if (++statements_ > kMaxStatementDepth)
    return FailAt(Peek().line,
                  "blocks are nested deeper than " + std::to_string(kMaxStatementDepth) + " levels",
                  "template_too_deep");
  bool fine = Statements(body, end_tags);
  statements_--;
  return fine;
}

Node* Parser::Statement() {
  struct Tag {
    std::string_view name;
    Node* (Parser::*parse)();
  };
  static constexpr Tag kTags[] = {
      {"for", &Parser::For},
      {"if", &Parser::If},
      {"set", &Parser::Set},
      {"macro", &Parser::Macro},
      {"call", &Parser::CallBlock},
      {"filter", &Parser::FilterBlock},
      {"with", &Parser::With},
      {"block", &Parser::Block},
      {"autoescape", &Parser::Autoescape},
      {"print", &Parser::Print},
      {"include", &Parser::NoLoader},
      {"import", &Parser::NoLoader},
      {"from", &Parser::NoLoader},
      {"extends", &Parser::NoLoader},
      {"generation", &Parser::Generation},
  };
  if (Peek().type != TokenType::kName) return Fail("expected the name of a tag, got " + Describe());
  for (const Tag& tag : kTags)
    if (AtName(tag.name)) return (this->*tag.parse)();
  if (AtName("break") || AtName("continue")) {
    Node* node = New(AtName("break") ? NodeType::kBreak : NodeType::kContinue, Peek().line);
    Next();
    return node;
  }
  return Fail("unknown tag " + Describe());
}

bool Parser::CanAssign(const Node& node) {
  if (node.type == NodeType::kName || node.type == NodeType::kNamespaceAttribute) return true;
  if (node.type == NodeType::kTuple)
    return std::all_of(node.list.begin(), node.list.end(),
                       [&](Node* item) { return CanAssign(*item); });
  return FailAt(node.line, "this cannot be assigned to");
}

Node* Parser::AssignTarget(bool with_namespace, std::string_view end_rule) {
  std::vector<Node*> items;
  bool is_tuple = false;
  int line = Peek().line;
  while (true) {
    if (!items.empty() && !ExpectOperator(",")) return nullptr;
    if (Peek().type == TokenType::kBlockEnd || AtOperator(")") ||
        (!end_rule.empty() && AtName(end_rule)))
      break;
    Node* item = Primary(with_namespace);
    if (item == nullptr) return nullptr;
    items.push_back(item);
    if (!AtOperator(",")) break;
    is_tuple = true;
  }
  if (items.empty()) return Fail("expected a name to assign to, got " + Describe());
  Node* target = items[0];
  if (is_tuple) {
    target = New(NodeType::kTuple, line);
    if (target == nullptr) return nullptr;
    target->list = std::move(items);
    if (Grow(target) == nullptr) return nullptr;
  }
  return CanAssign(*target) ? target : nullptr;
}

Node* Parser::For() {
  Node* node = New(NodeType::kFor, Peek().line);
  if (node == nullptr) return nullptr;
  Next();
  node->a = AssignTarget(false, "in");
  if (node->a == nullptr) return nullptr;
  if (!TakeName("in")) return Fail("expected 'in', got " + Describe());
  node->b = Tuple(false, "recursive");
  if (node->b == nullptr) return nullptr;
  if (TakeName("if") && (node->c = Expression()) == nullptr) return nullptr;
  node->recursive = TakeName("recursive");
  if (!Body(node->body, {"endfor", "else"})) return nullptr;
  bool otherwise = AtName("else");
  Next();
  if (otherwise) {
    if (!Body(node->other, {"endfor"})) return nullptr;
    Next();
  }
  return node;
}

Node* Parser::If() {
  Node* first = nullptr;
  std::vector<Node*>* place = nullptr;  // Where an elif goes: the `other` of the branch before.
  while (true) {
    Node* node = New(NodeType::kIf, Peek().line);
    if (node == nullptr) return nullptr;
    if (first == nullptr) first = node;
    if (place != nullptr) place->push_back(node);
    Next();
    node->a = Tuple(false);
    if (node->a == nullptr || !Body(node->body, {"elif", "else", "endif"})) return nullptr;
    if (AtName("elif")) {
      place = &first->other;  // All branches in one list: long chains do not nest.
      continue;
    }
    bool otherwise = AtName("else");
    Next();
    if (!otherwise) return first;
    Node* rest = New(NodeType::kScope, Peek().line);
    if (rest == nullptr) return nullptr;
    rest->type = NodeType::kIf;  // Without a test: else.
    first->other.push_back(rest);
    if (!Body(rest->body, {"endif"})) return nullptr;
    Next();
    return first;
  }
}

Node* Parser::Set() {
  Node* node = New(NodeType::kSet, Peek().line);
  if (node == nullptr) return nullptr;
  Next();
  node->a = AssignTarget(true, {});
  if (node->a == nullptr) return nullptr;
  if (TakeOperator("=")) {
    node->b = Tuple(true);
    return node->b == nullptr ? nullptr : node;
  }
  node->type = NodeType::kSetBlock;
  node->b = Filter(nullptr, false);
  if (error_ || !Body(node->body, {"endset"})) return nullptr;
  Next();
  return node;
}

Node* Parser::FilterBlock() {
  Node* node = New(NodeType::kFilterBlock, Peek().line);
  if (node == nullptr) return nullptr;
  Next();
  node->a = Filter(nullptr, true);
  if (node->a == nullptr || !Body(node->body, {"endfilter"})) return nullptr;
  Next();
  return node;
}

Node* Parser::With() {
  Node* node = New(NodeType::kWith, Peek().line);
  if (node == nullptr) return nullptr;
  Next();
  while (Peek().type != TokenType::kBlockEnd) {
    if (!node->list.empty() && !ExpectOperator(",")) return nullptr;
    Node* target = Primary(false);  // A single target: the comma separates assignments.
    if (target == nullptr || !CanAssign(*target) || !ExpectOperator("=")) return nullptr;
    Node* value = Expression();
    if (value == nullptr) return nullptr;
    node->list.push_back(target);
    node->list.push_back(value);
  }
  if (!Body(node->body, {"endwith"})) return nullptr;
  Next();
  return node;
}

Node* Parser::Block() {
  Node* node = New(NodeType::kBlock, Peek().line);
  if (node == nullptr) return nullptr;
  Next();
  if (!ExpectName(node->text)) return nullptr;
  TakeName("scoped");
  if (TakeName("required"))
    return Fail("required blocks need template inheritance, which is not supported");
  if (!Body(node->body, {"endblock"})) return nullptr;
  Next();
  TakeName(node->text);
  return node;
}

Node* Parser::Autoescape() {
  Node* node = New(NodeType::kAutoescape, Peek().line);
  if (node == nullptr) return nullptr;
  Next();
  node->a = Expression();
  if (node->a == nullptr || !Body(node->body, {"endautoescape"})) return nullptr;
  Next();
  return node;
}

Node* Parser::Print() {
  Node* node = New(NodeType::kOutput, Peek().line);
  if (node == nullptr) return nullptr;
  Next();
  while (Peek().type != TokenType::kBlockEnd) {
    if (!node->list.empty() && !ExpectOperator(",")) return nullptr;
    Node* part = Expression();
    if (part == nullptr) return nullptr;
    node->list.push_back(part);
  }
  return node;
}

Node* Parser::NoLoader() {
  Node* node = New(NodeType::kNoLoader, Peek().line);
  if (node == nullptr) return nullptr;
  node->text = Peek().text;
  while (Peek().type != TokenType::kBlockEnd && Peek().type != TokenType::kEnd) Next();
  return node;
}

Node* Parser::Generation() {
  Node* node = New(NodeType::kScope, Peek().line);
  if (node == nullptr) return nullptr;
  Next();
  node->uses_caller = true;  // Its own function in jinja2: no break or continue leads out of it.
  if (!Body(node->body, {"endgeneration"})) return nullptr;
  Next();
  return node;
}

}  // namespace ingle::jinja
