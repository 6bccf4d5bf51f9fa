// An audit trail in a temporary directory, and a second door to its file for tampering. Test-only.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sqlite3.h>

#include "policies/audit/audit_log.h"
#include "policies/source/shipped.h"
#include "tests/unit/policies/fixtures.h"

namespace casemate::policies::test {

class Trail {
 public:
  explicit Trail(const std::string& dir, const std::string& incarnation = "server-1")
      : path_(dir + "/audit.db"), policy_(Load(std::string(ShippedPolicies().front().text))) {
    auto store = Store::Open(path_);
    INFO((store ? std::string() : Describe(store.error())));
    REQUIRE(store);
    store_ = *std::move(store);
    auto log = AuditLog::Open(*store_, incarnation);
    INFO((log ? std::string() : Describe(log.error())));
    REQUIRE(log);
    log_ = *std::move(log);
  }

  [[nodiscard]] AuditLog& log() { return *log_; }
  [[nodiscard]] Store& store() { return *store_; }

  Result<std::int64_t> TryBegin(const nlohmann::json& args = {{"network", "none"}}) {
    const nlohmann::json context = nlohmann::json::object();
    const Principal principal;
    const Decision decision = policy_->Decide({"run", principal, args, context, NoHistory()});
    return log_->Begin({"run", principal, "cli", args, context, decision});
  }
  std::int64_t Begin(const nlohmann::json& args = {{"network", "none"}}) {
    auto seq = TryBegin(args);
    INFO((seq ? std::string() : Describe(seq.error())));
    REQUIRE(seq);
    return *seq;
  }
  void End(std::int64_t seq) {
    auto ended = log_->End(seq, {{"status", "exited"}, {"exit_code", 0}});
    INFO((ended ? std::string() : Describe(ended.error())));
    REQUIRE(ended);
  }
  // `count` calls, each with its outcome: 2 × count records.
  void Calls(int count) {
    for (int i = 0; i < count; ++i) {
      End(Begin());
    }
  }

  AuditVerification Verify(const std::vector<std::string>& alive = {}) {
    auto verification = log_->Verify([&](const std::string& id) {
      return std::find(alive.begin(), alive.end(), id) != alive.end();
    });
    INFO((verification ? std::string() : Describe(verification.error())));
    REQUIRE(verification);
    return *std::move(verification);
  }

  // What an attacker with write access to the file does.
  void Tamper(const std::string& sql) {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path_.c_str(), &db) == SQLITE_OK);
    char* message = nullptr;
    const int code = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message);
    INFO(sql);
    INFO((message == nullptr ? "" : message));
    sqlite3_free(message);
    sqlite3_close(db);
    REQUIRE(code == SQLITE_OK);
  }

  std::vector<AuditRecord> All() {
    std::vector<AuditRecord> records;
    REQUIRE(log_->ForEach([&](const AuditRecord& record) { records.push_back(record); }));
    return records;
  }

 private:
  std::string path_;
  std::unique_ptr<PolicyEngine> policy_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<AuditLog> log_;
};

}  // namespace casemate::policies::test
