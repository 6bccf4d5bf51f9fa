#include "policies/history/history.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "policies/engine/history_facts.h"
#include "policies/engine/policy_engine.h"

namespace casemate::policies {

namespace {

constexpr std::int64_t kLongestMs = kHistoryWindows.back().ms;

// Lengths first, so that no two different pairs make one key and none begins like another.
std::string KeyOf(const Principal& principal) {
  return std::to_string(principal.tenant.size()) + ":" + std::to_string(principal.id.size()) + ":" +
         principal.tenant + principal.id;
}

}  // namespace

nlohmann::json History::Facts(const Principal& principal, const std::string& session,
                              std::int64_t now_ms) const {
  nlohmann::json facts = NoHistory();
  const std::string key = KeyOf(principal);
  const std::lock_guard lock(mutex_);
  if (const auto calls = calls_.find(key); calls != calls_.end()) {
    for (const HistoryWindow& window : kHistoryWindows) {
      const auto first = std::ranges::upper_bound(calls->second, now_ms - window.ms);
      facts["calls"][std::string(window.name)] = calls->second.end() - first;
    }
  }
  if (const auto found = subjects_.find(key + session); found != subjects_.end()) {
    for (const auto& [mark, count] : found->second.marks) {
      facts[mark] = count;
    }
    facts["egress_hosts"] = found->second.hosts;
  }
  return facts;
}

void History::NoteCall(const Principal& principal, const std::string& session,
                       std::span<const std::string> marks, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  Times& calls = calls_[KeyOf(principal)];
  while (!calls.empty() && (calls.front() <= now_ms - kLongestMs || calls.size() >= kMaxCalls)) {
    calls.pop_front();
  }
  calls.push_back(calls.empty() ? now_ms : std::max(now_ms, calls.back()));
  for (const std::string& mark : marks) {
    if (std::ranges::find(kHistoryMarks, mark) != kHistoryMarks.end()) {
      ++At(principal, session).marks[mark];
    }
  }
}

void History::NoteMark(const Principal& principal, const std::string& session,
                       const std::string& mark) {
  const std::lock_guard lock(mutex_);
  ++At(principal, session).marks[mark];
}

void History::NoteEgress(const Principal& principal, const std::string& session,
                         const std::string& host) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string>& hosts = At(principal, session).hosts;
  const std::string& noted = hosts.size() < kMaxHosts ? host : std::string("…");
  const auto place = std::ranges::lower_bound(hosts, noted);
  if (place == hosts.end() || *place != noted) {
    hosts.insert(place, noted);
  }
}

History::Subject& History::At(const Principal& principal, const std::string& session) {
  const std::string owner = KeyOf(principal);
  const std::string key = owner + session;
  const auto [found, is_new] = subjects_.try_emplace(key);
  Subject& subject = found->second;
  if (!is_new) {
    silence_.splice(silence_.end(), silence_, subject.place);
    return subject;
  }
  subject.place = silence_.insert(silence_.end(), key);
  std::size_t own = 0;
  for (auto at = subjects_.lower_bound(owner);
       at != subjects_.end() && at->first.starts_with(owner); ++at) {
    ++own;
  }
  if (own > kMaxSessionsEach) {
    Forget(owner);
  } else if (subjects_.size() > kMaxSubjects) {
    Forget("");
  }
  return subject;
}

void History::Forget(const std::string& beginning) {
  // The newest is not asked: it has only just come.
  const auto last = std::prev(silence_.end());
  const auto is_its = [&](const std::string& key) { return key.starts_with(beginning); };
  auto victim = std::find_if(silence_.begin(), last, [&](const std::string& key) {
    return is_its(key) && subjects_.at(key).marks.empty();
  });
  if (victim == last) {
    victim = std::find_if(silence_.begin(), last, is_its);
  }
  if (victim != last) {
    subjects_.erase(*victim);
    silence_.erase(victim);
  }
}

}  // namespace casemate::policies
