// Jobs of a scripted tool under a real gate, trail and database. Test-only.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fixtures.h"
#include "tools/executor.h"
#include "tools/job_runner.h"
#include "tools/job_store.h"

namespace casemate::tools::test {

// A door, which outlives the jobs, that calls wait behind until the test opens it.
class Door {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  // False: stopped.
  bool Pass(const std::stop_token& stop = {}) {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    return changed_.wait(lock, stop, [this] { return open_; });
  }
  void AwaitArrivals(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool open_ = false;
  int arrived_ = 0;
};

using Body = std::function<ToolResult(CallContext&)>;

class BodyCall : public PreparedCall {
 public:
  BodyCall(Body body, json args) : body_(std::move(body)), args_(std::move(args)) {}
  [[nodiscard]] const json& normalised() const override { return args_; }
  [[nodiscard]] const json& context() const override { return context_; }
  [[nodiscard]] bool background() const override { return args_.value("background", false); }
  ToolResult Run(const policies::Grant& /*grant*/, CallContext& context) override {
    return body_(context);
  }

 private:
  Body body_;
  json args_;
  json context_ = json::object();
};

class BodyTool : public Tool {
 public:
  explicit BodyTool(Body& body) : body_(body) {
    spec_.name = "work";
    spec_.input_schema = {{"type", "object"}};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& /*stop*/) const override {
    return std::unique_ptr<PreparedCall>(std::make_unique<BodyCall>(body_, args));
  }

 private:
  Body& body_;
  ToolSpec spec_;
};

inline ToolResult TextResult(const std::string& text) {
  ToolResult result;
  result.text = text;
  result.structured = {{"status", "exited"}, {"stdout", text}};
  result.audit = {{"status", "exited"}};
  return result;
}

inline ToolResult Cancelled() {
  return ErrorResult(Error{ErrorCode::kCancelled, "cancelled", {}, {}, 0});
}

struct JobBench {
  Trail trail;
  Body body = [](CallContext&) { return TextResult("done"); };
  std::unique_ptr<policies::PolicyEngine> policy = LoadPolicy(R"(
version: 1
rules:
  - {id: all, effect: allow, tools: ["*"], match: [{tool: work}]}
)");
  Catalog catalog;
  Gate gate{*policy, *trail.audit};
  ToolExecutor executor{catalog, gate};
  Changes changes;
  std::atomic<int> wrong = 0;
  std::mutex mutex;
  std::set<std::string> dead;          // guarded by mutex
  std::vector<std::string> announced;  // guarded by mutex
  std::unique_ptr<JobStore> store;
  std::unique_ptr<JobRunner> jobs;
  Changes::Subscription watch;
  policies::Principal me;
  policies::Principal other{.id = "other", .tenant = "local", .roles = {}};

  explicit JobBench(JobOptions options = {}, JobStoreOptions kept = {}) {
    REQUIRE(catalog.Add(std::make_unique<BodyTool>(body)));
    store = OpenStore("this-server", kept);
    jobs = std::make_unique<JobRunner>(executor, *store, &changes, options);
    executor.set_jobs(jobs.get());
    watch = changes.Observe([this](const Change& change) {
      const std::lock_guard lock(mutex);
      if (change.kind == Change::Kind::kJob) {
        announced.push_back(change.subject);
      }
    });
  }
  ~JobBench() {
    jobs->Shutdown();
    CHECK(wrong == 0);
  }
  // As CHECK, for the threads of jobs: Catch2's own is for the main thread only.
  void Expect(bool holds) { wrong += holds ? 0 : 1; }
  std::unique_ptr<JobStore> OpenStore(const std::string& incarnation, JobStoreOptions kept = {}) {
    auto opened = JobStore::Open(
        *trail.store, incarnation,
        [this](const std::string& id) {
          const std::lock_guard lock(mutex);
          return !dead.contains(id);
        },
        kept);
    INFO((opened ? std::string() : Describe(opened.error())));
    REQUIRE(opened);
    return *std::move(opened);
  }
  AdmittedCall Admit() {
    CallContext context;
    context.channel = "test";
    auto admission = executor.Admit("work", json::object(), context);
    REQUIRE(admission);
    REQUIRE(std::holds_alternative<AdmittedCall>(*admission));
    return std::get<AdmittedCall>(*std::move(admission));
  }
  JobView Start(std::set<AskKind> may_ask = {}) {
    auto started = jobs->Start(Admit(), {me, "test", std::move(may_ask)});
    REQUIRE(std::holds_alternative<JobView>(started));
    return std::get<JobView>(started);
  }
  // How it ended.
  JobView End(const std::string& id) {
    auto job = jobs->WaitFor(id, me, std::chrono::minutes(1));
    REQUIRE(job);
    return *std::move(job);
  }
  // The numbers of intents without an outcome.
  [[nodiscard]] std::vector<std::int64_t> Unfinished() const {
    return *trail.audit->UnfinishedIntents("test-incarnation");
  }
};

}  // namespace casemate::tools::test
