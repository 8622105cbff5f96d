#pragma once
// Reads JSON front to back without building values: a vocabulary of a quarter million tokens takes
// milliseconds. Strict (RFC 8259); the first fault ends it and every later call fails too.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ingle {

class JsonCursor {
 public:
  // `text` must be valid UTF-8 and outlive the cursor and the strings that it gives.
  explicit JsonCursor(std::string_view text) : text_(text) {}

  // What stands next: one of { [ " 0 (a number) t f n, or 0 when there is nothing or a fault.
  char Peek();

  // Objects and arrays: Begin, then Next before every member; Next takes the comma and, at the
  // end, the closing bracket. Between the two the member must be read or skipped.
  bool BeginObject() { return Begin('{'); }
  bool BeginArray() { return Begin('['); }
  bool NextMember(std::string_view& key);  // False at the end, and on a fault.
  bool NextItem();

  // A string; valid until the next string with escapes is read.
  bool String(std::string_view& value);
  bool Number(double& value);
  bool Unsigned(uint64_t& value);
  bool Bool(bool& value);
  bool Null();
  // Any value, as it is written.
  bool Raw(std::string_view& value);
  // Nothing but white space is left.
  bool AtEnd();

  bool failed() const { return failed_; }
  // kCorruptFile with the place.
  std::unexpected<Error> Fault(std::string_view what) const;

 private:
  bool Begin(char open);
  bool Next(char close);
  void SkipSpace();
  bool Wrong();
  bool Escape(std::string& out);
  bool Hex4(uint32_t& value);
  bool Skip(int depth);
  bool Literal(std::string_view word);
  std::string_view NumberText();

  std::string_view text_;
  size_t position_ = 0;
  bool fresh_ = false;  // Right behind an opening bracket.
  bool failed_ = false;
  std::string unescaped_, unescaped_key_;
};

}  // namespace ingle
