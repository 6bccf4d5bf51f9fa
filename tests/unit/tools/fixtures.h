// What the tool tests share: temporary directories, grants from a real policy, a schema check.
// Test-only; single-threaded.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json_fwd.hpp>

#include "policies/audit/audit_log.h"
#include "policies/engine/yaml_policy.h"
#include "tests/unit/temp_dir.h"
#include "tools/run_args.h"

namespace casemate::tools::test {

using nlohmann::json;

using testing::TempDir;

std::unique_ptr<policies::PolicyEngine> LoadPolicy(const std::string& text);
std::unique_ptr<policies::PolicyEngine> ShippedPolicy();

// A store with an audit log in a directory of its own.
struct Trail {
  TempDir directory;
  std::unique_ptr<Store> store;
  std::unique_ptr<policies::AuditLog> audit;

  Trail();
  // The bodies of all records, oldest first.
  [[nodiscard]] std::vector<json> Records() const;
};

RunArgs Decoded(const json& args);
// The error of arguments that must not decode.
Error DecodeError(const json& args);

// Checks the few JSON Schema keywords that our schemas use: type, enum, properties, required,
// items. A member that the schema does not document is a failure.
void CheckConforms(const json& root_value, const json& root_schema);

}  // namespace casemate::tools::test
