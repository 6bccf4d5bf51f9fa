#include "mcp/config_rego.h"

#include "mcp/config_fields.h"

namespace casemate {
namespace {

constexpr std::int64_t kMaxBudgetMs = 1000;

Result<void> ReadKeys(const YamlNode& section, policies::OpaOptions& rego) {
  auto budget = static_cast<std::size_t>(rego.budget_ms);
  auto read =
      Steps()
          .Then([&] { return ReadPath(section, "bundle", rego.bundle); })
          .Then([&] { return ReadPath(section, "opa", rego.opa); })
          .Then([&] { return ReadPath(section, "verification_key", rego.verification_key); })
          .Then([&] { return ReadSize(section, "budget_ms", 1, kMaxBudgetMs, budget); })
          .Take();
  rego.budget_ms = static_cast<std::int64_t>(budget);
  // Somebody who configures Rego means it to decide.
  if (read && rego.bundle.empty()) {
    return InvalidArgument(section.Where(), "expected the key `bundle`: a directory or a .tar.gz");
  }
  return read;
}

}  // namespace

Result<void> ReadRegoSection(const YamlNode& root, Config& config) {
  return ReadSection(root, "rego", {"bundle", "opa", "verification_key", "budget_ms"},
                     [&](const YamlNode& section) { return ReadKeys(section, config.rego); });
}

Result<void> OverrideOpa(Config& config) {
  const std::string opa = Environment("CASEMATE_OPA");
  if (opa.empty()) {
    return {};
  }
  auto absolute = Absolute(opa);
  if (!absolute) {
    return std::move(absolute).error();
  }
  config.rego.opa = *std::move(absolute);
  return {};
}

}  // namespace casemate
