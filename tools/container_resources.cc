#include "tools/container_resources.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "tools/container_facts.h"
#include "tools/container_list.h"
#include "tools/container_log_lines.h"
#include "tools/container_meter.h"
#include "tools/container_news.h"
#include "tools/container_report.h"
#include "tools/container_uri.h"
#include "tools/stop_after.h"

namespace casemate::tools {
namespace {

using container::ContainerDetails;
using container::ContainerSummary;
using nlohmann::json;
using Part = ContainerUri::Part;

constexpr std::chrono::seconds kPatience{10};  // with an engine, for one reading
constexpr std::int64_t kEvents = 100;
constexpr std::int64_t kMaxEvents = 1000;
constexpr std::int64_t kLines = 1000;
constexpr std::int64_t kMaxLines = 10'000;
constexpr std::size_t kMaxLogBytes = std::size_t{256} << 10;
constexpr std::size_t kMaxEventBytes = std::size_t{256} << 10;
constexpr std::size_t kCompletions = 50;
constexpr std::size_t kWholeId = 64;  // digits
constexpr std::int64_t kNsPerMs = 1'000'000;

Error NotFound(std::string_view uri) {
  return Error{ErrorCode::kNotFound, "there is no resource " + Quoted(uri), "uri",
               "read casemate://containers for those that there are", 0};
}

json EventJson(const container::StoredEvent& stored) {
  json attributes = json::object();
  for (const auto& [name, value] : stored.event.attributes) {
    attributes[name] = value;
  }
  return {{"seq", stored.seq},
          {"time", Rfc3339(stored.event.time_ns / kNsPerMs)},
          {"type", stored.event.type},
          {"action", stored.event.action},
          {"id", stored.event.id},
          {"name", stored.name},
          {"attributes", std::move(attributes)}};
}

// Leaves at the front what fits into one reply, at least one; whether anything was left out.
bool Shorten(std::vector<json>& events) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    bytes += DumpJson(events[i]).size();
    if (i > 0 && bytes > kMaxEventBytes) {
      events.resize(i);
      return true;
    }
  }
  return false;
}

class ContainerResources : public ResourceProvider {
 public:
  ContainerResources(container::Containers& containers, Store& store, Changes& changes)
      : containers_(containers), news_(containers, store, changes) {}

  [[nodiscard]] bool Owns(std::string_view uri) const override { return IsContainerUri(uri); }
  [[nodiscard]] std::vector<ResourceSpec> List(const policies::Principal& principal) const override;
  [[nodiscard]] std::vector<ResourceTemplateSpec> Templates() const override;
  [[nodiscard]] json Facts(std::string_view uri,
                           const policies::Principal& principal) const override;
  [[nodiscard]] Result<ResourceContents> Read(std::string_view uri,
                                              const policies::Principal& principal) const override;
  [[nodiscard]] Result<void> Watch(std::string_view uri,
                                   const policies::Principal& principal) const override;
  [[nodiscard]] std::vector<std::string> Complete(
      std::string_view uri_template, std::string_view variable, std::string_view prefix,
      const policies::Principal& principal) const override;

 private:
  struct Found {
    std::shared_ptr<const container::Engine> engine;
    ContainerDetails details;
  };
  // The container whose id begins with `uri.id`. Errors: kNotFound, also of one that is hidden from
  // `principal`, and those of the engine.
  [[nodiscard]] Result<Found> Find(const ContainerUri& uri, std::string_view text,
                                   const policies::Principal& principal,
                                   const std::stop_token& stop) const;
  [[nodiscard]] Result<json> ReadList(const policies::Principal& principal,
                                      const std::stop_token& stop) const;
  [[nodiscard]] Result<json> ReadEvents(const ContainerUri& uri,
                                        const policies::Principal& principal) const;
  [[nodiscard]] static Result<std::string> ReadLogs(const ContainerUri& uri, const Found& found,
                                                    const StopAfter& stop);

  container::Containers& containers_;
  mutable ContainerMeter meter_;  // both thread-safe
  mutable ContainerNews news_;
};

// Not those of single containers: clients ask for this as soon as they start, and an engine that
// hangs must not hold that up. The list has them, and completion.
std::vector<ResourceSpec> ContainerResources::List(const policies::Principal& /*principal*/) const {
  return {{std::string(kContainersUri), "containers", "Containers",
           "All containers and what they use, those that need attention first.", "application/json",
           std::nullopt},
          {std::string(kContainerEventsUri), "container_events", "Events of containers",
           "What happened to containers, the last " + std::to_string(kEvents) +
               " events; append ?since=SEQ (`next` of the last reading) for what is new. Watch it "
               "without a query.",
           "application/json", std::nullopt}};
}

