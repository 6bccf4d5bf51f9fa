// Engine: what lies on its disk, and what of that can be removed.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "sandbox/container/engine/answer.h"
#include "sandbox/container/engine/decode.h"
#include "sandbox/container/engine/engine.h"
#include "sandbox/container/engine/names.h"

namespace casemate::container {
namespace {

using nlohmann::json;

constexpr std::int64_t kSlowMs = 300'000;  // walks or removes files, on a slow disk

}  // namespace

Result<DiskUsage> Engine::DiskUse(const std::stop_token& stop) const {
  constexpr std::string_view kWhat = "asking what takes room on the engine's disk";
  auto reply =
      Ask(kWhat, {.target = api_prefix_ + "/system/df"}, {.idle_ms = kSlowMs, .stop = stop});
  auto usage = reply ? ParseObject(kWhat, reply->body) : Result<json>(reply.error());
  if (!usage) {
    return std::move(usage).error();
  }
  constexpr std::string_view kImages = "listing images without a name";
  const std::string filters = Escape(DumpJson({{"dangling", json::array({"true"})}}));
  auto listed = Ask(kImages, {.target = api_prefix_ + "/images/json?filters=" + filters},
                    {.idle_ms = kSlowMs, .stop = stop});
  auto dangling = listed ? ParseArray(kImages, listed->body) : Result<json>(listed.error());
  if (!dangling) {
    return std::move(dangling).error();
  }
  return DecodeDiskUsage(*usage, *dangling);
}

Result<void> Engine::RemoveImage(std::string_view id) const {
  if (!IsImageId(id)) {
    return InvalidArgument("image", "expected an image's id, sha256:…, got " + Quoted(id));
  }
  const EngineRequest request = {.method = "DELETE",
                                 .target = api_prefix_ + "/images/" + std::string(id)};
  auto reply = Ask("removing the image " + std::string(id), request, {.idle_ms = kSlowMs});
  return reply ? Result<void>() : std::move(reply).error();
}

Result<std::int64_t> Engine::PruneBuildCache(const std::stop_token& stop) const {
  constexpr std::string_view kWhat = "removing build cache that nothing uses";
  auto reply = Ask(kWhat, {.method = "POST", .target = api_prefix_ + "/build/prune"},
                   {.idle_ms = kSlowMs, .stop = stop});
  auto body = reply ? ParseObject(kWhat, reply->body) : Result<json>(reply.error());
  if (!body) {
    return std::move(body).error();
  }
  return std::max<std::int64_t>(0, NumberOf(*body, "SpaceReclaimed"));
}

}  // namespace casemate::container
