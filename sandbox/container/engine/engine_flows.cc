// Engine: what comes bit by bit: logs, events, and the progress of a pull.
#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/container/engine/answer.h"
#include "sandbox/container/engine/decode.h"
#include "sandbox/container/engine/engine.h"
#include "sandbox/container/engine/json_lines.h"
#include "sandbox/container/engine/names.h"

namespace casemate::container {
namespace {

using nlohmann::json;

constexpr const char* kLibpod = "/v4.0.0/libpod";
constexpr std::int64_t kNearNs = 100'000'000;  // of an end that is not worth waiting for
constexpr std::int64_t kPullIdleMs = 120'000;
constexpr std::size_t kMaxEventBytes = std::size_t{1} << 20;

// For the head of an answer whose body goes on for any time. Docker sends it at once; Podman, of a
// log and in newer versions of events, together with the first line.
std::int64_t HeadMs(const EngineInfo& info) {
  return info.kind == EngineKind::kPodman ? 0 : 30'000;
}

// Seconds with a fraction, as the API wants times.
std::string Seconds(std::int64_t ns) {
  constexpr std::int64_t kNs = 1'000'000'000;
  std::string fraction = std::to_string(ns % kNs);
  return std::to_string(ns / kNs) + "." + std::string(9 - fraction.size(), '0') + fraction;
}

std::string LogQuery(const LogRequest& request) {
  std::string query = std::string("?stdout=") + (request.out ? "1" : "0") +
                      "&stderr=" + (request.err ? "1" : "0") +
                      "&tail=" + (request.tail < 0 ? "all" : std::to_string(request.tail));
  if (request.since_ms > 0) {
    query += "&since=" + Seconds(request.since_ms * 1'000'000);
  }
  if (request.until_ms > 0) {
    query += "&until=" + Seconds(request.until_ms * 1'000'000);
  }
  query += request.follow ? "&follow=1" : "";
  query += request.timestamps ? "&timestamps=1" : "";
  return query;
}

// Docker pulls every tag of a name that has none.
std::string WithTag(std::string_view reference) {
  const std::size_t slash = reference.rfind('/');
  const std::string_view last =
      slash == std::string_view::npos ? reference : reference.substr(slash + 1);
  const bool has_tag = last.find_first_of(":@") != std::string_view::npos;
  return std::string(reference) + (has_tag ? "" : ":latest");
}

std::string ProgressText(const json& line) {
  const std::string id = TextOf(line, "id");
  const std::string bar = TextOf(line, "progress");
  return EscapeControls((id.empty() ? "" : id + ": ") + TextOf(line, "status") +
                            TextOf(line, "stream") + (bar.empty() ? "" : " " + bar),
                        false);
}

}  // namespace

Result<void> Engine::Logs(std::string_view container, const LogRequest& request,
                          const BytesSink& sink, const std::stop_token& stop) const {
  const auto details = Inspect(container, {.stop = stop});
  if (!details) {
    return details.error();
  }
  const std::string what = "reading the log of the container " + std::string(container);
  FrameDecoder decoder(details->tty);
  std::optional<Error> error;
  bool enough = false;
  ExchangeOptions options;
  if (request.follow) {
    options.idle_ms = 0;
    options.head_ms = HeadMs(info_);
  }
  options.stop = stop;
  options.on_body = [&](std::string_view bytes) {
    while (true) {
      auto piece = decoder.Next(bytes);
      if (!piece) {
        error = std::move(piece).error();
        return false;
      }
      if (!piece->has_value()) {
        return true;
      }
      if (!sink((*piece)->stream, (*piece)->bytes)) {
        enough = true;
        return false;
      }
    }
  };
  auto reply = Ask(what,
                   {.target = api_prefix_ + "/containers/" + std::string(container) + "/logs" +
                              LogQuery(request)},
                   options);
  if (error.has_value()) {
    error->message = what + ": " + error->message;
    return *std::move(error);
  }
  if (!reply) {
    return std::move(reply).error();
  }
  if (!enough && !decoder.is_between()) {
    return Error{
        ErrorCode::kUnavailable, what + ": it broke off within a frame", {}, "read it again", 0};
  }
  return {};
}

Result<void> Engine::Events(const EventRequest& request, const EventSink& sink,
                            const std::stop_token& stop) const {
  // Podman sends nothing at all when `until` has passed: it is asked for all until now instead.
  const bool past_of_podman = info_.kind == EngineKind::kPodman && request.until_ns > 0 &&
                              request.until_ns <= WallClockMs() * 1'000'000 + kNearNs;
  std::string target = api_prefix_ + "/events";
  char separator = '?';
  const auto add = [&](const char* name, const std::string& value) {
    target += separator + std::string(name) + "=" + value;
    separator = '&';
  };
  if (request.since_ns > 0) {
    add("since", Seconds(request.since_ns));
  }
  if (past_of_podman) {
    add("stream", "false");
  } else if (request.until_ns > 0) {
    add("until", Seconds(request.until_ns));
  }
  if (!request.types.empty()) {
    add("filters", Escape(DumpJson({{"type", request.types}})));
  }
  // One line of a stranger's labels must not end what is told of all the others.
  JsonLines lines(
      "reading events",
      [&](const json& line) {
        const EngineEvent event = DecodeEvent(line);
        return (past_of_podman && event.time_ns >= request.until_ns) || sink(event);
      },
      kMaxEventBytes,
      [&] {
        if (request.on_unreadable) {
          request.on_unreadable();
        }
      });
  ExchangeOptions options;
  options.idle_ms = 0;
  options.head_ms = HeadMs(info_);
  options.stop = stop;
  options.on_body = [&](std::string_view bytes) { return lines.Feed(bytes); };
  auto reply = Ask("reading events", {.target = std::move(target)}, options);
  if (const auto& broken = lines.error(); broken.has_value()) {
    return *broken;
  }
  return reply ? Result<void>() : std::move(reply).error();
}

Result<ImageDetails> Engine::InspectImage(std::string_view reference,
                                          const Patience& patience) const {
  if (auto checked = CheckImageReference(reference); !checked) {
    return std::move(checked).error();
  }
  const std::string what = "inspecting the image " + std::string(reference);
  // Podman's compatible API leaves the health check out.
  const std::string prefix = info_.kind == EngineKind::kPodman ? kLibpod : api_prefix_;
  auto reply = Ask(what, {.target = prefix + "/images/" + std::string(reference) + "/json"},
                   AtOnce(patience));
  auto body = reply ? ParseObject(what, reply->body) : Result<json>(reply.error());
  return body ? DecodeImage(*body) : std::move(body).error();
}

Result<std::string> Engine::RegistryDigest(std::string_view reference,
                                           const Patience& patience) const {
  if (auto checked = CheckImageReference(reference); !checked) {
    return std::move(checked).error();
  }
  const std::string what = "asking the registry of " + std::string(reference);
  auto reply =
      Ask(what, {.target = api_prefix_ + "/distribution/" + std::string(reference) + "/json"},
          AtOnce(patience));
  auto body = reply ? ParseObject(what, reply->body) : Result<json>(reply.error());
  if (!body) {
    return std::move(body).error();
  }
  std::string digest = TextOf(body->value("Descriptor", json::object()), "digest");
  if (!IsImageId(digest)) {
    return Error{ErrorCode::kInternal, what + ": the answer holds no digest", {}, {}, 0};
  }
  return digest;
}

Result<void> Engine::Pull(std::string_view reference,
                          const std::function<void(std::string_view)>& progress,
                          const std::stop_token& stop) const {
  if (auto checked = CheckImageReference(reference); !checked) {
    return checked;
  }
  const std::string what = "pulling the image " + std::string(reference);
  std::optional<Error> refused;
  JsonLines lines(what, [&](const json& line) {
    std::string words = TextOf(line, "error");
    if (words.empty()) {
      words = TextOf(MemberOf(line, "errorDetail"), "message");
    }
    if (!words.empty()) {
      refused = ErrorOfAnswer(what, 500, words);
      refused->code = ErrorCode::kUnavailable;
      refused->remedy = "see whether the registry can be reached and has the image";
      return false;
    }
    if (progress) {
      progress(ProgressText(line));
    }
    return true;
  });
  ExchangeOptions options;
  options.idle_ms = kPullIdleMs;
  options.stop = stop;
  options.on_body = [&](std::string_view bytes) { return lines.Feed(bytes); };
  auto reply =
      Ask(what,
          {.method = "POST",
           .target = api_prefix_ + "/images/create?fromImage=" + Escape(WithTag(reference))},
          options);
  if (refused.has_value()) {
    return *std::move(refused);
  }
  if (const auto& broken = lines.error(); broken.has_value()) {
    return *broken;
  }
  return reply ? Result<void>() : std::move(reply).error();
}

}  // namespace casemate::container
