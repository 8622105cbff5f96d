#include "text/regex_program.h"

#include <optional>
#include <string>
#include <utility>

namespace ingle {
namespace {

constexpr size_t kMaxInstructions = 20'000;

class Compiler {
 public:
  explicit Compiler(RegexTree tree) : tree_(std::move(tree)) {}

  Result<RegexProgram> Run() {
    Emit(tree_.root);
    Push(Op::kAccept);
    if (too_long_) {
      return Fail(ErrorCode::kUnsupported,
                  "a regular expression takes more than " + std::to_string(kMaxInstructions) +
                      " steps once its counted repeats are written out",
                  "tokenizer.json", "unsupported_tokenizer");
    }
    for (RegexInstruction& step : program_.code) {
      if (step.op == Op::kSplit || step.op == Op::kLoop) step.memo = program_.memos++;
    }
    program_.first = FirstSet(First(tree_.root));
    program_.sets = std::move(tree_.sets);
    for (CodePointSet& set : program_.sets) {
      const auto& ranges = set.ranges();
      if (ranges.size() != 1 || ranges[0].first != ranges[0].second) set.Freeze();
    }
    return std::move(program_);
  }

 private:
  using Op = RegexInstruction::Op;
  using Node = RegexNode;

  uint32_t Here() const { return static_cast<uint32_t>(program_.code.size()); }
  uint32_t Push(Op op) {
    if (program_.code.size() >= kMaxInstructions) {
      too_long_ = true;
      return 0;
    }
    program_.code.emplace_back().op = op;
    return Here() - 1;
  }
  RegexInstruction& At(uint32_t index) { return program_.code[index]; }

  // The characters that a match of the node can begin with; nullopt when it may be empty.
  std::optional<CodePointSet> First(uint32_t index) const {
    const Node& node = tree_[index];
    switch (node.kind) {
      case Node::kSet: return tree_.sets[node.set];
      case Node::kSequence:
        for (uint32_t child : node.children) {
          const Node::Kind kind = tree_[child].kind;
          if (kind == Node::kAssertion || kind == Node::kLookAhead || kind == Node::kLookBehind)
            continue;  // They only narrow what follows.
          return FirstOfRest(node, child);
        }
        return std::nullopt;
      case Node::kAlternatives: {
        CodePointSet all;
        for (uint32_t child : node.children) {
          const auto first = First(child);
          if (!first) return std::nullopt;
          all.Add(*first);
        }
        return all;
      }
      case Node::kRepeat: return node.min == 0 ? std::nullopt : First(node.children[0]);
      case Node::kAtomic: return First(node.children[0]);
      default: return std::nullopt;
    }
  }
  // A sequence from `from` on: optional parts add theirs and the next decides.
  std::optional<CodePointSet> FirstOfRest(const Node& sequence, uint32_t from) const {
    CodePointSet all;
    bool begun = false;
    for (uint32_t child : sequence.children) {
      begun = begun || child == from;
      if (!begun) continue;
      if (const auto first = First(child)) {
        all.Add(*first);
        return all;
      }
      const Node& node = tree_[child];
      if (node.kind != Node::kRepeat) return std::nullopt;
      const auto optional = First(node.children[0]);
      if (!optional) return std::nullopt;
      all.Add(*optional);
    }
    return std::nullopt;
  }
  uint32_t FirstSet(const std::optional<CodePointSet>& first) {
    if (!first) return RegexInstruction::kNoSet;
    for (uint32_t i = 0; i < tree_.sets.size(); ++i) {
      if (tree_.sets[i].ranges() == first->ranges() && !IsSingle(i)) return i;
    }
    if (first_sets_ >= kMaxFirstSets) return RegexInstruction::kNoSet;
    ++first_sets_;
    CodePointSet set = *first;
    if (set.ranges().size() == 1 && set.ranges()[0].first == set.ranges()[0].second)
      return RegexInstruction::kNoSet;  // A single character is as quickly tried.
    tree_.sets.push_back(std::move(set));
    return static_cast<uint32_t>(tree_.sets.size() - 1);
  }
  bool IsSingle(uint32_t set) const {
    const auto& ranges = tree_.sets[set].ranges();
    return ranges.size() == 1 && ranges[0].first == ranges[0].second;
  }

  void Emit(uint32_t index);
  void EmitAlternatives(const Node& node);
  void EmitRepeat(const Node& node);
  void EmitOptional(uint32_t child, bool lazy, uint32_t times);
  void EmitUnbounded(uint32_t child, bool lazy);
  void EmitSub(Op op, const Node& node);

