#include "sandbox/container/build/step_book.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace casemate::container {

namespace {

constexpr std::size_t kMaxNameBytes = 500;
constexpr std::size_t kMaxStageBytes = 100;
constexpr std::size_t kMaxWordsBytes = 4096;
constexpr std::size_t kTailBytes = std::size_t{8} << 10;
constexpr std::int64_t kNsPerMs = 1'000'000;

}  // namespace

std::string ShownWords(std::string_view words, std::size_t max_bytes, bool keep_newlines) {
  const bool cut = words.size() > max_bytes;
  std::string shown = EscapeControls(ToValidUtf8(words.substr(0, max_bytes)), keep_newlines);
  return cut ? shown + "…" : shown;
}

StepBook::Entry* StepBook::At(int index) {
  return index < 1 ? nullptr : &entries_[static_cast<std::size_t>(index) - 1];
}

void StepBook::Tell(BuildEventKind kind, const Entry& entry, std::string_view text,
                    std::int64_t duration_ms) {
  if (sink_) {
    sink_({.kind = kind, .step = &entry.step, .text = text, .duration_ms = duration_ms});
  }
}

std::int64_t StepBook::DurationOf(const Entry& entry, std::optional<std::int64_t> told_ms) {
  if (told_ms.has_value() || entry.begun_ns == 0) {
    return std::max<std::int64_t>(told_ms.value_or(0), 0);
  }
  return (MonotonicNs() - entry.begun_ns) / kNsPerMs;
}

int StepBook::Add(BuildStep step) {
  if (entries_.size() == kMaxBuildSteps) {
    return 0;
  }
  step.index = static_cast<int>(entries_.size()) + 1;
  step.name = ShownWords(step.name, kMaxNameBytes, false);
  step.stage = ShownWords(step.stage, kMaxStageBytes, false);
  Entry& entry = entries_.emplace_back();
  entry.step = std::move(step);
  return entry.step.index;
}

void StepBook::Begin(int index) {
  Entry* entry = At(index);
  if (entry == nullptr || entry->state != State::kKnown) {
    return;
  }
  entry->state = State::kRunning;
  entry->begun_ns = MonotonicNs();
  Tell(BuildEventKind::kStepBegun, *entry, {});
}

void StepBook::Cached(int index) {
  Entry* entry = At(index);
  if (entry == nullptr || (entry->state != State::kKnown && entry->state != State::kRunning)) {
    return;
  }
  entry->state = State::kCached;
  Tell(BuildEventKind::kStepCached, *entry, {});
}

void StepBook::Progress(int index, std::string_view what, std::int64_t current,
                        std::int64_t total) {
  if (const Entry* entry = At(index); entry != nullptr && sink_) {
    const std::string shown = ShownWords(what, kMaxNameBytes, false);
    sink_({.kind = BuildEventKind::kStepProgress,
           .step = &entry->step,
           .text = shown,
           .current = std::max<std::int64_t>(current, 0),
           .total = std::max<std::int64_t>(total, 0)});
  }
}

void StepBook::Log(int index, StdStream stream, std::string_view bytes) {
  Entry* entry = At(index);
  if (entry == nullptr || bytes.empty()) {
    return;
  }
  if (entry->state == State::kKnown || entry->state == State::kRunning) {
    entry->tail += bytes.substr(bytes.size() - std::min(bytes.size(), kTailBytes));
    entry->tail.erase(0, entry->tail.size() - std::min(entry->tail.size(), kTailBytes));
  }
  const std::string_view told = bytes.substr(0, log_bytes_left_);
  log_bytes_left_ -= told.size();
  log_bytes_dropped_ += bytes.size() - told.size();
  if (!told.empty() && sink_) {
    sink_({.kind = BuildEventKind::kStepLog, .step = &entry->step, .text = told, .stream = stream});
  }
}

void StepBook::Done(int index, std::optional<std::int64_t> duration_ms) {
  Entry* entry = At(index);
  if (entry == nullptr || (entry->state != State::kKnown && entry->state != State::kRunning)) {
    return;
  }
  entry->state = State::kDone;
  entry->tail = {};
  Tell(BuildEventKind::kStepDone, *entry, {}, DurationOf(*entry, duration_ms));
}

void StepBook::Fail(int index, std::string_view error, std::optional<std::int64_t> duration_ms) {
  Entry* entry = At(index);
  if (entry == nullptr || entry->state == State::kFailed) {
    return;
  }
  entry->state = State::kFailed;
  entry->was_cancelled = error.find("context canceled") != std::string_view::npos;
  Tell(BuildEventKind::kStepFailed, *entry, ShownWords(error, kMaxWordsBytes, true),
       DurationOf(*entry, duration_ms));
}

void StepBook::Note(std::string_view text) {
  if (sink_ && !text.empty()) {
    const std::string shown = ShownWords(text, kMaxWordsBytes, true);
    sink_({.kind = BuildEventKind::kNote, .text = shown});
  }
}

const StepBook::Entry* StepBook::FailingEntry() const {
  const auto first = [&](auto matches) -> const Entry* {
    const auto found = std::find_if(entries_.begin(), entries_.end(), matches);
    return found == entries_.end() ? nullptr : &*found;
  };
  const Entry* failing = first(
      [](const Entry& entry) { return entry.state == State::kFailed && !entry.was_cancelled; });
  return failing != nullptr
             ? failing
             : first([](const Entry& entry) { return entry.state == State::kFailed; });
}

void StepBook::FillResult(bool succeeded, BuildResult& result) const {
  result.succeeded = succeeded;
  result.log_bytes_dropped = log_bytes_dropped_;
  for (const Entry& entry : entries_) {
    if (entry.step.number > 0 && entry.state != State::kKnown) {
      ++result.steps;
      result.cached_steps += entry.state == State::kCached ? 1 : 0;
    }
  }
  if (const Entry* failing = succeeded ? nullptr : FailingEntry(); failing != nullptr) {
    result.failing_step = failing->step;
    result.log_tail = failing->tail;
  }
}

}  // namespace casemate::container
