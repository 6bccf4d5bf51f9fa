#include "tools/job_runner.h"

#include <atomic>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "job_fixture.h"
#include "tools/run_spool.h"
#include "tools/tool_result_json.h"

namespace casemate::tools {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using test::Door;
using test::JobBench;
using test::TextResult;

TEST_CASE("a job is on disk before anybody learns its id, and ends with its result") {
  Door door;
  JobBench bench;
  std::string seen_id;
  bench.body = [&](CallContext& context) {
    bench.Expect(context.job->listed);
    seen_id = context.job->id;
    bench.Expect(static_cast<bool>(
        bench.store->Find(context.job->id, OwnerOf(context.principal))));  // durable first
    context.progress->Report(3, 9, "some output");
    door.Pass();
    ToolResult result = TextResult("first line\nsecond");
    result.more = {TextContent{"more"}, ResourceLink{"casemate://x", "x", "", "text/plain", 7},
                   MediaContent{std::string("\0\xff", 2), "image/png"},
                   ResourceContents{"casemate://y", "text/plain", "\xfe", true}};
    return result;
  };
  const JobView started = bench.Start();
  CHECK(IsRunId(started.id));
  CHECK(started.status == JobStatus::kWorking);
  CHECK(started.ttl_ms > 0);
  CHECK(started.audit_seq == 1);
  door.AwaitArrivals(1);
  const auto working = bench.jobs->Get(started.id, bench.me);
  REQUIRE(working);
  CHECK(working->progress == 3);
  CHECK(working->total == 9);
  CHECK(bench.jobs->ReportedText(started.id, bench.me) == "some output");
  CHECK(bench.jobs->WaitFor(started.id, bench.me, milliseconds(0))->status == JobStatus::kWorking);
  door.Open();
  const JobView ended = bench.End(started.id);
  CHECK(ended.status == JobStatus::kCompleted);
  CHECK(ended.status_message == "first line");
  CHECK(seen_id == started.id);

  // The whole result, also for the next server.
  bench.jobs->Shutdown();
  const auto stored = bench.OpenStore("next-server")->Find(started.id, OwnerOf(bench.me));
  REQUIRE(stored);
  REQUIRE(stored->job.result);
  CHECK(EncodeToolResult(*stored->job.result) == EncodeToolResult(*ended.result));
  CHECK(stored->job.result->structured["audit_seq"] == 1);
  REQUIRE(stored->job.result->more.size() == 4);
  CHECK(std::get<MediaContent>(stored->job.result->more[2]).bytes == std::string("\0\xff", 2));
  CHECK(std::get<ResourceContents>(stored->job.result->more[3]).binary);
  CHECK(bench.Unfinished().empty());
  CHECK(bench.announced == std::vector<std::string>(2, started.id));
}

TEST_CASE("an error of the tool is a completed job") {
  JobBench bench;
  bench.body = [](CallContext&) { return ErrorResult(InvalidArgument("x", "expected y")); };
  const JobView ended = bench.End(bench.Start().id);
  CHECK(ended.status == JobStatus::kCompleted);
  CHECK(ended.result->is_error);
}

TEST_CASE("jobs of others do not exist") {
  Door door;
  JobBench bench;
  bench.body = [&](CallContext& context) {
    door.Pass(context.stop);
    return TextResult("secret");
  };
  const std::string id = bench.Start().id;
  const auto check_hidden = [&] {
    CHECK(bench.jobs->Get(id, bench.other).error().code == ErrorCode::kNotFound);
    CHECK(bench.jobs->Update(id, bench.other, json::object()).error().code == ErrorCode::kNotFound);
    CHECK(bench.jobs->Cancel(id, bench.other).error().code == ErrorCode::kNotFound);
    CHECK_FALSE(bench.jobs->WaitFor(id, bench.other, milliseconds(0)));
    CHECK(bench.jobs->ReportedText(id, bench.other).empty());
    CHECK(bench.jobs->Complete("", bench.other).empty());
  };
  check_hidden();
  policies::Principal of_other_tenant = bench.me;
  of_other_tenant.tenant = "elsewhere";
  CHECK_FALSE(bench.jobs->Get(id, of_other_tenant));
  CHECK(bench.jobs->Get(id, bench.me)->status == JobStatus::kWorking);  // not cancelled
  door.Open();
  CHECK(bench.End(id).status == JobStatus::kCompleted);
  check_hidden();
  CHECK(bench.jobs->Complete(id.substr(0, 2), bench.me) == std::vector<std::string>{id});
  CHECK_FALSE(bench.jobs->Get(NewRunId(), bench.me));
}

TEST_CASE("a running job is cancelled, and one that has ended stays as it is") {
  Door door;
  JobBench bench;
  bench.body = [&](CallContext& context) {
    return door.Pass(context.stop) ? TextResult("done") : test::Cancelled();
  };
  const std::string id = bench.Start().id;
  door.AwaitArrivals(1);
  REQUIRE(bench.jobs->Cancel(id, bench.me));
  const JobView ended = bench.End(id);
  CHECK(ended.status == JobStatus::kCancelled);
  CHECK(ended.status_message == "cancelled on request");
  CHECK(bench.jobs->Cancel(id, bench.me));
  door.Open();
  const std::string second = bench.Start().id;
  CHECK(bench.End(second).status == JobStatus::kCompleted);
  CHECK(bench.jobs->Cancel(second, bench.me));
  CHECK(bench.jobs->Get(second, bench.me)->status == JobStatus::kCompleted);
}

TEST_CASE("jobs wait for a thread, and one that waits is cancelled without running") {
  Door door;
  JobBench bench({.max_running = 1, .max_queued = 2, .max_per_principal = 3});
  std::atomic<int> runs = 0;
  bench.body = [&](CallContext& context) {
    ++runs;
    door.Pass(context.stop);
    return TextResult("done");
  };
  const std::string first = bench.Start().id;
  door.AwaitArrivals(1);
  const std::string second = bench.Start().id;
  const std::string third = bench.Start().id;
  const auto refused = bench.jobs->Start(bench.Admit(), {bench.me, "test"});
  REQUIRE(std::holds_alternative<ToolResult>(refused));
  CHECK(std::get<ToolResult>(refused).structured["error"]["kind"] == "resource_exhausted");
  CHECK(std::get<ToolResult>(refused).structured["status"] == "not_run");

  REQUIRE(bench.jobs->Cancel(second, bench.me));
  CHECK(bench.jobs->Get(second, bench.me)->status == JobStatus::kCancelled);
  door.Open();
  CHECK(bench.End(first).status == JobStatus::kCompleted);
  CHECK(bench.End(third).status == JobStatus::kCompleted);
  CHECK(runs == 2);
  CHECK(bench.Unfinished().empty());  // refused and cancelled ones are recorded too
}

TEST_CASE("one principal cannot take all places") {
  Door door;
  JobBench bench({.max_per_principal = 1});
  bench.body = [&](CallContext& context) {
    door.Pass(context.stop);
    return TextResult("done");
  };
  bench.Start();
  CHECK(std::holds_alternative<ToolResult>(bench.jobs->Start(bench.Admit(), {bench.me, "test"})));
  CHECK(std::holds_alternative<JobView>(bench.jobs->Start(bench.Admit(), {bench.other, "test"})));
  door.Open();
}

TEST_CASE("what cannot be made durable is not run") {
  JobBench bench;
  std::atomic<int> runs = 0;
  bench.body = [&](CallContext&) {
    ++runs;
    return TextResult("done");
  };
  AdmittedCall call = bench.Admit();
  REQUIRE(bench.trail.store->Execute("PRAGMA query_only = 1"));
  const auto started = bench.jobs->Start(std::move(call), {bench.me, "test"});
  REQUIRE(bench.trail.store->Execute("PRAGMA query_only = 0"));
  REQUIRE(std::holds_alternative<ToolResult>(started));
  CHECK(std::get<ToolResult>(started).is_error);
  CHECK(runs == 0);
}

TEST_CASE("a shutdown cancels what runs and what waits, with that reason") {
  Door door;
  JobBench bench({.max_running = 1});
  bench.body = [&](CallContext& context) {
    return door.Pass(context.stop) ? TextResult("done") : test::Cancelled();
  };
  const std::string running = bench.Start().id;
  door.AwaitArrivals(1);
  const std::string waiting = bench.Start().id;
  bench.jobs->Shutdown();
  for (const std::string& id : {running, waiting}) {
    const auto job = bench.jobs->Get(id, bench.me);
    REQUIRE(job);
    CHECK(job->status == JobStatus::kCancelled);
    CHECK(job->status_message == "the server was shut down");
  }
  CHECK(bench.Unfinished().empty());
  CHECK(std::holds_alternative<ToolResult>(bench.jobs->Start(bench.Admit(), {bench.me, "test"})));
}

TEST_CASE("jobs of a dead server are failed, those of a living one are not") {
  JobBench bench;
  const auto insert = [&](const std::string& incarnation) {
    JobView job;
    job.id = NewRunId();
    job.tool = "work";
    job.owner = OwnerOf(bench.me);
    job.created_ms = job.updated_ms = 4'000'000'000'000;
    REQUIRE(bench.OpenStore(incarnation)->Insert(job));
    return job.id;
  };
  const std::string at_start = insert("dead-server");
  const std::string living = insert("living-server");
  const std::string later = insert("dying-server");
  bench.dead = {"dead-server"};
  (void)bench.OpenStore("new-server");
  const auto failed = bench.jobs->Get(at_start, bench.me);
  REQUIRE(failed);
  CHECK(failed->status == JobStatus::kFailed);
  CHECK(failed->status_message == "the server that ran it ended");
  CHECK(bench.jobs->Get(living, bench.me)->status == JobStatus::kWorking);
  CHECK(bench.jobs->Cancel(living, bench.me).error().code == ErrorCode::kUnavailable);
  CHECK(bench.jobs->Update(living, bench.me, json::object()).error().code ==
        ErrorCode::kUnavailable);
  CHECK(bench.jobs->WaitFor(living, bench.me, milliseconds(1))->status == JobStatus::kWorking);
  bench.dead.insert("dying-server");  // while we live: found when somebody looks
  CHECK(bench.jobs->Get(later, bench.me)->status == JobStatus::kFailed);
}

TEST_CASE("old jobs are forgotten, running ones never") {
  Door door;
  JobBench bench({}, {.max_jobs = 2, .ttl_ms = 1000});
  bench.body = [&](CallContext& context) {
    door.Pass(context.stop);
    return TextResult("done");
  };
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) {
    ids.push_back(bench.Start().id);
  }
  for (const std::string& id : ids) {
    CHECK(bench.jobs->Get(id, bench.me));
  }
  door.Open();
  for (const std::string& id : ids) {
    bench.End(id);
  }
  ids.push_back(bench.Start().id);
  CHECK_FALSE(bench.jobs->Get(ids[0], bench.me));
  CHECK(bench.jobs->Get(ids[3], bench.me));
  bench.End(ids[4]);
  REQUIRE(bench.trail.store->Execute("UPDATE jobs SET created_ms = created_ms - 2000"));
  (void)bench.OpenStore("next-server");
  CHECK_FALSE(bench.jobs->Get(ids[4], bench.me));
}

