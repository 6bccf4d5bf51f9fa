// The URIs of what is told about containers, taken apart. Pure; thread-safe.
//
//   casemate://containers                                all of them
//   casemate://containers/events?since=SEQ&limit=COUNT   what happened to them
//   casemate://containers/ID/status
//   casemate://containers/ID/logs?tail=LINES
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate::tools {

inline constexpr std::string_view kContainersUri = "casemate://containers";
inline constexpr std::string_view kContainerEventsUri = "casemate://containers/events";

struct ContainerUri {
  enum class Part { kList, kEvents, kStatus, kLogs };
  Part part = Part::kList;
  // Of a container, 12 to 64 hexadecimal digits. Never a name: between the decision on it and the
  // look at it, a name may come to mean another container.
  std::string id;
  bool has_query = false;
  std::optional<std::int64_t> since;  // a sequence number
  std::optional<std::int64_t> limit;  // events, 1 or more
  std::optional<std::int64_t> tail;   // lines, 1 or more
};

bool IsContainerUri(std::string_view uri);
// Errors: kNotFound for "uri".
Result<ContainerUri> ParseContainerUri(std::string_view uri);
// "casemate://containers/ID/status"
std::string UriOfContainer(std::string_view id, std::string_view part);
// "list", "events", "status", "logs"
std::string_view NameOf(ContainerUri::Part part);

}  // namespace casemate::tools
