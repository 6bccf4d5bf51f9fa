// What a build tells while it runs and when it is over, in one form for all builders. Value types.
// Names, logs and errors are the words of the engine, a Dockerfile and the commands in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/container/engine/stream.h"

namespace casemate::container {

enum class Builder : std::uint8_t { kBuildKit, kLegacy, kPodman };

// An instruction of the Dockerfile, or work of the builder's own.
struct BuildStep {
  int index = 0;      // in the order in which they became known, from 1
  int number = 0;     // of `total` in its stage; 0: it is no instruction
  int total = 0;      // BuildKit does not count what it need not do, such as FROM scratch
  std::string stage;  // empty: there is one, or it has no name
  std::string name;   // "RUN make", made visible and cut at 500 bytes
};

enum class BuildEventKind : std::uint8_t {
  kStepBegun,
  kStepCached,    // what it makes was there already; it does not begin
  kStepProgress,  // `text` says of what, `current` of `total` how far (bytes or parts)
  kStepLog,       // `text` are bytes of the command, as they came
  kStepDone,
  kStepFailed,  // `text` says why
  kNote,        // about the whole build: a warning, a fallback
};

struct BuildEvent {
  BuildEventKind kind = BuildEventKind::kNote;
  const BuildStep* step = nullptr;  // none with kNote; valid for the call
  std::string_view text;
  StdStream stream = StdStream::kStdout;
  std::int64_t current = 0;
  std::int64_t total = 0;        // 0: not known
  std::int64_t duration_ms = 0;  // with kStepDone and kStepFailed
};

// Called by the thread that builds. Must not throw.
using BuildSink = std::function<void(const BuildEvent& event)>;

struct BuildResult {
  bool succeeded = false;
  Builder builder = Builder::kBuildKit;
  std::string image_id;  // "sha256:…"
  int steps = 0;         // instructions that were begun or found in the cache
  int cached_steps = 0;  // of them
  std::int64_t duration_ms = 0;
  std::int64_t context_bytes = 0;          // of the archive that was sent
  std::size_t log_bytes_dropped = 0;       // beyond BuildRequest::max_log_bytes
  std::vector<std::string> unheld_limits;  // that were asked for and that this builder cannot hold
  // Files that .dockerignore excludes and that instructions of this build could copy nevertheless:
  // BuildKit reads its Dockerfile and .dockerignore from where COPY finds them.
  std::vector<std::string> not_ignored;
  // Of a build that failed:
  std::optional<BuildStep> failing_step;
  std::optional<int> exit_code;  // of the command that failed
  std::string error;             // in the words of the engine
  std::string log_tail;          // the last bytes that the failing step wrote
};

}  // namespace casemate::container
