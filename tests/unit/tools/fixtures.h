// What the tool tests share: temporary directories, grants from a real policy, a schema check.
// Test-only; single-threaded.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "policies/audit/audit_log.h"
#include "policies/engine/yaml_policy.h"
#include "tests/unit/temp_dir.h"
#include "tools/args.h"
#include "tools/run_args.h"

namespace casemate::tools::test {

using nlohmann::json;

using testing::TempDir;

inline std::unique_ptr<policies::PolicyEngine> LoadPolicy(const std::string& text) {
  auto engine = policies::LoadYamlPolicy(text, "policy.yaml");
  INFO((engine ? std::string() : Describe(engine.error())));
  REQUIRE(engine);
  return *std::move(engine);
}

inline std::unique_ptr<policies::PolicyEngine> ShippedPolicy() {
  return LoadPolicy(std::string(policies::DefaultPolicyText()));
}

// A store with an audit log in a directory of its own.
struct Trail {
  TempDir directory;
  std::unique_ptr<Store> store;
  std::unique_ptr<policies::AuditLog> audit;

  Trail() {
    auto opened = Store::Open(directory.path() + "/casemate.db");
    REQUIRE(opened);
    store = *std::move(opened);
    auto log = policies::AuditLog::Open(*store, "test-incarnation");
    REQUIRE(log);
    audit = *std::move(log);
  }
  // The bodies of all records, oldest first.
  [[nodiscard]] std::vector<json> Records() const {
    auto records = audit->Tail(100);
    REQUIRE(records);
    std::vector<json> bodies;
    for (const policies::AuditRecord& record : *records) {
      bodies.push_back(json::parse(record.body));
    }
    return bodies;
  }
};

inline RunArgs Decoded(const json& args) {
  auto run = DecodeRunArgs(args, "default");
  INFO((run ? std::string() : Describe(run.error())));
  REQUIRE(run);
  return *std::move(run);
}

// The error of arguments that must not decode.
inline Error DecodeError(const json& args) {
  auto run = DecodeRunArgs(args, "default");
  INFO(DumpJson(args));
  REQUIRE_FALSE(run);
  CHECK(run.error().code == ErrorCode::kInvalidArgument);
  CHECK_FALSE(run.error().message.empty());
  return run.error();
}

inline bool HasType(const json& value, const std::string& type) {
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) || (type == "null" && value.is_null()) ||
         (type == "boolean" && value.is_boolean()) || (type == "number" && value.is_number()) ||
         (type == "integer" && value.is_number_integer());
}

// Checks the few JSON Schema keywords that our schemas use: type, enum, properties, required,
// items.
inline void CheckConforms(const json& root_value, const json& root_schema) {
  std::vector<std::pair<const json*, const json*>> open = {{&root_value, &root_schema}};
  while (!open.empty()) {
    const auto [value, schema] = open.back();
    open.pop_back();
    INFO("value " << DumpJson(*value) << " schema " << DumpJson(*schema));
    bool typed = false;
    const json types = (*schema)["type"].is_array() ? (*schema)["type"] : json{(*schema)["type"]};
    for (const json& type : types) {
      typed = typed || HasType(*value, type.get<std::string>());
    }
    CHECK(typed);
    if (schema->contains("enum")) {
      const json& choices = (*schema)["enum"];
      CHECK(std::find(choices.begin(), choices.end(), *value) != choices.end());
    }
    for (const json& name : schema->value("required", json::array())) {
      CHECK(value->contains(name.get<std::string>()));
    }
    if (value->is_object() && schema->contains("properties")) {
      for (const auto& [name, member] : value->items()) {
        INFO("member " << name);
        CHECK((*schema)["properties"].contains(name));  // documented
        if ((*schema)["properties"].contains(name)) {
          open.emplace_back(&member, &(*schema)["properties"][name]);
        }
      }
    }
    if (value->is_array() && schema->contains("items")) {
      for (const json& item : *value) {
        open.emplace_back(&item, &(*schema)["items"]);
      }
    }
  }
}

}  // namespace casemate::tools::test
