#include "tools/container_uri.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace casemate::tools {
namespace {

constexpr std::size_t kMinDigits = 12;
constexpr std::size_t kMaxDigits = 64;

Error BadUri(const std::string& expected, std::string_view got) {
  return Error{ErrorCode::kNotFound, "expected " + expected + ", got " + Quoted(got), "uri",
               "read casemate://containers, which has the ids", 0};
}

bool IsId(std::string_view text) {
  return text.size() >= kMinDigits && text.size() <= kMaxDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<std::int64_t> ParseNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = failed == std::errc() && end == text.data() + text.size();
  return is_whole && number >= 0 ? std::optional(number) : std::nullopt;
}

// "since=5&limit=100", in any order, each once.
Result<void> ParseQuery(std::string_view query, ContainerUri& uri) {
  const bool is_events = uri.part == ContainerUri::Part::kEvents;
  const std::string allowed = is_events ? "since=SEQ or limit=COUNT in the query"
                                        : "tail=LINES in the query, and nothing else";
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    std::optional<std::int64_t>* target = nullptr;
    if (is_events && name == "since") {
      target = &uri.since;
    } else if (is_events && name == "limit") {
      target = &uri.limit;
    } else if (uri.part == ContainerUri::Part::kLogs && name == "tail") {
      target = &uri.tail;
    }
    if (target == nullptr || target->has_value()) {
      return BadUri(allowed, pair);
    }
    const std::string_view value = pair.substr(std::min(pair.size(), equals + 1));
    *target = ParseNumber(value);
    if (!target->has_value() || (target != &uri.since && **target == 0)) {
      return BadUri("a number" + std::string(target == &uri.since ? "" : ", 1 or more,") + " as " +
                        std::string(name),
                    value);
    }
  }
  return {};
}

}  // namespace

bool IsContainerUri(std::string_view uri) {
  if (!uri.starts_with(kContainersUri)) {
    return false;
  }
  uri.remove_prefix(kContainersUri.size());
  return uri.empty() || uri.front() == '/' || uri.front() == '?';
}

Result<ContainerUri> ParseContainerUri(std::string_view uri) {
  if (!IsContainerUri(uri)) {
    return BadUri("casemate://containers", uri);
  }
  ContainerUri parsed;
  const std::size_t question = std::min(uri.find('?'), uri.size());
  const std::string_view path = uri.substr(0, question);
  parsed.has_query = question < uri.size();
  if (path == kContainersUri) {
    if (parsed.has_query) {
      return BadUri("no query behind casemate://containers", uri.substr(question));
    }
    return parsed;
  }
  if (path == kContainerEventsUri) {
    parsed.part = ContainerUri::Part::kEvents;
  } else {
    const std::string_view rest = path.substr(kContainersUri.size() + 1);
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    parsed.id = rest.substr(0, slash);
    if (!IsId(parsed.id)) {
      return BadUri("`events` or the id of a container, 12 to 64 digits of 0-9 and a-f", parsed.id);
    }
    const std::string_view part = rest.substr(std::min(rest.size(), slash + 1));
    if (part != "status" && part != "logs") {
      return BadUri("status or logs behind the container's id", part);
    }
    parsed.part = part == "status" ? ContainerUri::Part::kStatus : ContainerUri::Part::kLogs;
  }
  if (parsed.part == ContainerUri::Part::kStatus && parsed.has_query) {
    return BadUri("no query behind status", uri.substr(question));
  }
  if (parsed.has_query) {
    if (auto read = ParseQuery(uri.substr(question + 1), parsed); !read) {
      return std::move(read).error();
    }
  }
  return parsed;
}

std::string UriOfContainer(std::string_view id, std::string_view part) {
  std::string uri(kContainersUri);
  return uri.append("/").append(id).append("/").append(part);
}

std::string_view NameOf(ContainerUri::Part part) {
  switch (part) {
    case ContainerUri::Part::kList:
      return "list";
    case ContainerUri::Part::kEvents:
      return "events";
    case ContainerUri::Part::kStatus:
      return "status";
    case ContainerUri::Part::kLogs:
      return "logs";
  }
  return "";
}

}  // namespace casemate::tools
