// Calls that become jobs on the way, and jobs that ask.
#include <atomic>
#include <thread>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "job_fixture.h"

namespace casemate::tools {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using test::Door;
using test::JobBench;
using test::TextResult;

constexpr milliseconds kLong{60'000};

class Recorder : public ProgressSink, public LogSink {
 public:
  void Report(double /*progress*/, std::optional<double> /*total*/,
              std::string_view message) override {
    reports += message;
  }
  void Write(Severity /*severity*/, std::string_view /*logger*/, const json& data) override {
    logs += data.dump();
  }
  std::string reports;
  std::string logs;
};

class ScriptedAsker : public Asker {
 public:
  explicit ScriptedAsker(std::function<Result<Answers>()> answer) : answer_(std::move(answer)) {}
  [[nodiscard]] bool Supports(AskKind kind) const override { return kind == AskKind::kForm; }
  Result<Answers> Ask(const std::vector<Question>& /*questions*/) override { return answer_(); }

 private:
  std::function<Result<Answers>()> answer_;
};

const json kYes = {{"action", "accept"}, {"content", {{"confirm", true}}}};

TEST_CASE("a call that ends in time is no job") {
  JobBench bench;
  Recorder recorder;
  std::string id;
  bench.body = [&](CallContext& context) {
    id = context.job->id;
    bench.Expect(!context.job->listed);
    bench.Expect(!bench.jobs->Get(id, bench.me));
    context.progress->Report(1, std::nullopt, "working");
    context.log->Write(Severity::kInfo, "work", "noted");
    return TextResult("done");
  };
  CallContext context;
  context.progress = &recorder;
  context.log = &recorder;
  const auto started = bench.jobs->RunOrDefer(bench.Admit(), {bench.me, "test"}, context, kLong);
  REQUIRE(std::holds_alternative<ToolResult>(started));
  CHECK(std::get<ToolResult>(started).text == "done");
  CHECK(recorder.reports == "working");
  CHECK(recorder.logs == "\"noted\"");
  CHECK_FALSE(bench.jobs->Get(id, bench.me));
  CHECK(bench.announced.empty());
}

TEST_CASE("a call that takes long becomes a job and leaves its caller alone") {
  Recorder recorder;
  Door door;
  JobBench bench;
  bench.body = [&](CallContext& context) {
    context.progress->Report(1, std::nullopt, "before ");
    door.Pass();
    bench.Expect(context.job->listed);
    context.progress->Report(2, std::nullopt, "after");
    context.log->Write(Severity::kInfo, "work", "noted");
    return TextResult("done");
  };
  CallContext context;
  context.progress = &recorder;
  context.log = &recorder;
  const auto started =
      bench.jobs->RunOrDefer(bench.Admit(), {bench.me, "test"}, context, milliseconds(0));
  REQUIRE(std::holds_alternative<JobView>(started));
  const std::string id = std::get<JobView>(started).id;
  CHECK(bench.jobs->Get(id, bench.me));
  door.Open();
  CHECK(bench.End(id).result->text == "done");
  CHECK(recorder.reports.find("after") == std::string::npos);
  CHECK(recorder.logs.empty());
}

TEST_CASE("a call in the foreground is cancelled by its caller") {
  Door door;
  JobBench bench;
  bench.body = [&](CallContext& context) {
    return door.Pass(context.stop) ? TextResult("done") : test::Cancelled();
  };
  CallContext context;
  std::stop_source stop;
  context.stop = stop.get_token();
  std::jthread canceller([&] {
    door.AwaitArrivals(1);
    stop.request_stop();
  });
  const auto started = bench.jobs->RunOrDefer(bench.Admit(), {bench.me, "test"}, context, kLong);
  REQUIRE(std::holds_alternative<ToolResult>(started));
  CHECK(std::get<ToolResult>(started).structured["error"]["kind"] == "cancelled");
  CHECK(bench.Unfinished().empty());
}

TEST_CASE("a call that cannot be made durable stays in the foreground") {
  JobBench bench;
  bench.body = [&](CallContext& context) {
    // Only a job could ask here, and there can be none.
    const auto answers = context.Ask({ConfirmQuestion("sure", "Sure?")});
    return TextResult(answers ? "asked" : answers.error().message);
  };
  REQUIRE(bench.trail.store->Execute("ALTER TABLE jobs RENAME TO gone"));
  CallContext context;
  const auto started =
      bench.jobs->RunOrDefer(bench.Admit(), {bench.me, "test", {AskKind::kForm}}, context, kLong);
  REQUIRE(std::holds_alternative<ToolResult>(started));
  CHECK(std::get<ToolResult>(started).text == "the question could not be asked");
}

TEST_CASE("without a place among the jobs a call runs on its caller's thread") {
  JobBench bench({.max_per_principal = 0});
  std::thread::id ran_on;
  bench.body = [&](CallContext&) {
    ran_on = std::this_thread::get_id();
    return TextResult("done");
  };
  CallContext context;
  const auto started = bench.jobs->RunOrDefer(bench.Admit(), {bench.me, "test"}, context, kLong);
  CHECK(std::get<ToolResult>(started).text == "done");
  CHECK(ran_on == std::this_thread::get_id());
}

TEST_CASE("in the foreground a call asks its caller, and is not deferred meanwhile") {
  JobBench bench;
  ScriptedAsker asker([&]() -> Result<Answers> { return Answers{{"sure", kYes}}; });
  bench.body = [&](CallContext& context) {
    bench.Expect(context.asker->Supports(AskKind::kForm));
    bench.Expect(!context.asker->Supports(AskKind::kSampling));
    const auto answers = context.Ask({ConfirmQuestion("sure", "Sure?")});
    return TextResult(answers && answers->contains("sure") ? "sure" : "unsure");
  };
  CallContext context;
  context.asker = &asker;
  const auto started = bench.jobs->RunOrDefer(bench.Admit(), {bench.me, "test"}, context, kLong);
  CHECK(std::get<ToolResult>(started).text == "sure");
}

TEST_CASE("a call that asks where nobody waits becomes a job at once, and is answered there") {
  JobBench bench;
  bench.body = [&](CallContext& context) {
    const auto first =
        context.Ask({ConfirmQuestion("sure", "Sure?"), ConfirmQuestion("really", "Really?")});
    const auto second = context.Ask({ConfirmQuestion("sure", "Still sure?")});
    return TextResult(first && first->size() == 2 && second &&
                              ReadForm(*second, "sure", "confirm").accepted
                          ? "sure"
                          : "unsure");
  };
  CallContext context;
  const auto started =
      bench.jobs->RunOrDefer(bench.Admit(), {bench.me, "test", {AskKind::kForm}}, context, kLong);
  REQUIRE(std::holds_alternative<JobView>(started));
  const std::string id = std::get<JobView>(started).id;
  const JobView asks = bench.End(id);
  CHECK(asks.status == JobStatus::kInputRequired);
  REQUIRE(asks.questions.size() == 2);
  CHECK(bench.store->Find(id, OwnerOf(bench.me))->job.status == JobStatus::kInputRequired);

  CHECK(bench.jobs->Update(id, bench.me, {{"sure", 1}}).error().code ==
        ErrorCode::kInvalidArgument);
  REQUIRE(bench.jobs->Update(id, bench.me, {{"sure", kYes}, {"unknown", kYes}}));
  const auto half = bench.jobs->Get(id, bench.me);
  REQUIRE(half->questions.size() == 1);
  CHECK(half->questions[0].key == "really");
  REQUIRE(bench.jobs->Update(id, bench.me, {{"really", kYes}}));

  // The second question has a key of its own: an answer is never taken for another question's.
  auto again = bench.jobs->Get(id, bench.me);
  while (again && (again->questions.empty() || again->questions[0].key != "sure_2")) {
    std::this_thread::yield();
    again = bench.jobs->Get(id, bench.me);
  }
  REQUIRE(bench.jobs->Update(id, bench.me, {{"sure_2", kYes}}));
  auto ended = bench.jobs->Get(id, bench.me);
  while (!HasEnded(ended->status)) {
    std::this_thread::yield();
    ended = bench.jobs->Get(id, bench.me);
  }
  CHECK(ended->result->text == "sure");
}

TEST_CASE("a job asks nobody whose client cannot answer") {
  JobBench bench;
  bench.body = [&](CallContext& context) {
    bench.Expect(!context.asker->Supports(AskKind::kForm));
    const auto answers = context.Ask({ConfirmQuestion("sure", "Sure?")});
    return answers ? TextResult("asked") : ErrorResult(answers.error());
  };
  const JobView ended = bench.End(bench.Start().id);
  CHECK(ended.result->structured["error"]["kind"] == "unsupported_by_client");
}

TEST_CASE("a question ends with its time, and with its job") {
  JobBench bench({.ask_time = milliseconds(1)});
  bench.body = [&](CallContext& context) {
    const auto answers = context.Ask({ConfirmQuestion("sure", "Sure?")});
    return answers ? TextResult("asked") : ErrorResult(answers.error());
  };
  const std::string id = bench.Start({AskKind::kForm}).id;
  auto ended = bench.jobs->Get(id, bench.me);
  while (!HasEnded(ended->status)) {
    std::this_thread::yield();
    ended = bench.jobs->Get(id, bench.me);
  }
  CHECK(ended->result->structured["error"]["kind"] == "unavailable");

  JobBench patient;
  patient.body = bench.body;
  const std::string second = patient.Start({AskKind::kForm}).id;
  CHECK(patient.End(second).status == JobStatus::kInputRequired);
  REQUIRE(patient.jobs->Cancel(second, patient.me));
  patient.jobs->Shutdown();
  CHECK(patient.jobs->Get(second, patient.me)->status == JobStatus::kCancelled);
}

}  // namespace
}  // namespace casemate::tools
