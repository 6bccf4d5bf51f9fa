#include "fixtures.h"

#include <algorithm>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "policies/source/shipped.h"

namespace casemate::tools::test {

namespace {

bool HasType(const json& value, const std::string& type) {
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) || (type == "null" && value.is_null()) ||
         (type == "boolean" && value.is_boolean()) || (type == "number" && value.is_number()) ||
         (type == "integer" && value.is_number_integer());
}

// Checks the few JSON Schema keywords that our schemas use: type, enum, properties, required,
// items.
}  // namespace

std::unique_ptr<policies::PolicyEngine> LoadPolicy(const std::string& text) {
  auto engine = policies::LoadYamlPolicy(text, "policy.yaml");
  INFO((engine ? std::string() : Describe(engine.error())));
  REQUIRE(engine);
  return *std::move(engine);
}

std::unique_ptr<policies::PolicyEngine> ShippedPolicy() {
  return LoadPolicy(std::string(policies::ShippedPolicies().front().text));
}

Trail::Trail() {
  auto opened = Store::Open(directory.path() + "/casemate.db");
  REQUIRE(opened);
  store = *std::move(opened);
  auto log = policies::AuditLog::Open(*store, "test-incarnation");
  REQUIRE(log);
  audit = *std::move(log);
}

std::vector<json> Trail::Records() const {
  auto records = audit->Tail(100);
  REQUIRE(records);
  std::vector<json> bodies;
  for (const policies::AuditRecord& record : *records) {
    bodies.push_back(json::parse(record.body));
  }
  return bodies;
}

RunArgs Decoded(const json& args) {
  auto run = DecodeRunArgs(args, "default");
  INFO((run ? std::string() : Describe(run.error())));
  REQUIRE(run);
  return *std::move(run);
}

Error DecodeError(const json& args) {
  auto run = DecodeRunArgs(args, "default");
  INFO(DumpJson(args));
  REQUIRE_FALSE(run);
  CHECK(run.error().code == ErrorCode::kInvalidArgument);
  CHECK_FALSE(run.error().message.empty());
  return run.error();
}

void CheckConforms(const json& root_value, const json& root_schema) {
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
