#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "tools/output_text.h"
#include "tools/run_args.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::size_t kExcerptBytes = 4096;

json Digest(const std::string& bytes) {
  return {{"sha256", Sha256Hex(bytes)}, {"bytes", bytes.size()}};
}

}  // namespace

json LimitsJson(const policies::Limits& limits) {
  json shown = {{"memory_mb", limits.memory_mb},
                {"cpus", static_cast<double>(limits.cpu_millis) / 1000},
                {"pids", limits.pids},
                {"output_kb", limits.output_kb},
                {"disk_mb", limits.disk_mb}};
  if (limits.io_mb_s != 0) {  // a rule must not take no limit for a low one
    shown["io_mb_s"] = limits.io_mb_s;
  }
  return shown;
}

json NormaliseRunArgs(const RunArgs& args, const std::string& workspace) {
  // A container that exists has its own network, whatever that is.
  const bool has_own_network = args.target && args.target->kind == RunTarget::Kind::kContainer;
  json normal = {{"network", has_own_network ? "container" : "none"},
                 {"profile", args.profile.name},
                 {"timeout_ms", args.limits.wall_ms},
                 {"limits", LimitsJson(args.limits)},
                 {"background", args.background}};
  if (args.language != nullptr) {
    normal["language"] = args.language->name;
    json code = Digest(args.code);
    code["language"] = args.language->name;
    code["excerpt"] = Utf8Prefix(args.code, kExcerptBytes);
    normal["code"] = std::move(code);
  } else {
    // Whole: a rule must see what runs. A record that gets too long for it keeps the digest.
    normal["command"] = args.command;
  }
  if (args.stdin_data) {
    normal["stdin"] = Digest(*args.stdin_data);
  }
  if (!args.env.empty()) {
    json names = json::array();
    for (const auto& [name, value] : args.env) {
      names.push_back(name);
    }
    normal["env"] = std::move(names);
  }
  if (!args.files.empty()) {
    json files = json::array();
    for (const RunFile& file : args.files) {
      json entry = Digest(file.content);
      entry["path"] = file.path;
      files.push_back(std::move(entry));
    }
    normal["files"] = std::move(files);
  }
  if (!workspace.empty()) {
    normal["workspace"] = workspace;
  }
  return normal;
}

}  // namespace casemate::tools