TEST_CASE("who has most ended jobs loses first") {
  JobBench bench({}, {.max_jobs = 3});
  bench.body = [](CallContext&) { return TextResult("done"); };
  const auto started = bench.jobs->Start(bench.Admit(), {bench.other, "test"});
  const std::string few = std::get<JobView>(started).id;
  while (!HasEnded(bench.jobs->WaitFor(few, bench.other, milliseconds(10))->status)) {
  }
  std::vector<std::string> many;
  for (int i = 0; i < 5; ++i) {
    many.push_back(bench.Start().id);
    bench.End(many.back());
  }
  CHECK(bench.jobs->Get(few, bench.other));
  CHECK_FALSE(bench.jobs->Get(many[2], bench.me));
  CHECK(bench.jobs->Get(many[3], bench.me));
}

TEST_CASE("an end that cannot be stored is known all the same, and stored once that goes again") {
  JobBench bench({.max_per_principal = 1});
  bench.body = [&](CallContext&) {
    bench.Expect(bench.trail.store->Execute("ALTER TABLE jobs RENAME TO gone").ok());
    return TextResult("done");
  };
  const std::string id = bench.Start().id;
  CHECK(bench.End(id).result->text == "done");  // by memory alone
  REQUIRE(bench.trail.store->Execute("ALTER TABLE gone RENAME TO jobs"));
  bench.body = [](CallContext&) { return TextResult("next"); };
  CHECK(bench.End(bench.Start().id).result->text == "next");  // its place is free again
  CHECK(bench.jobs->Get(id, bench.me)->result->text == "done");
}

TEST_CASE("a damaged stored result is an error, not a crash") {
  for (const char* wrong : {"", "{", "[]", "{}", R"({"is_error":1,"text":"","more":[]})",
                            R"({"is_error":false,"text":"","more":[{"type":"link"}]})"}) {
    INFO(wrong);
    CHECK(DecodeToolResult(wrong).error().code == ErrorCode::kDataLoss);
  }
}

TEST_CASE("a call that asks for the background becomes a job") {
  JobBench bench;
  CallContext context;
  context.channel = "test";
  const auto result = bench.executor.Call("work", {{"background", true}}, context);
  REQUIRE(result);
  CHECK_FALSE(result->is_error);
  CHECK(result->structured["status"] == "working");
  CHECK(result->structured["audit_seq"] == 1);
  const std::string id = result->structured["job_id"];
  CHECK(result->text.find(id) != std::string::npos);
  CHECK(bench.End(id).result->text == "done");

  bench.executor.set_jobs(nullptr);
  const auto refused = bench.executor.Call("work", {{"background", true}}, context);
  REQUIRE(refused);
  CHECK(refused->structured["error"]["field"] == "args.background");
  CHECK(bench.Unfinished().empty());
}

}  // namespace
}  // namespace casemate::tools
