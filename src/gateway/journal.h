#pragma once
// What is known of every request in flight: enough to run it again elsewhere from where it was. In
// memory.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "request/event.h"
#include "request/generate_request.h"

namespace ingle {

using EventSink = std::function<void(Event)>;

struct JournalEntry {
  GenerateRequest request;
  std::shared_ptr<EventSink> sink;
  bool submitted = false;  // The worker has it; else it waits for a worker.
  bool accepted = false;
  bool paused = false;          // The worker was asked to make no more tokens for now.
  uint64_t effective_seed = 0;  // Known once accepted, also when the client gave none.
  std::vector<int32_t> tokens;  // Emitted so far.
  uint32_t tokens_emitted = 0;  // tokens.size(), unless the journal's room was used up.
  uint64_t bytes_sent = 0;      // To the client's socket.
  bool replayable = true;       // False once `tokens` is incomplete.
  int64_t wait_until_ms = 0;    // While not submitted.
};

class Journal {
 public:
  static constexpr uint64_t kMaxTokens = 32 << 20;  // 4 bytes each, all requests together.

  // False when the id is already there.
  bool Add(JournalEntry entry);
  JournalEntry* Find(const std::string& id);
  void Remove(const std::string& id);
  void AppendTokens(JournalEntry& entry, const std::vector<SampledToken>& tokens);
  std::vector<JournalEntry> TakeAll();
  std::map<std::string, JournalEntry, std::less<>>& entries() { return entries_; }
  const std::map<std::string, JournalEntry, std::less<>>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }

 private:
  std::map<std::string, JournalEntry, std::less<>> entries_;
  uint64_t tokens_held_ = 0;
};

}  // namespace ingle
