// The progress of a build as BuildKit tells it: `moby.buildkit.trace`, a StatusResponse of
// moby/buildkit's api/services/control/control.proto. Bounded: a message that holds too much is an
// error, texts are cut. Fields that we do not know are passed over. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::container {

inline constexpr std::size_t kMaxTraceBytes = std::size_t{8} << 20;  // of one message, decoded
inline constexpr std::size_t kMaxTraceItems = 20'000;                // in one message
inline constexpr std::size_t kMaxTraceTextBytes = 4096;  // of a name, a digest or an error

// One step of the build. It is told again whenever something about it has changed.
struct TraceVertex {
  std::string digest;  // what it is known by
  std::vector<std::string> inputs;
  std::string name;  // "[2/3] RUN make"
  bool cached = false;
  std::optional<std::int64_t> started_ns;  // Unix time
  std::optional<std::int64_t> completed_ns;
  std::string error;
};

// How far a part of a step is: a layer that is fetched, a file that is sent.
struct TraceStatus {
  std::string id;
  std::string vertex;
  std::int64_t current = 0;
  std::int64_t total = 0;  // 0: not known
  bool completed = false;
};

struct TraceLog {
  std::string vertex;
  int stream = 0;    // 1 stdout, 2 stderr
  std::string text;  // the bytes of the command, not checked
};

struct TraceWarning {
  std::string vertex;
  std::string text;
  std::string url;
};

struct BuildTrace {
  std::vector<TraceVertex> vertexes;
  std::vector<TraceStatus> statuses;
  std::vector<TraceLog> logs;
  std::vector<TraceWarning> warnings;
};

// Errors: kInvalidArgument for what is no such message, kResourceExhausted beyond a bound.
Result<BuildTrace> DecodeBuildTrace(std::string_view message);
// The form in which engines send it.
Result<BuildTrace> DecodeBuildTraceBase64(std::string_view text);

}  // namespace casemate::container
