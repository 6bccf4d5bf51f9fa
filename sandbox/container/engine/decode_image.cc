// Images and events.
#include <algorithm>
#include <limits>

#include <nlohmann/json.hpp>

#include "sandbox/container/engine/answer.h"
#include "sandbox/container/engine/decode.h"
#include "sandbox/container/engine/names.h"

namespace casemate::container {

using nlohmann::json;

namespace {

HealthCheck DecodeHealthCheck(const json& said) {
  HealthCheck check;
  check.test = TextsOf(said, "Test");
  if (check.test.size() < 2) {  // "NONE"
    return {};
  }
  const auto number = [&](const char* name) {
    return std::max<std::int64_t>(0, NumberOf(said, name));
  };
  check.interval_ns = number("Interval");
  check.timeout_ns = number("Timeout");
  check.start_period_ns = number("StartPeriod");
  check.retries = number("Retries");
  return check;
}

}  // namespace

Result<ImageDetails> DecodeImage(const json& image) {
  ImageDetails details;
  details.id = TextOf(image, "Id");
  // Podman leaves the algorithm out.
  if (!details.id.empty() && details.id.find(':') == std::string::npos) {
    details.id = "sha256:" + details.id;
  }
  if (!IsImageId(details.id)) {
    return Error{ErrorCode::kInternal,
                 "expected an image with an id sha256:…, got another",
                 {},
                 "see whether the socket is that of Docker or Podman",
                 0};
  }
  details.tags = TextsOf(image, "RepoTags");
  details.digests = TextsOf(image, "RepoDigests");
  const json& config = MemberOf(image, "Config");
  details.user = TextOf(config, "User");
  details.entry_point = TextsOf(config, "Entrypoint");
  details.command = TextsOf(config, "Cmd");
  details.environment = TextsOf(config, "Env");
  details.working_directory = TextOf(config, "WorkingDir");
  if (const json& volumes = MemberOf(config, "Volumes"); volumes.is_object()) {
    for (const auto& [path, nothing] : volumes.items()) {
      details.volumes.push_back(path);
    }
  }
  const json& check = MemberOf(config, "Healthcheck");
  details.health_check =
      DecodeHealthCheck(check.is_object() ? check : MemberOf(image, "Healthcheck"));
  details.architecture = TextOf(image, "Architecture");
  details.size_bytes = std::max<std::int64_t>(0, NumberOf(image, "Size"));
  return details;
}

EngineEvent DecodeEvent(const json& said) {
  EngineEvent event;
  event.time_ns = NumberOf(said, "timeNano");
  if (const std::int64_t seconds = NumberOf(said, "time");
      event.time_ns == 0 && seconds > 0 && seconds < (std::int64_t{1} << 33)) {
    event.time_ns = seconds * 1'000'000'000;
  }
  event.type = TextOf(said, "Type");
  event.action = TextOf(said, "Action");
  const json& actor = MemberOf(said, "Actor");
  event.id = TextOf(actor, "ID");
  event.attributes = LabelsOf(actor, "Attributes");
  if (event.type == "container") {
    // Podman's own words for what Docker calls otherwise.
    if (event.action == "died") {
      event.action = "die";
    } else if (event.action == "remove") {
      event.action = "destroy";
    } else if (const std::string health = TextOf(said, "HealthStatus");
               event.action == "health_status" && !health.empty()) {
      event.action += ": " + health;
    }
  }
  return event;
}

}  // namespace casemate::container
