// VertexSteps: BuildKit's graph of vertexes as the steps of a build. Owned by one build.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "sandbox/container/build/buildkit_trace.h"
#include "sandbox/container/build/step_book.h"

namespace casemate::container {

class VertexSteps {
 public:
  explicit VertexSteps(StepBook& book) : book_(book) {}
  void Take(const BuildTrace& trace);

 private:
  int IndexOf(const std::string& digest) const;
  void TakeVertex(const TraceVertex& vertex);

  StepBook& book_;
  std::unordered_map<std::string, int> indexes_;  // by digest
};

// "[builder 2/4] RUN make" taken apart; a name without such a mark is work of the builder's own.
BuildStep StepOfVertexName(std::string_view name);

}  // namespace casemate::container
