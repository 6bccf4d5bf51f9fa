#include "policies/engine/rights_yaml.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include "policies/engine/yaml_fields.h"

namespace casemate::policies {

namespace {

Result<void> ReadLimits(const YamlNode& node, Limits& limits) {
  const auto map = node.Get("limits");
  if (!map) {
    return {};
  }
  struct Field {
    std::string_view key;
    std::int64_t* target;
    std::int64_t max;
    std::int64_t scale;  // 1000 where the text states seconds or CPUs
    bool fractional;
  };
  const std::array<Field, 7> fields = {{
      {"memory_mb", &limits.memory_mb, std::int64_t{1} << 24, 1, false},
      {"cpus", &limits.cpu_millis, 1024, 1000, true},
      {"pids", &limits.pids, std::int64_t{1} << 22, 1, false},
      {"wall_s", &limits.wall_ms, std::int64_t{7} * 24 * 3600, 1000, false},
      {"output_kb", &limits.output_kb, std::int64_t{1} << 20, 1, false},
      {"disk_mb", &limits.disk_mb, std::int64_t{1} << 24, 1, false},
      {"io_mb_s", &limits.io_mb_s, std::int64_t{1} << 20, 1, false},
  }};
  if (map->kind() != YamlNode::Kind::kMap || map->Keys().empty()) {
    return ErrorAt(*map, "expected a map of limits");
  }
  std::vector<std::string_view> keys;
  std::ranges::transform(fields, std::back_inserter(keys), &Field::key);
  if (auto known = map->OnlyKeys(std::move(keys)); !known) {
    return known.error();
  }
  for (const Field& field : fields) {
    const auto value_node = map->Get(field.key);
    if (!value_node) {
      continue;
    }
    if (!field.fractional) {
      if (auto integer = value_node->AsInt(); !integer) {
        return integer.error();
      }
    }
    auto number = value_node->AsNumber();
    if (!number) {
      return number.error();
    }
    const double scaled = *number * static_cast<double>(field.scale);
    if (!std::isfinite(scaled) || scaled < 1 || *number > static_cast<double>(field.max)) {
      return ErrorAt(*value_node, Quoted(field.key) + " must be above 0 and at most " +
                                      std::to_string(field.max));
    }
    *field.target = static_cast<std::int64_t>(scaled);
  }
  return {};
}

Result<void> ReadWorkspace(const YamlNode& node, WorkspaceAccess& access) {
  const auto workspace_node = node.Get("workspace");
  if (!workspace_node) {
    return {};
  }
  constexpr std::array<std::string_view, 3> kNames = {"private", "host_read", "host_write"};
  constexpr std::array kAccess = {WorkspaceAccess::kPrivateOnly, WorkspaceAccess::kHostRead,
                                  WorkspaceAccess::kHostWrite};
  auto choice = Choice(*workspace_node, kNames);
  if (!choice) {
    return choice.error();
  }
  access = kAccess.at(*choice);
  return {};
}

Result<void> ReadSandbox(const YamlNode& node, bool& strict) {
  const auto sandbox_node = node.Get("sandbox");
  if (!sandbox_node) {
    return {};
  }
  constexpr std::array<std::string_view, 1> kNames = {"strict"};
  auto choice = Choice(*sandbox_node, kNames);
  if (!choice) {
    return choice.error();
  }
  strict = true;
  return {};
}

Result<void> ReadContainers(const YamlNode& node, ContainerRights& rights) {
  const auto list = node.Get("containers");
  if (!list) {
    return {};
  }
  if (list->kind() != YamlNode::Kind::kSequence) {
    return ErrorAt(*list, "expected a list of rights; [] for none");
  }
  rights = {};
  for (const YamlNode& item : list->Items()) {
    auto choice = Choice(item, kContainerRightNames);
    if (!choice) {
      return choice.error();
    }
    rights.Add(static_cast<ContainerRight>(*choice));
  }
  return {};
}

}  // namespace

Result<void> ReadRights(const YamlNode& node, Rights& rights) {
  if (auto read = ReadLimits(node, rights.limits); !read) {
    return read;
  }
  if (auto read = ReadWorkspace(node, rights.workspace); !read) {
    return read;
  }
  if (auto read = ReadSandbox(node, rights.strict_sandbox); !read) {
    return read;
  }
  return ReadContainers(node, rights.containers);
}

Result<void> ReadApproval(const YamlNode& node, ApprovalTerms& terms) {
  const auto map = node.Get("approval");
  if (!map) {
    return {};
  }
  if (map->kind() != YamlNode::Kind::kMap || map->Keys().empty()) {
    return ErrorAt(*map, "expected a map of by, expires_s or remember");
  }
  if (auto known = map->OnlyKeys({"by", "expires_s", "remember"}); !known) {
    return known.error();
  }
  if (const auto by = map->Get("by")) {
    constexpr std::array<std::string_view, 3> kNames = {"client", "operator", "second_person"};
    constexpr std::array kApprovers = {Approver::kClient, Approver::kOperator,
                                       Approver::kSecondPerson};
    auto choice = Choice(*by, kNames);
    if (!choice) {
      return choice.error();
    }
    terms.by = kApprovers.at(*choice);
  }
  if (const auto expires = map->Get("expires_s")) {
    auto seconds = expires->AsInt();
    if (!seconds) {
      return seconds.error();
    }
    if (*seconds < 1 || *seconds > kMaxApprovalSeconds) {
      return ErrorAt(*expires, "expected 1 to 604800 seconds");
    }
    terms.expires_ms = *seconds * 1000;
  }
  if (const auto remember = map->Get("remember")) {
    constexpr std::array<std::string_view, 3> kNames = {"never", "same_call", "same_rule"};
    constexpr std::array kScopes = {Remember::kNever, Remember::kSameCall, Remember::kSameRule};
    auto choice = Choice(*remember, kNames);
    if (!choice) {
      return choice.error();
    }
    terms.remember = kScopes.at(*choice);
  }
  return {};
}

}  // namespace casemate::policies
