// Engine: what is done with containers.
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "sandbox/container/engine/answer.h"
#include "sandbox/container/engine/create_body.h"
#include "sandbox/container/engine/decode.h"
#include "sandbox/container/engine/engine.h"
#include "sandbox/container/engine/names.h"
#include "sandbox/container/run/container_spec.h"

namespace casemate::container {
namespace {

using nlohmann::json;

constexpr std::int64_t kSlowMs = 300'000;   // copies or removes files, on a slow disk
constexpr std::int64_t kHeadMs = 30'000;    // both engines say at once that they wait
constexpr std::int64_t kActionMs = 60'000;  // starts or ends processes

std::string About(std::string_view doing, std::string_view name) {
  return std::string(doing) + " the container " + std::string(name);
}

EngineRequest Posted(std::string target, const json& body) {
  return {.method = "POST",
          .target = std::move(target),
          .body = DumpJson(body),
          .content_type = "application/json"};
}

}  // namespace

Result<std::vector<ContainerSummary>> Engine::List(const ListFilter& filter,
                                                   const Patience& patience) const {
  std::string target = api_prefix_ + "/containers/json?all=" + (filter.all ? "1" : "0");
  if (!filter.labels.empty()) {
    target += "&filters=" + Escape(DumpJson({{"label", filter.labels}}));
  }
  constexpr std::string_view kWhat = "listing containers";
  auto reply = Ask(kWhat, {.target = std::move(target)},
                   {.total_ms = patience.total_ms, .stop = patience.stop});
  auto rows = reply ? ParseArray(kWhat, reply->body) : Result<json>(reply.error());
  if (!rows) {
    return std::move(rows).error();
  }
  std::vector<ContainerSummary> list;
  for (const json& row : *rows) {
    auto summary = DecodeSummary(row);
    if (!summary) {
      return std::move(summary).error();
    }
    list.push_back(std::move(summary).value());
  }
  return list;
}

Result<ContainerDetails> Engine::Inspect(std::string_view container,
                                         const Patience& patience) const {
  if (auto checked = CheckContainerName(container); !checked) {
    return std::move(checked).error();
  }
  const std::string what = About("inspecting", container);
  auto reply =
      Ask(what, {.target = api_prefix_ + "/containers/" + std::string(container) + "/json"},
          AtOnce(patience));
  auto body = reply ? ParseObject(what, reply->body) : Result<json>(reply.error());
  auto details = body ? DecodeDetails(*body) : std::move(body).error();
  if (details) {
    details->engine_socket = socket_path_;
  }
  return details;
}

Result<std::string> Engine::DirectoryOfVolume(std::string_view name) const {
  if (auto checked = CheckContainerName(name); !checked) {
    return std::move(checked).error();
  }
  const std::string what = "inspecting the volume " + std::string(name);
  auto reply = Ask(what, {.target = api_prefix_ + "/volumes/" + std::string(name)}, {});
  auto body = reply ? ParseObject(what, reply->body) : Result<json>(reply.error());
  if (!body) {
    return std::move(body).error();
  }
  // Of a network file system it is the server's; of a block device, a file below /dev.
  std::string directory = TextOf(MemberOf(*body, "Options"), "device");
  return directory.starts_with('/') ? directory : std::string();
}

Result<Usage> Engine::Stats(std::string_view container, const Patience& patience) const {
  if (auto checked = CheckContainerName(container); !checked) {
    return std::move(checked).error();
  }
  const std::string what = About("measuring", container);
  auto reply = Ask(what,
                   {.target = api_prefix_ + "/containers/" + std::string(container) +
                              "/stats?stream=false&one-shot=true"},
                   AtOnce(patience));
  auto body = reply ? ParseObject(what, reply->body) : Result<json>(reply.error());
  if (!body) {
    return std::move(body).error();
  }
  return DecodeUsage(*body, info_.memory_bytes);
}

Result<std::string> Engine::Create(const ContainerSpec& spec) const {
  std::string target = api_prefix_ + "/containers/create";
  if (!spec.name.empty()) {
    if (auto checked = CheckContainerName(spec.name); !checked) {
      return std::move(checked).error();
    }
    target += "?name=" + spec.name;
  }
  const std::string what = "creating a container of " + spec.image_id;
  auto reply = Ask(what, Posted(std::move(target), CreateBody(spec, info_)), {.idle_ms = kSlowMs});
  auto body = reply ? ParseObject(what, reply->body) : Result<json>(reply.error());
  if (!body) {
    return std::move(body).error();
  }
  std::string id = TextOf(*body, "Id");
  if (auto checked = CheckContainerName(id); !checked) {
    return Error{ErrorCode::kInternal,
                 what + ": expected its id, got none",
                 {},
                 "see what the engine logs",
                 0};
  }
  return id;
}

Result<void> Engine::Act(std::string_view container, std::string_view action,
                         std::string_view query, std::int64_t idle_ms,
                         const Patience& patience) const {
  if (auto checked = CheckContainerName(container); !checked) {
    return checked;
  }
  const EngineRequest request = {.method = "POST",
                                 .target = api_prefix_ + "/containers/" + std::string(container) +
                                           "/" + std::string(action) + std::string(query)};
  const std::string what = std::string(action) + " of the container " + std::string(container);
  auto reply = Ask(what, request,
                   {.idle_ms = idle_ms, .total_ms = patience.total_ms, .stop = patience.stop}, 304);
  return reply ? Result<void>() : std::move(reply).error();
}

Result<void> Engine::Start(std::string_view container) const {
  return Act(container, "start", "", kActionMs);
}

Result<void> Engine::Stop(std::string_view container, int grace_s) const {
  const std::int64_t grace = std::clamp(grace_s, 0, 3600);
  return Act(container, "stop", "?t=" + std::to_string(grace), grace * 1000 + kActionMs);
}

Result<void> Engine::Restart(std::string_view container, int grace_s) const {
  const std::int64_t grace = std::clamp(grace_s, 0, 3600);
  return Act(container, "restart", "?t=" + std::to_string(grace), grace * 1000 + kActionMs);
}

Result<void> Engine::Kill(std::string_view container, std::string_view signal,
                          const Patience& patience) const {
  return Act(container, "kill", "?signal=" + Escape(signal), kActionMs, patience);
}

Result<void> Engine::Pause(std::string_view container) const {
  return Act(container, "pause", "", kActionMs);
}

Result<void> Engine::Unpause(std::string_view container) const {
  return Act(container, "unpause", "", kActionMs);
}

Result<void> Engine::Remove(std::string_view container, bool force,
                            const Patience& patience) const {
  if (auto checked = CheckContainerName(container); !checked) {
    return checked;
  }
  const EngineRequest request = {.method = "DELETE",
                                 .target = api_prefix_ + "/containers/" + std::string(container) +
                                           "?v=1" + (force ? "&force=1" : "")};
  auto reply = Ask(About("removing", container), request,
                   {.idle_ms = kSlowMs, .total_ms = patience.total_ms, .stop = patience.stop});
  return reply ? Result<void>() : std::move(reply).error();
}

Result<int> Engine::Wait(std::string_view container, const std::stop_token& stop,
                         std::int64_t total_ms) const {
  if (auto checked = CheckContainerName(container); !checked) {
    return std::move(checked).error();
  }
  const std::string what = About("waiting for", container);
  auto reply = Ask(
      what,
      {.method = "POST", .target = api_prefix_ + "/containers/" + std::string(container) + "/wait"},
      {.idle_ms = 0, .head_ms = kHeadMs, .total_ms = total_ms, .stop = stop});
  auto body = reply ? ParseObject(what, reply->body) : Result<json>(reply.error());
  if (!body) {
    return std::move(body).error();
  }
  if (!MemberOf(*body, "StatusCode").is_number_integer()) {
    return Error{ErrorCode::kInternal,
                 what + ": expected its exit code, got none",
                 {},
                 "see what the engine logs",
                 0};
  }
  return SmallNumberOf(*body, "StatusCode");
}

std::int64_t SwapWith(const ContainerDetails& now, std::int64_t memory_bytes) {
  const std::int64_t before = now.limits.memory_bytes;
  if (now.memory_swap < 0) {
    return -1;
  }
  // Without it Docker refuses a limit of a container that had none.
  if (now.memory_swap == 0 || before == 0) {
    return memory_bytes * 2;
  }
  return memory_bytes + std::max<std::int64_t>(0, now.memory_swap - before);
}

Result<void> Engine::Update(std::string_view container, const ContainerLimits& limits,
                            std::int64_t memory_swap) const {
  if (auto checked = CheckContainerName(container); !checked) {
    return checked;
  }
  json body = json::object();
  if (limits.memory_bytes > 0) {
    body["Memory"] = limits.memory_bytes;
    if (memory_swap != 0) {
      body["MemorySwap"] = memory_swap;
    }
  }
  if (limits.cpu_millis > 0) {
    body["NanoCpus"] = limits.cpu_millis * 1'000'000;
  }
  if (limits.pids > 0) {
    body["PidsLimit"] = limits.pids;
  }
  auto reply = Ask(About("bounding", container),
                   Posted(api_prefix_ + "/containers/" + std::string(container) + "/update", body),
                   {.idle_ms = kActionMs});
  return reply ? Result<void>() : std::move(reply).error();
}

}  // namespace casemate::container
