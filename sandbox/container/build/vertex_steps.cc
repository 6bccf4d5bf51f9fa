#include "sandbox/container/build/vertex_steps.h"

#include <charconv>
#include <optional>

namespace casemate::container {

namespace {

constexpr int kMaxNumber = 100'000;
constexpr std::int64_t kNsPerMs = 1'000'000;

std::optional<int> TakeNumber(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 1 || number > kMaxNumber) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

BuildStep StepOfVertexName(std::string_view name) {
  BuildStep step;
  step.name = name;
  const std::size_t close = name.find("] ");
  if (!name.starts_with('[') || close == std::string_view::npos) {
    return step;
  }
  const std::string_view mark = name.substr(1, close - 1);
  const std::size_t space = mark.rfind(' ');
  std::string_view count = space == std::string_view::npos ? mark : mark.substr(space + 1);
  const auto number = TakeNumber(count);
  if (!number || !count.starts_with('/')) {
    return step;
  }
  count.remove_prefix(1);
  const auto total = TakeNumber(count);
  if (!total || !count.empty() || *number > *total) {
    return step;
  }
  step.number = *number;
  step.total = *total;
  step.stage = space == std::string_view::npos ? "" : std::string(mark.substr(0, space));
  step.name = name.substr(close + 2);
  return step;
}

int VertexSteps::IndexOf(const std::string& digest) const {
  const auto found = indexes_.find(digest);
  return found == indexes_.end() ? 0 : found->second;
}

void VertexSteps::TakeVertex(const TraceVertex& vertex) {
  int index = IndexOf(vertex.digest);
  if (index == 0) {
    index = book_.Add(StepOfVertexName(vertex.name));
    if (index == 0) {
      return;
    }
    indexes_.emplace(vertex.digest, index);
  }
  std::optional<std::int64_t> duration_ms;
  if (vertex.started_ns && vertex.completed_ns) {
    duration_ms = (*vertex.completed_ns - *vertex.started_ns) / kNsPerMs;
  }
  if (!vertex.error.empty()) {
    book_.Fail(index, vertex.error, duration_ms);
  } else if (vertex.cached) {
    book_.Cached(index);
  } else if (vertex.started_ns) {
    book_.Begin(index);
    if (vertex.completed_ns) {
      book_.Done(index, duration_ms);
    }
  }
}

void VertexSteps::Take(const BuildTrace& trace) {
  // Logs first: the message that says that a step has failed may bring its last words.
  for (const TraceVertex& vertex : trace.vertexes) {
    if (!vertex.completed_ns) {
      TakeVertex(vertex);
    }
  }
  for (const TraceLog& log : trace.logs) {
    book_.Log(IndexOf(log.vertex), log.stream == 2 ? StdStream::kStderr : StdStream::kStdout,
              log.text);
  }
  for (const TraceVertex& vertex : trace.vertexes) {
    if (vertex.completed_ns) {
      TakeVertex(vertex);
    }
  }
  for (const TraceStatus& status : trace.statuses) {
    book_.Progress(IndexOf(status.vertex), status.id, status.current, status.total);
  }
  for (const TraceWarning& warning : trace.warnings) {
    book_.Note("warning: " + warning.text + (warning.url.empty() ? "" : " (" + warning.url + ")"));
  }
}

}  // namespace casemate::container
