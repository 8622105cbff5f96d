#include "gateway/journal.h"

namespace ingle {

bool Journal::Add(JournalEntry entry) {
  std::string id = entry.request.id;
  return entries_.try_emplace(std::move(id), std::move(entry)).second;
}

JournalEntry* Journal::Find(const std::string& id) {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

void Journal::Remove(const std::string& id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  tokens_held_ -= found->second.tokens.size();
  entries_.erase(found);
}

void Journal::AppendTokens(JournalEntry& entry, const std::vector<SampledToken>& tokens) {
  entry.tokens_emitted += static_cast<uint32_t>(tokens.size());
  if (!entry.replayable) return;
  if (tokens_held_ + tokens.size() > kMaxTokens) {
    entry.replayable = false;
    tokens_held_ -= entry.tokens.size();
    entry.tokens = {};
    return;
  }
  tokens_held_ += tokens.size();
  for (const SampledToken& token : tokens) entry.tokens.push_back(token.token);
}

std::vector<JournalEntry> Journal::TakeAll() {
  std::vector<JournalEntry> all;
  all.reserve(entries_.size());
  for (auto& [id, entry] : entries_) all.push_back(std::move(entry));
  entries_.clear();
  tokens_held_ = 0;
  return all;
}

}  // namespace ingle
