#pragma once
// Recursive descent over the tokens of a template. Depth is limited, so hostile nesting cannot use
// up the stack.

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/ast.h"
#include "jinja/lexer.h"

namespace ingle::jinja {

// Every method that returns Node* returns null after an error; the first error is kept.
class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  Result<Syntax> Run();

 private:
  using EndTags = std::initializer_list<std::string_view>;

  // parser_statements.cc
  bool Statements(std::vector<Node*>& body, EndTags end_tags);
  bool Body(std::vector<Node*>& body, EndTags end_tags);
  Node* Statement();
  Node* For();
  Node* If();
  Node* Set();
  Node* Macro();
  Node* CallBlock();
  Node* FilterBlock();
  Node* With();
  Node* Block();
  Node* Autoescape();
  Node* Print();
  Node* NoLoader();
  Node* Generation();
  bool Signature(Node& node);
  Node* AssignTarget(bool with_namespace, std::string_view end_rule);
  bool CanAssign(const Node& node);

  // parser_expressions.cc
  enum class End : uint8_t { kNone, kIn, kRecursive };
  Node* Tuple(bool conditional, std::string_view end_rule = {}, bool parentheses = false);
  Node* Expression(bool conditional = true);
  Node* Binary(int min_level);
  Node* Not(int min_level);
  Node* Combine(int level, Node* left);
  Node* Unary(bool with_filter);
  Node* Primary(bool with_namespace);
  Node* Literal();
  Node* Call(Node* callee);
  Node* Postfix(Node* node);
  Node* FilterOrTest(Node* node);
  Node* Subscript(Node* node);
  Node* SubscriptItem();
  Node* ListOrDict();
  Node* Filter(Node* node, bool inline_start);
  Node* Test(Node* node);
  bool Arguments(Node& call);
  bool Argument(Node& call);
  bool DottedName(std::string& name);
  int BinaryLevel() const;

  // Tokens.
  const Token& Peek(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  bool AtName(std::string_view name, size_t ahead = 0) const {
    return Peek(ahead).type == TokenType::kName && Peek(ahead).text == name;
  }
  bool AtOperator(std::string_view op, size_t ahead = 0) const {
    return Peek(ahead).type == TokenType::kOperator && Peek(ahead).text == op;
  }
  bool TakeName(std::string_view name);
  bool TakeOperator(std::string_view op);
  bool ExpectOperator(std::string_view op);
  bool ExpectName(std::string& name);
  bool Expect(TokenType type);
  void Next() { at_ += at_ + 1 < tokens_.size() ? 1 : 0; }

  Node* New(NodeType type, int line);
  Node* Grow(Node* node);  // Sets the height from the children; null when it is too high.
  Node* Fail(const std::string& what);
  bool FailAt(int line, const std::string& what, std::string id = {});
  std::string Describe() const;

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;       // Of expressions.
  int statements_ = 0;  // Of statements.
  Syntax syntax_;
  std::optional<Error> error_;
};

// Rules that jinja2 checks when it compiles: unknown filters outside of conditions, break outside
// of a loop, ...
Status CheckSyntax(Syntax& syntax);

// What jinja2 computes while it compiles: nothing that depends on the run.
bool IsConstant(const Node& node);

// Fills Node::hidden: which names a scope hides before it sets them.
void FindHidden(Syntax& syntax);

}  // namespace ingle::jinja
