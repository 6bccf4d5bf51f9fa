// How /metrics is answered when policy, trail or the threads for what is short say no.
#include "mcp/transport/http/metrics_request.h"

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>

#include <catch2/catch.hpp>

#include "tests/unit/mcp/server_fixture.h"
#include "tools/metrics_reader.h"

namespace casemate::mcp {
namespace {

// Keeps the one response.
class Keeper : public http::Responder {
 public:
  void Send(http::Response response) override {
    const std::lock_guard lock(mutex_);
    response_ = std::move(response);
    came_.notify_all();
  }
  void Begin(http::Response /*head*/) override {}
  bool Write(std::string /*bytes*/, bool /*droppable*/) override { return false; }
  void End() override {}
  void OnGone(std::function<void()> /*gone*/) override {}
  http::Response Await() {
    std::unique_lock lock(mutex_);
    REQUIRE(came_.wait_for(lock, std::chrono::seconds(30), [&] { return response_.has_value(); }));
    return *response_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::optional<http::Response> response_;
};

struct Bench {
  casemate::testing::TempDir directory;
  std::unique_ptr<Store> store;
  std::unique_ptr<policies::AuditLog> audit;
  std::unique_ptr<policies::PolicyEngine> policy;
  tools::Catalog catalog;
  MetricsRegistry registry;
  std::unique_ptr<tools::Gate> gate;
  std::unique_ptr<tools::ToolExecutor> executor;
  std::unique_ptr<tools::MetricsReader> reader;
  std::unique_ptr<Server> server;

  Bench() {
    auto opened = Store::Open(directory.path() + "/casemate.db");
    REQUIRE(opened);
    store = *std::move(opened);
    auto log = policies::AuditLog::Open(*store, "test");
    REQUIRE(log);
    audit = *std::move(log);
    auto loaded = policies::LoadYamlPolicy(
        "version: 1\nrules:\n  - {id: metrics, effect: allow, tools: [metrics_read], principals: "
        "{ids: [local]}}\n",
        "policy.yaml");
    REQUIRE(loaded);
    policy = *std::move(loaded);
    registry.AddCounters("n_total", "Count.").With({}).Add();
    gate = std::make_unique<tools::Gate>(*policy, *audit);
    executor = std::make_unique<tools::ToolExecutor>(catalog, *gate);
    reader = std::make_unique<tools::MetricsReader>(registry, *gate);
    ServerOptions options;
    options.reserved = {.working = 1, .working_each = 1, .queued = 1, .queued_each = 1};
    const Backends backends{.executor = *executor, .gate = *gate, .metrics = reader.get()};
    server = std::make_unique<Server>(backends, options);
  }
  http::Response Ask(const std::string& method, policies::Principal principal = {}) {
    const auto responder = std::make_shared<Keeper>();
    AnswerMetrics(*server, {method, "/metrics", {}, {}, {}}, std::move(principal), responder,
                  {{"Vary", "Origin"}});
    return responder->Await();
  }
};

std::string HeaderOf(const http::Response& response, const char* name) {
  return std::string(http::FindHeader(response.headers, name).value.value_or("none"));
}

}  // namespace

TEST_CASE("Metrics are shown to whom policy lets, with the headers of the path", "[metrics]") {
  Bench bench;
  for (const char* method : {"GET", "HEAD"}) {
    const auto shown = bench.Ask(method);
    CHECK(shown.status == 200);
    CHECK(shown.body == "# HELP n_total Count.\n# TYPE n_total counter\nn_total 1\n");
    CHECK(HeaderOf(shown, "Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(HeaderOf(shown, "Vary") == "Origin");
  }
  const auto refused = bench.Ask("GET", {"stranger", "elsewhere", {}});
  CHECK(refused.status == 403);
  CHECK_THAT(refused.body, Catch::Contains("metrics_read") && !Catch::Contains("n_total"));
  CHECK(HeaderOf(refused, "Vary") == "Origin");
  const auto posted = bench.Ask("POST");
  CHECK(posted.status == 405);
  CHECK(HeaderOf(posted, "Allow") == "GET, HEAD");
}

TEST_CASE("Metrics that cannot be recorded are not shown", "[metrics]") {
  Bench bench;
  REQUIRE(bench.store->Execute("PRAGMA query_only = 1"));
  const auto failed = bench.Ask("GET");
  CHECK(failed.status == 503);
  CHECK_THAT(failed.body, Catch::Contains("audit trail") && !Catch::Contains("n_total"));
}

TEST_CASE("Where too much waits already, metrics are refused at once", "[metrics]") {
  Bench bench;
  std::promise<void> begun;
  std::promise<void> end;
  FairPool& pool = bench.server->reserved();
  REQUIRE(pool.Submit("other", [&] {
    begun.set_value();
    end.get_future().wait();
  }));
  begun.get_future().wait();
  REQUIRE(pool.Submit("other", [] {}));  // it waits for the one thread
  const auto busy = bench.Ask("GET");
  CHECK(busy.status == 503);
  CHECK_THAT(busy.body, Catch::Contains("busy"));
  end.set_value();
  bench.server->Shutdown();
}

}  // namespace casemate::mcp
