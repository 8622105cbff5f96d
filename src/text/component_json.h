#pragma once
// The fields of one component of a tokenizer.json, with messages that name component and field.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "text/regex.h"

namespace ingle {

inline constexpr int kMaxComponentDepth = 16;  // Sequences within sequences.

// What finds the places where text is split or replaced.
struct TextPattern {
  std::string literal;  // Used when there is no regex.
  std::optional<Regex> regex;
  std::string source;  // As the file writes it.

  // Matches of the pattern in `text`, left to right.
  void FindAll(std::string_view text, std::vector<Regex::Range>& matches) const;
};

class Component {
 public:
  // `part` is the part of the file: "normalizer".
  Component(const json::value& value, std::string_view part);

  bool is_object() const { return object_ != nullptr; }
  const std::string& type() const { return type_; }
  const std::string& part() const { return part_; }

  // Without a default, an absent field is an error.
  Result<std::string> String(std::string_view key) const;
  Result<std::string> Character(std::string_view key) const;
  Result<bool> Bool(std::string_view key, std::optional<bool> absent = std::nullopt) const;
  Result<uint64_t> Unsigned(std::string_view key,
                            std::optional<uint64_t> absent = std::nullopt) const;
  Result<TextPattern> Pattern(std::string_view key) const;
  Result<const json::array*> Array(std::string_view key) const;
  const json::value* Find(std::string_view key) const;

  std::unexpected<Error> Wrong(std::string_view key, std::string_view expected) const;
  // The type is not known; `known` lists those that are.
  std::unexpected<Error> Unknown(std::string_view known) const;

 private:
  const json::object* object_ = nullptr;
  std::string part_, type_;
};

// A row of a part's table: the type, what a component of it does, and what reads its fields.
template <class Action, class Settings>
struct ComponentKind {
  std::string_view type;
  Action action;
  Status (*read)(const Component&, Settings&);
};
template <class Settings>
Status ReadNothing(const Component&, Settings&) {
  return {};
}

// The part of the file, and the field in which a Sequence of that part has its components.
struct ComponentPart {
  std::string_view name, list;
};

// One component, or a Sequence of them: `take` gets each in order, with the row of its type.
template <class Kind, size_t kCount, class Take>
Status ReadComponents(const json::value& value, const ComponentPart& part,
                      const Kind (&kinds)[kCount], const Take& take, int depth = 0) {
  const Component component(value, part.name);
  if (component.type() == "Sequence" && depth < kMaxComponentDepth) {
    INGLE_TRY(const json::array* components, component.Array(part.list));
    for (const json::value& each : *components)
      INGLE_RETURN_IF_ERROR(ReadComponents(each, part, kinds, take, depth + 1));
    return {};
  }
  std::string known = "Sequence";
  for (const Kind& kind : kinds) {
    if (kind.type == component.type()) return take(component, kind);
    known.append(", ").append(kind.type);
  }
  return component.Unknown(known);
}

}  // namespace ingle
