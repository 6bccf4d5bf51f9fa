// StepBook: the steps of one build, whoever tells of them, turned into events: each begins, is done
// or fails once, whatever an engine repeats. Owned by one build and its thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/container/build/build_events.h"

namespace casemate::container {

inline constexpr std::size_t kMaxBuildSteps = 10'000;

class StepBook {
 public:
  // Logs beyond `max_log_bytes` are counted and not told.
  StepBook(const BuildSink& sink, std::size_t max_log_bytes)
      : sink_(sink), log_bytes_left_(max_log_bytes) {}

  // A step that became known; its name is made visible here. Returns its index; 0: there are too
  // many, and nothing is told of this one.
  int Add(BuildStep step);
  // Of index 0 nothing is told.
  void Begin(int index);
  void Cached(int index);
  void Progress(int index, std::string_view what, std::int64_t current, std::int64_t total);
  void Log(int index, StdStream stream, std::string_view bytes);
  // `duration_ms`: nullopt for the time since Begin.
  void Done(int index, std::optional<std::int64_t> duration_ms = std::nullopt);
  void Fail(int index, std::string_view error,
            std::optional<std::int64_t> duration_ms = std::nullopt);
  void Note(std::string_view text);

  // The step that made the build fail, or was under way when it did; `error` is what the engine
  // said at last.
  void FillResult(bool succeeded, BuildResult& result) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  enum class State : std::uint8_t { kKnown, kRunning, kCached, kDone, kFailed };
  struct Entry {
    BuildStep step;
    State state = State::kKnown;
    bool was_cancelled = false;  // because another one failed
    std::int64_t begun_ns = 0;
    std::string tail;
  };
  Entry* At(int index);
  [[nodiscard]] const Entry* FailingEntry() const;
  void Tell(BuildEventKind kind, const Entry& entry, std::string_view text,
            std::int64_t duration_ms = 0);
  static std::int64_t DurationOf(const Entry& entry, std::optional<std::int64_t> told_ms);

  const BuildSink& sink_;
  std::deque<Entry> entries_;
  std::size_t log_bytes_left_;
  std::size_t log_bytes_dropped_ = 0;
};

// What an engine says, made visible and cut at `max_bytes`.
std::string ShownWords(std::string_view words, std::size_t max_bytes, bool keep_newlines);

}  // namespace casemate::container
