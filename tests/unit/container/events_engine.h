// An engine that tells events as Docker does: those from `since` to `until`, and, without `until`,
// what happens from then on; and that goes away and comes back. Test-only; thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "tests/unit/container/fake_engine.h"

namespace casemate::container::test {

class EventsEngine {
 public:
  // `answer` to what is not about events: the whole answer to a request for a target.
  explicit EventsEngine(std::function<std::string(const std::string& target)> answer = {})
      : answer_(std::move(answer)), fake_([this](auto& peer, int) { Serve(peer); }, 64) {}

  // Something happens at `time_ns`, or now.
  void Happens(const std::string& action, const std::string& id, std::int64_t time_ns = 0,
               const std::string& type = "container") {
    const std::int64_t time = time_ns == 0 ? WallClockMs() * 1'000'000 + count_ : time_ns;
    Say(time, R"({"Type":")" + type + R"(","Action":")" + action + R"(","Actor":{"ID":")" + id +
                  R"(","Attributes":{"name":"web","image":"debian"}},"timeNano":)" +
                  std::to_string(time) + "}\n");
  }
  void Say(std::int64_t time_ns, std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(time_ns, std::move(line));
    ++count_;
  }
  // What it remembers is gone, as after it was started again.
  void Forget() {
    const std::lock_guard lock(mutex_);
    lines_.clear();
  }
  // All its connections end.
  void GoAway() {
    const std::lock_guard lock(mutex_);
    is_away_ = true;
    ++absences_;
  }
  void ComeBack() { is_away_ = false; }
  // Takes requests and says nothing.
  void Hang() { is_hung_ = true; }
  // The targets of all requests for events.
  [[nodiscard]] std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  [[nodiscard]] int connections() const { return fake_.connections(); }
  [[nodiscard]] std::string socket() const { return fake_.socket(); }

 private:
  static std::string Chunk(const std::string& bytes) {
    char size[32];
    snprintf(size, sizeof(size), "%zx\r\n", bytes.size());
    return size + bytes + "\r\n";
  }
  // "12.000000034" behind `name=`; 0: it is not there.
  static std::int64_t TimeIn(const std::string& target, const std::string& name) {
    const std::size_t at = target.find(name + "=");
    if (at == std::string::npos) {
      return 0;
    }
    const std::string text = target.substr(at + name.size() + 1);
    const std::size_t point = text.find('.');
    return std::stoll(text) * 1'000'000'000 +
           (point == std::string::npos ? 0 : std::stoll(text.substr(point + 1, 9)));
  }
  void Serve(FakeEngine::Peer& peer) {
    std::string request;
    while (!is_away_ && !(request = peer.Request()).empty()) {
      const std::string target = request.substr(4, request.find(' ', 4) - 4);
      if (is_hung_) {
        peer.Hold();
        return;
      }
      if (is_away_) {
        return;
      }
      if (target == "/version" || target == "/info") {
        peer.Send(Ok(R"({"Components":[{"Name":"Engine"}],"Version":"20.10.24",)"
                     R"("ApiVersion":"1.41"})"));
      } else if (target == "/_ping" || !target.starts_with("/v1.41/events")) {
        peer.Send(target == "/_ping" || !answer_ ? Ok("OK") : answer_(target));
      } else if (!Tell(peer, target)) {
        return;
      }
    }
  }
  bool Tell(FakeEngine::Peer& peer, const std::string& target) {
    const std::int64_t since = TimeIn(target, "since");
    const std::int64_t until = TimeIn(target, "until");
    int absences = 0;
    {
      const std::lock_guard lock(mutex_);
      asked_.push_back(target);
      absences = absences_;
    }
    peer.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (std::size_t at = 0;;) {
      std::string due;
      {
        const std::lock_guard lock(mutex_);
        if (absences != absences_) {
          return false;
        }
        for (at = std::min(at, lines_.size()); at < lines_.size(); ++at) {
          const auto& [time, line] = lines_[at];
          due += time >= since && (until == 0 || time <= until) ? Chunk(line) : "";
        }
      }
      if (!due.empty() && !peer.Send(due)) {
        return false;
      }
      if (until != 0) {
        return peer.Send("0\r\n\r\n");
      }
      if (!peer.Pause(1)) {
        return false;
      }
    }
  }

  const std::function<std::string(const std::string& target)> answer_;
  std::mutex mutex_;
  std::vector<std::pair<std::int64_t, std::string>> lines_;  // guarded by mutex_
  std::vector<std::string> asked_;                           // likewise
  int absences_ = 0;                                         // likewise
  std::atomic<std::int64_t> count_ = 0;
  std::atomic<bool> is_away_ = false;
  std::atomic<bool> is_hung_ = false;
  FakeEngine fake_;  // last: its threads use all of the above
};

}  // namespace casemate::container::test