  static constexpr int kMaxFirstSets = 64;
  RegexTree tree_;
  RegexProgram program_;
  int first_sets_ = 0;
  bool too_long_ = false;
};

void Compiler::Emit(uint32_t index) {
  if (too_long_) return;
  const Node node = tree_[index];
  switch (node.kind) {
    case Node::kEmpty: return;
    case Node::kSet: {
      const bool single = IsSingle(node.set);
      const uint32_t at = Push(single ? Op::kCharacter : Op::kSet);
      if (too_long_) return;
      if (single) {
        At(at).value = tree_.sets[node.set].ranges()[0].first;
      } else {
        At(at).set = node.set;
      }
      return;
    }
    case Node::kSequence:
      for (uint32_t child : node.children) Emit(child);
      return;
    case Node::kAlternatives: return EmitAlternatives(node);
    case Node::kRepeat: return EmitRepeat(node);
    case Node::kAtomic: return EmitSub(Op::kAtomic, node);
    case Node::kLookAhead:
    case Node::kLookBehind: return EmitSub(Op::kLook, node);
    case Node::kAssertion: {
      const uint32_t at = Push(Op::kAssert);
      if (!too_long_) At(at).assertion = node.assertion;
      return;
    }
  }
}

void Compiler::EmitAlternatives(const Node& node) {
  std::vector<uint32_t> jumps;
  for (size_t i = 0; i < node.children.size() && !too_long_; ++i) {
    const bool last = i + 1 == node.children.size();
    const uint32_t split = last ? 0 : Push(Op::kSplit);
    Emit(node.children[i]);
    if (last) break;
    jumps.push_back(Push(Op::kJump));
    if (too_long_) return;
    At(split).next_first = FirstSet(First(node.children[i]));
    At(split).target = Here();
  }
  for (uint32_t jump : jumps) At(jump).target = Here();
}

void Compiler::EmitRepeat(const Node& node) {
  const uint32_t child = node.children[0];
  if (node.possessive) {  // X*+ is (?>X*).
    Node plain = node;
    plain.possessive = false;
    if (tree_[child].kind != Node::kSet || node.lazy) {
      const uint32_t atomic = Push(Op::kAtomic);
      EmitRepeat(plain);
      Push(Op::kAccept);
      if (!too_long_) At(atomic).target = Here();
      return;
    }
  }
  if (tree_[child].kind == Node::kSet && !node.lazy) {
    const uint32_t loop = Push(Op::kLoop);
    if (too_long_) return;
    if (IsSingle(tree_[child].set)) tree_.sets[tree_[child].set].Freeze();
    At(loop).set = tree_[child].set;
    At(loop).value = node.min;
    At(loop).limit = node.max;
    At(loop).possessive = node.possessive;
    return;
  }
  for (uint32_t i = 0; i < node.min && !too_long_; ++i) Emit(child);
  if (node.max == Node::kUnbounded) {
    EmitUnbounded(child, node.lazy);
  } else {
    EmitOptional(child, node.lazy, node.max - node.min);
  }
}

// Greedy: L: split out; X; jump L. Lazy: L: split to X's way; jump out; X; jump L.
void Compiler::EmitUnbounded(uint32_t child, bool lazy) {
  const uint32_t split = Push(Op::kSplit);
  const uint32_t out = lazy ? Push(Op::kJump) : 0;
  const uint32_t body = Here();
  Emit(child);
  const uint32_t back = Push(Op::kJump);
  if (too_long_) return;
  At(back).target = split;
  At(split).target = lazy ? body : Here();
  (lazy ? At(split).target_first : At(split).next_first) = FirstSet(First(child));
  if (lazy) At(out).target = Here();
}

void Compiler::EmitOptional(uint32_t child, bool lazy, uint32_t times) {
  std::vector<uint32_t> outs;
  for (uint32_t i = 0; i < times && !too_long_; ++i) {
    const uint32_t split = Push(Op::kSplit);
    if (too_long_) return;
    if (lazy) {
      outs.push_back(Push(Op::kJump));
      if (too_long_) return;
      At(split).target = Here();
      At(split).target_first = FirstSet(First(child));
    } else {
      outs.push_back(split);
      At(split).next_first = FirstSet(First(child));
    }
    Emit(child);
  }
  if (too_long_) return;
  for (uint32_t out : outs) At(out).target = Here();
}

void Compiler::EmitSub(Op op, const Node& node) {
  const uint32_t at = Push(op);
  if (too_long_) return;
  At(at).negative = node.negative;
  At(at).behind = node.kind == Node::kLookBehind;
  const auto [shortest, longest] = tree_.Length(node.children[0]);
  At(at).min_length = shortest;
  At(at).max_length = longest;
  Emit(node.children[0]);
  Push(Op::kAccept);
  if (!too_long_) At(at).target = Here();
}

}  // namespace

Result<RegexProgram> CompileRegex(RegexTree tree) { return Compiler(std::move(tree)).Run(); }

}  // namespace ingle