std::vector<ResourceTemplateSpec> ContainerResources::Templates() const {
  return {{UriOfContainer("{id}", "status"), "container_status", "State of a container",
           "State, health, use of limits, services inside, and what is wrong.", "application/json"},
          {UriOfContainer("{id}", "logs"), "container_logs", "Output of a container",
           "Its last lines, " + std::to_string(kLines) +
               "; append ?tail=LINES for another count. Who watches is told when it starts and "
               "ends.",
           "text/plain"},
          {std::string(kContainerEventsUri) + "?since={since}", "container_events_since",
           "Events of containers since then",
           "What happened after a sequence number, oldest first; `next` is where to go on.",
           "application/json"}};
}

Result<ContainerResources::Found> ContainerResources::Find(const ContainerUri& uri,
                                                           std::string_view text,
                                                           const policies::Principal& principal,
                                                           const std::stop_token& stop) const {
  auto engine = containers_.engine(stop);
  if (!engine) {
    return std::move(engine).error();
  }
  auto details = containers_.Find(uri.id, {.stop = stop});
  // To engines a name comes before the beginning of an id (attack: a container that is named with
  // the digits of another one's).
  if (details && !details->summary.id.starts_with(uri.id)) {
    return NotFound(text);
  }
  if (!details) {
    return details.error().code == ErrorCode::kNotFound ? NotFound(text)
                                                        : std::move(details).error();
  }
  if (IsHiddenFrom(OriginOf(*details, containers_.options().engine_directory), principal)) {
    return NotFound(text);
  }
  return Found{*std::move(engine), *std::move(details)};
}

json ContainerResources::Facts(std::string_view uri, const policies::Principal& principal) const {
  json facts = {{"kind", "container"}, {"untrusted", true}};
  const auto parsed = ParseContainerUri(uri);
  if (!parsed) {
    return facts;
  }
  facts["part"] = NameOf(parsed->part);
  if (parsed->part == Part::kList) {
    facts.erase("untrusted");  // as container_status: what is in it are names that engines allow
  }
  if (parsed->id.empty()) {
    return facts;
  }
  const StopAfter stop({}, kPatience);
  const auto found = Find(*parsed, uri, principal, stop.token());
  if (!found) {
    return facts;
  }
  facts["container"] = FactsOf(found->details);
  if (IsOf(OriginOf(found->details, containers_.options().engine_directory), principal)) {
    facts["container"]["own"] = true;
    facts.erase("untrusted");
  }
  return facts;
}

Result<json> ContainerResources::ReadList(const policies::Principal& principal,
                                          const std::stop_token& stop) const {
  auto engine = containers_.engine(stop);
  if (!engine) {
    return std::move(engine).error();
  }
  auto all = (*engine)->List({}, {.stop = stop});
  if (!all) {
    return std::move(all).error();
  }
  LeaveOutHidden(**engine, containers_.options().engine_directory, principal, *all);
  auto listed = Pick(*std::move(all), {});
  std::vector<std::string> ids;
  for (const ContainerSummary& container : listed) {
    if (container.state == "running" || container.state == "paused") {
      ids.push_back(container.id);
    }
  }
  const auto measured = meter_.Measure(**engine, ids, stop);
  SortByNeed(listed, measured);
  json rows;
  [[maybe_unused]] const std::string text = ShowList(listed, measured, rows);
  for (json& row : rows) {
    row["uri"] = UriOfContainer(row["id"].get<std::string>(), "status");
  }
  return json{{"total", listed.size()}, {"shown", rows.size()}, {"containers", std::move(rows)}};
}

Result<json> ContainerResources::ReadEvents(const ContainerUri& uri,
                                            const policies::Principal& principal) const {
  auto reading = news_.Read(uri.since, std::min(uri.limit.value_or(kEvents), kMaxEvents));
  if (!reading) {
    return std::move(reading).error();
  }
  const container::EventPage& page = reading->page;
  std::vector<json> shown;
  for (const container::StoredEvent& stored : page.events) {
    if (!IsHiddenFrom(stored.event, principal)) {
      shown.push_back(EventJson(stored));
    }
  }
  json document = {{"next", page.next}, {"more", page.has_more}};
  if (uri.since) {
    if (Shorten(shown)) {
      document["next"] = shown.back()["seq"];
      document["more"] = true;
    }
  } else {
    // Of the last ones, those before: who wants them asks with `since`.
    std::ranges::reverse(shown);
    Shorten(shown);
    std::ranges::reverse(shown);
  }
  document["events"] = std::move(shown);
  if (page.is_gap) {
    document["gap"] = "events are missing: they are kept no more, or could not be read";
  }
  if (const auto& problem = reading->problem) {
    document["problem"] = ToValidUtf8(Describe(*problem));
  }
  return document;
}

