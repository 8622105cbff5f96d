#include "text/trie.h"

#include <algorithm>
#include <array>

namespace ingle {
namespace {

using Entry = std::pair<std::string_view, uint32_t>;

// The byte at `depth` plus 1; 0 when the string ends there.
size_t Key(const Entry& entry, uint32_t depth) {
  return entry.first.size() == depth ? 0 : size_t{1} + static_cast<uint8_t>(entry.first[depth]);
}

// Stable, so that the last of equal strings stays last.
void SortByKey(std::vector<Entry>& entries, std::vector<Entry>& buffer, uint32_t begin,
               uint32_t end, uint32_t depth) {
  const auto first = entries.begin() + begin, last = entries.begin() + end;
  if (end - begin <= 24) {
    for (auto at = first; at != last; ++at) {
      const auto place = std::upper_bound(first, at, *at, [&](const Entry& a, const Entry& b) {
        return Key(a, depth) < Key(b, depth);
      });
      std::rotate(place, at, at + 1);
    }
    return;
  }
  std::array<uint32_t, 258> starts{};
  for (auto at = first; at != last; ++at) ++starts[Key(*at, depth) + 1];
  for (size_t k = 1; k < starts.size(); ++k) starts[k] += starts[k - 1];
  for (auto at = first; at != last; ++at) buffer[starts[Key(*at, depth)]++] = *at;
  std::copy(buffer.begin(), buffer.begin() + (end - begin), first);
}

}  // namespace

uint32_t Trie::Add(uint8_t byte) {
  nodes_.emplace_back();
  bytes_.push_back(byte);
  return static_cast<uint32_t>(nodes_.size() - 1);
}

// The only string of a node is a chain.
void Trie::AddChain(uint32_t node, std::string_view rest, uint32_t value) {
  for (char byte : rest) {
    const uint32_t child = Add(static_cast<uint8_t>(byte));
    nodes_[node].children = child;
    nodes_[node].count = 1;
    if (node == kRoot) root_[static_cast<uint8_t>(byte)] = child;
    node = child;
  }
  nodes_[node].value = value;
}

// Level by level: the entries of a node are sorted by their next byte, each group is a child.
Trie::Trie(std::vector<Entry> entries) : root_(256, kNone) {
  struct Task {  // The strings of a node are entries[begin, end), all equal up to `depth`.
    uint32_t node, begin, end, depth;
  };
  Add(0);
  std::vector<Entry> buffer(entries.size());
  std::vector<Task> tasks = {{kRoot, 0, static_cast<uint32_t>(entries.size()), 0}};
  for (size_t t = 0; t < tasks.size(); ++t) {
    const Task task = tasks[t];
    if (task.end - task.begin == 1) {
      const Entry& entry = entries[task.begin];
      AddChain(task.node, entry.first.substr(task.depth), entry.second);
      continue;
    }
    SortByKey(entries, buffer, task.begin, task.end, task.depth);
    uint32_t at = task.begin;
    while (at < task.end && Key(entries[at], task.depth) == 0)
      nodes_[task.node].value = entries[at++].second;
    nodes_[task.node].children = static_cast<uint32_t>(nodes_.size());
    while (at < task.end) {
      const size_t key = Key(entries[at], task.depth);
      const uint32_t begin = at;
      while (at < task.end && Key(entries[at], task.depth) == key) ++at;
      const uint32_t child = Add(static_cast<uint8_t>(key - 1));
      if (task.node == kRoot) root_[key - 1] = child;
      tasks.push_back({child, begin, at, task.depth + 1});
    }
    nodes_[task.node].count = static_cast<uint32_t>(nodes_.size()) - nodes_[task.node].children;
  }
}

}  // namespace ingle
