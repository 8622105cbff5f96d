#include "text/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace ingle {

StopMatcher::StopMatcher(std::vector<std::string> stops) {
  for (std::string& text : stops) {
    Stop stop;
    stop.fallback.assign(text.size(), 0);
    for (size_t i = 1; i < text.size(); ++i) {
      uint32_t length = stop.fallback[i - 1];
      while (length > 0 && text[length] != text[i]) length = stop.fallback[length - 1];
      stop.fallback[i] = text[length] == text[i] ? length + 1 : 0;
    }
    stop.text = std::move(text);
    stops_.push_back(std::move(stop));
  }
}

bool StopMatcher::Stop::Advance(char c) {
  if (text.empty()) return false;
  while (matched > 0 && text[matched] != c) matched = fallback[matched - 1];
  if (text[matched] == c) ++matched;
  return matched == text.size();
}

StopMatcher::Output StopMatcher::Push(std::string_view text) {
  if (reached_) return {{}, reached_};
  held_ += text;
  for (size_t consumed = held_.size() - text.size(); consumed < held_.size();) {
    const char c = held_[consumed++];
    for (size_t i = 0; i < stops_.size(); ++i) {
      if (!stops_[i].Advance(c)) continue;
      if (!reached_ || stops_[i].text.size() > stops_[*reached_].text.size()) reached_ = i;
    }
    if (!reached_) continue;
    held_.resize(consumed - stops_[*reached_].text.size());
    return {std::exchange(held_, {}), reached_};
  }
  size_t keep = 0;
  for (const Stop& stop : stops_) keep = std::max<size_t>(keep, stop.matched);
  Output output;
  output.text = held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return output;
}

std::string StopMatcher::Finish() { return std::exchange(held_, {}); }

}  // namespace ingle