Result<std::string> ContainerResources::ReadLogs(const ContainerUri& uri, const Found& found,
                                                 const StopAfter& stop) {
  const std::int64_t tail = std::min(uri.tail.value_or(kLines), kMaxLines);
  LogLines lines({static_cast<std::size_t>(tail), kMaxLogBytes}, std::nullopt, {});
  container::LogRequest request;
  request.tail = tail;
  const auto read = found.engine->Logs(
      found.details.summary.id, request,
      [&](container::StdStream stream, std::string_view bytes) {
        lines.Take(stream, bytes);
        return true;
      },
      stop.token());
  lines.Finish();
  if (!read) {
    return !stop.is_over()
               ? read.error()
               : Error{ErrorCode::kUnavailable, "the container engine took too long with the log",
                       "uri", "append ?tail=LINES with fewer lines", 0};
  }
  std::string text = lines.Text();
  if (lines.left_out() > 0) {
    text.insert(0, "[… " + std::to_string(lines.left_out()) + " earlier lines left out, above " +
                       std::to_string(kMaxLogBytes >> 10) + " KiB …]\n");
  }
  return text;
}

Result<ResourceContents> ContainerResources::Read(std::string_view uri,
                                                  const policies::Principal& principal) const {
  const auto parsed = ParseContainerUri(uri);
  if (!parsed) {
    return parsed.error();
  }
  const StopAfter stop({}, kPatience);
  const auto as_json = [&](const Result<json>& document) -> Result<ResourceContents> {
    if (!document) {
      return document.error();
    }
    return ResourceContents{std::string(uri), "application/json", DumpJson(*document), false};
  };
  if (parsed->part == Part::kList) {
    return as_json(ReadList(principal, stop.token()));
  }
  if (parsed->part == Part::kEvents) {
    return as_json(ReadEvents(*parsed, principal));
  }
  auto found = Find(*parsed, uri, principal, stop.token());
  if (!found) {
    return std::move(found).error();
  }
  if (parsed->part == Part::kStatus) {
    return as_json(ReportJson(GatherReport(*found->engine, meter_, containers_.signatures(),
                                           std::move(found->details), stop.token())));
  }
  auto text = ReadLogs(*parsed, *found, stop);
  if (!text) {
    return std::move(text).error();
  }
  return ResourceContents{std::string(uri), "text/plain", *std::move(text), false};
}

Result<void> ContainerResources::Watch(std::string_view uri,
                                       const policies::Principal& principal) const {
  const auto parsed = ParseContainerUri(uri);
  if (!parsed) {
    return parsed.error();
  }
  if (parsed->has_query) {
    return InvalidArgument("uri", "expected a URI without a query to watch, got " + Quoted(uri));
  }
  if (!parsed->id.empty()) {
    if (parsed->id != ShortId(parsed->id) && parsed->id.size() != kWholeId) {
      return InvalidArgument("uri", "expected 12 or all 64 digits of the id to watch, got " +
                                        std::to_string(parsed->id.size()));
    }
    const StopAfter stop({}, kPatience);
    // An engine that is away may come back: then there will be news.
    if (const auto found = Find(*parsed, uri, principal, stop.token());
        !found && found.error().code == ErrorCode::kNotFound) {
      return found.error();
    }
  }
  return news_.Start();
}

std::vector<std::string> ContainerResources::Complete(std::string_view /*uri_template*/,
                                                      std::string_view variable,
                                                      std::string_view prefix,
                                                      const policies::Principal& principal) const {
  std::vector<std::string> ids;
  if (variable != "id") {
    return ids;
  }
  const StopAfter stop({}, kPatience);
  auto engine = containers_.engine(stop.token());
  auto all = engine ? (*engine)->List({}, {.stop = stop.token()})
                    : Result<std::vector<ContainerSummary>>(engine.error());
  if (!all) {
    return ids;
  }
  LeaveOutHidden(**engine, containers_.options().engine_directory, principal, *all);
  for (const ContainerSummary& container : *all) {
    const bool fits = container.id.starts_with(prefix) || container.name.starts_with(prefix);
    if (fits && ids.size() < kCompletions) {
      ids.push_back(ShortId(container.id));
    }
  }
  return ids;
}

}  // namespace

std::unique_ptr<ResourceProvider> MakeContainerResources(container::Containers& containers,
                                                         Store& store, Changes& changes) {
  return std::make_unique<ContainerResources>(containers, store, changes);
}

}  // namespace casemate::tools
