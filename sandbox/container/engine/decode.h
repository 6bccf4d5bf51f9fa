// The engine's JSON as the values of types.h. Members that an engine leaves out, or spells with
// another type, are empty; an answer without what it is about is kInternal. Pure; thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "sandbox/container/engine/types.h"

namespace casemate::container {

// GET /version and /info. `min_api` takes the oldest version of the API that it speaks.
Result<EngineInfo> DecodeInfo(const nlohmann::json& version, const nlohmann::json& info,
                              std::string& min_api);
Result<ContainerSummary> DecodeSummary(const nlohmann::json& row);
Result<ContainerDetails> DecodeDetails(const nlohmann::json& container);
// `machine_memory`: a limit as high as that is none.
Usage DecodeUsage(const nlohmann::json& stats, std::int64_t machine_memory);
Result<ImageDetails> DecodeImage(const nlohmann::json& image);
// `usage`: GET /system/df. `dangling`: the images without a name, which df does not tell for sure.
DiskUsage DecodeDiskUsage(const nlohmann::json& usage, const nlohmann::json& dangling);
EngineEvent DecodeEvent(const nlohmann::json& said);

}  // namespace casemate::container
