// Whole calls of `run` through the real policy, trail, launcher and sandbox.
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "fixtures.h"
#include "sandbox/native/launcher_client.h"
#include "tools/executor.h"
#include "tools/job_tools.h"
#include "tools/run.h"

namespace casemate::tools {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

class Recorder : public ProgressSink {
 public:
  void Report(double /*progress*/, std::optional<double> /*total*/,
              std::string_view message) override {
    streamed += message;
    if (on_report) {
      on_report();
    }
  }
  std::string streamed;
  std::function<void()> on_report;
};

struct Line {
  std::unique_ptr<sandbox::LauncherClient> launcher;
  std::unique_ptr<sandbox::SandboxRunner> runner;
  test::Trail trail;
  test::TempDir roots;
  std::unique_ptr<policies::PolicyEngine> policy = test::ShippedPolicy();
  Catalog catalog;
  Gate gate{*policy, *trail.audit};
  ToolExecutor executor{catalog, gate};
  Recorder progress;
  std::stop_source stop;

  Line() {
    for (const char* name : {"/rw", "/ro", "/other"}) {
      fs::create_directory(roots.path() + name);
    }
    const std::vector<policies::WorkspaceRoot> allowed = {{roots.path() + "/rw", true},
                                                          {roots.path() + "/ro", false}};
    auto started = sandbox::LauncherClient::Start("unit-tools-" + RandomHex(8),
                                                  sandbox::Mode::kStrict, 0, allowed);
    INFO((started ? std::string() : Describe(started.error())));
    REQUIRE(started);
    launcher = *std::move(started);
    runner = std::make_unique<sandbox::SandboxRunner>(*launcher);
    REQUIRE(catalog.Add(MakeRunTool(*runner, {.roots = allowed,
                                              .default_profile = "default",
                                              .config_file = "/etc/casemate/config.yaml"})));
  }
  ToolResult Call(const json& args) {
    CallContext context;
    context.channel = "test";
    context.progress = &progress;
    context.stop = stop.get_token();
    auto result = executor.Call("run", args, context);
    REQUIRE(result);
    test::CheckConforms(result->structured, catalog.FindTool("run")->spec().output_schema);
    return *std::move(result);
  }
  // Standard output of a call that must exit with `exit_code`.
  std::string Output(const json& args, int exit_code = 0) {
    const ToolResult result = Call(args);
    INFO(result.text);
    CHECK_FALSE(result.is_error);
    CHECK(result.structured["exit_code"] == exit_code);
    return result.structured.value("stdout", "");
  }
};

std::string ReadAll(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST_CASE("a command runs with input, environment and files, and streams") {
  Line line;
  CHECK(line.Output({{"command", {"sh", "-c", "cat; echo $NAME; cat sub/a; pwd; exit 7"}},
                     {"stdin", "in\n"},
                     {"env", {{"NAME", "value"}}},
                     {"files", {{{"path", "sub/a"}, {"content", "file\n"}}}}},
                    7) == "in\nvalue\nfile\n/workspace\n");
  CHECK(line.progress.streamed == "in\nvalue\nfile\n/workspace\n");
  const auto records = line.trail.Records();
  REQUIRE(records.size() == 2);
  CHECK(records[1]["kind"] == "outcome");
}

TEST_CASE("each installed language runs, imports from the working directory, leaves it clean") {
  Line line;
  const std::array<std::array<const char*, 4>, 7> snippets = {{
      {"python", "import helper\nprint(helper.x)", "helper.py", "x = 42"},
      {"javascript", "console.log(require('./helper').x)", "helper.js", "exports.x = 42"},
      {"javascript", "import {x} from './helper.mjs'; console.log(await x)", "helper.mjs",
       "export const x = 42"},
      // As a script this is no stray await but a missing parenthesis.
      {"javascript", "console.log(await require('./helper').x)", "helper.js", "exports.x = 42"},
      {"bash", ". ./helper.sh; echo $x", "helper.sh", "x=42"},
      {"c", "#include <stdio.h>\n#include \"helper.h\"\nint main(){printf(\"%d\\n\", X);}",
       "helper.h", "#define X 42"},
      {"cpp", "#include <iostream>\n#include \"helper.h\"\nint main(){std::cout<<X<<'\\n';}",
       "helper.h", "#define X 42"},
  }};
  for (const auto& [language, code, path, content] : snippets) {
    INFO(language);
    if (!FindToolchain(*FindLanguage(language), ToolchainDirectories())) {
      WARN("SKIPPED: " << language << " is not installed");
      continue;
    }
    CHECK(line.Output({{"code", code},
                       {"language", language},
                       {"files", {{{"path", path}, {"content", content}}}}}) == "42\n");
  }
  CHECK(line.Output({{"code", "ls -A | wc -l"}, {"language", "bash"}}) == "0\n");
}

TEST_CASE("code that does not compile shows the compiler's words and exit code") {
  Line line;
  if (!FindToolchain(*FindLanguage("c"), ToolchainDirectories())) {
    WARN("SKIPPED: gcc is not installed");
    return;
  }
  const ToolResult result = line.Call({{"code", "int main( {"}, {"language", "c"}});
  CHECK_FALSE(result.is_error);
  CHECK(result.structured["exit_code"] == 1);
  CHECK(result.structured["stderr"].get<std::string>().find("error:") != std::string::npos);
}

TEST_CASE("limits stop a run, and the result says which") {
  Line line;
  const ToolResult late = line.Call({{"command", {"sleep", "60"}}, {"timeout_ms", 100}});
  CHECK(late.is_error);
  CHECK(late.structured["error"]["kind"] == "timed_out");
  const ToolResult flood = line.Call({{"command", {"sh", "-c", "yes | head -c 1000000; echo END"}},
                                      {"limits", {{"output_kb", 4}}}});
  CHECK_FALSE(flood.is_error);
  CHECK(flood.structured["truncated"]["stdout"] == true);
  CHECK(flood.structured["stdout_bytes"] == 1'000'004);
  const auto kept = flood.structured["stdout"].get<std::string>();
  CHECK(kept.size() < 4200);
  CHECK(kept.starts_with("y\ny\n"));
  CHECK(kept.ends_with("END\n"));
  CHECK(kept.find(" bytes cut …]") != std::string::npos);
}

TEST_CASE("what was not allowed is refused before anything runs") {
  Line line;
  const ToolResult memory =
      line.Call({{"command", {"true"}}, {"limits", {{"memory_mb", 100'000}}}});
  CHECK(memory.is_error);
  CHECK(memory.structured["error"]["field"] == "args.limits.memory_mb");
  CHECK(memory.structured["status"] == "not_run");
  const ToolResult outside =
      line.Call({{"command", {"true"}}, {"workspace", line.roots.path() + "/other"}});
  CHECK(outside.structured["error"]["kind"] == "refused");
  CHECK(outside.structured["error"]["remedy"].get<std::string>().find(
            "/etc/casemate/config.yaml") != std::string::npos);
  for (const std::string& way : {"use `" + line.roots.path() + "/rw` or a directory below it",
                                 line.roots.path() + "/ro` or a directory below it (read-only)",
                                 std::string("leave `workspace` out")}) {
    CHECK_THAT(outside.text, Catch::Contains(way));
  }
  const ToolResult missing =
      line.Call({{"command", {"true"}}, {"workspace", line.roots.path() + "/other/missing"}});
  CHECK(missing.structured["error"]["kind"] == "refused");
}

TEST_CASE("a refusal names only the roots that policy allows the caller") {
  Line line;
  const auto one = test::LoadPolicy(
      "version: 1\nrules:\n  - {id: one, effect: allow, tools: [run], workspace: host_read, "
      "when: {path: context.workspace_root, eq: " +
      line.roots.path() + "/ro}}\n");
  Gate gate(*one, *line.trail.audit);
  ToolExecutor executor(line.catalog, gate);
  CallContext context;
  const auto refused = executor.Call(
      "run", {{"command", {"true"}}, {"workspace", line.roots.path() + "/other"}}, context);
  REQUIRE(refused);
  CHECK_THAT(refused->text, Catch::Contains("use `" + line.roots.path() + "/ro` or"));
  CHECK_THAT(refused->text, !Catch::Contains(line.roots.path() + "/rw"));
  CHECK_THAT(refused->text, !Catch::Contains("leave `workspace` out"));
  CHECK_THAT(line.trail.Records().back().dump(), !Catch::Contains(line.roots.path() + "/rw"));
}

TEST_CASE("a policy that forgets the roots still opens nothing outside of them") {
  Line line;
  const auto generous = test::LoadPolicy(
      "version: 1\nrules:\n  - {id: all, effect: allow, tools: [run], workspace: host_write}\n");
  Gate gate(*generous, *line.trail.audit);
  ToolExecutor executor(line.catalog, gate);
  CallContext context;
  for (const char* name : {"/other", "/missing"}) {
    const auto result = executor.Call(
        "run", {{"command", {"true"}}, {"workspace", line.roots.path() + name}}, context);
    REQUIRE(result);
    CHECK(result->is_error);
    CHECK(result->structured["error"]["message"] ==
          "the directory is not below an allowed root or does not exist");
  }
  const auto read_only = executor.Call(
      "run", {{"command", {"touch", "x"}}, {"workspace", line.roots.path() + "/ro"}}, context);
  REQUIRE(read_only);
  CHECK(read_only->structured["exit_code"] == 1);
  CHECK_FALSE(fs::exists(line.roots.path() + "/ro/x"));
}

TEST_CASE("host workspaces are written, read or overlaid, as profile and root say") {
  Line line;
  const std::string rw = line.roots.path() + "/rw";
  const std::string ro = line.roots.path() + "/ro";
  std::ofstream(rw + "/seen") << "host";
  const json write = {"sh", "-c", "cat seen; echo new > made"};
  CHECK(line.Output({{"command", write}, {"workspace", rw}}) == "host");
  CHECK(ReadAll(rw + "/made") == "new\n");
  const ToolResult scratch = line.Call({{"command", {"sh", "-c", "rm seen; echo x > other; ls"}},
                                        {"workspace", rw},
                                        {"profile", "scratch"}});
  INFO(scratch.text);
  CHECK(scratch.structured["stdout"] == "made\nother\n");
  CHECK(scratch.structured["isolation"]["workspace"] == "host_overlay");
  CHECK(fs::exists(rw + "/seen"));
  CHECK_FALSE(fs::exists(rw + "/other"));
  const ToolResult inspect = line.Call(
      {{"command", {"sh", "-c", "echo x > other"}}, {"workspace", rw}, {"profile", "inspect"}});
  CHECK(inspect.structured["exit_code"] != 0);
  CHECK(inspect.structured["isolation"]["workspace"] == "host_read_only");
  const ToolResult files = line.Call(
      {{"command", {"true"}}, {"workspace", ro}, {"files", {{{"path", "a"}, {"content", ""}}}}});
  CHECK(files.structured["error"]["field"] == "args.files");
}

TEST_CASE("a missing command is an error that says so") {
  Line line;
  const ToolResult result = line.Call({{"command", {"no-such-program"}}});
  CHECK(result.is_error);
  CHECK(result.structured["status"] == "exec_failed");
  CHECK(result.structured["error"]["message"] == "command not found: `no-such-program`");
}

TEST_CASE("a cancelled call ends and is recorded as cancelled") {
  Line line;
  line.progress.on_report = [&line] { line.stop.request_stop(); };
  const ToolResult result = line.Call({{"command", {"sh", "-c", "echo started; sleep 60"}}});
  CHECK(result.is_error);
  CHECK(result.structured["status"] == "cancelled");
  CHECK(line.trail.Records().back().dump().find("cancelled") != std::string::npos);
}

// A server: with a store for output and with jobs.
struct Server : Line {
  Changes changes;
  std::unique_ptr<RunStore> runs;
  std::unique_ptr<JobStore> store;
  std::unique_ptr<JobRunner> jobs;
  Catalog full;
  ToolExecutor server{full, gate};

  Server() {
    auto kept = RunStore::Open(*trail.store, {.directory = trail.directory / "runs"}, &changes);
    REQUIRE(kept);
    runs = *std::move(kept);
    auto opened = JobStore::Open(*trail.store, "server", [](const std::string&) { return true; });
    REQUIRE(opened);
    store = *std::move(opened);
    jobs = std::make_unique<JobRunner>(server, *store, &changes);
    server.set_jobs(jobs.get());
    REQUIRE(full.Add(MakeRunTool(*runner, {.store = runs.get(), .reply_kb = 4})));
    REQUIRE(full.Add(MakeJobStatusTool(*jobs)));
    REQUIRE(full.Add(MakeJobOutputTool(*jobs, *runs)));
    REQUIRE(full.Add(MakeJobCancelTool(*jobs)));
  }
  ToolResult Ask(const std::string& tool, const json& args, const std::string& who = "local") {
    CallContext context;
    context.principal.id = who;
    auto result = server.Call(tool, args, context);
    REQUIRE(result);
    if (!result->is_error) {
      test::CheckConforms(result->structured, full.FindTool(tool)->spec().output_schema);
    }
    return *std::move(result);
  }
};

TEST_CASE("a long reply is cut to 8 KiB, and all of it can be read") {
  Server server;
  const json command = {"sh", "-c", "seq 1 20000; seq 1 20000 >&2"};
  const ToolResult cut = server.Ask("run", {{"command", command}});
  CHECK(cut.text.size() <= 8192);
  CHECK(cut.structured["stdout"].get<std::string>().size() < 4200);
  CHECK(cut.structured["limits"]["output_kb"] == 4);
  CHECK(cut.more.size() == 2);
  const std::string id = cut.structured["run_id"];
  const ToolResult tail =
      server.Ask("job_output", {{"job_id", id}, {"stream", "stderr"}, {"offset", -6}});
  CHECK(tail.structured["text"] == "20000\n");
  CHECK(tail.structured["total_bytes"] == 108894);
  CHECK(tail.structured["status"] == "completed");
  const ToolResult all = server.Ask("job_output", {{"job_id", id}, {"limit_kb", 1024}});
  CHECK(all.structured["text"].get<std::string>().size() == 108894);
  CHECK(server.Ask("job_output", {{"job_id", id}}).text.size() <= 8192);
  CHECK(json::parse(server.runs->Find(id, "5:local/local")->result)["run_id"] == id);

  // What the caller states counts.
  const ToolResult whole =
      server.Ask("run", {{"command", command}, {"limits", {{"output_kb", 256}}}});
  CHECK(whole.structured["truncated"]["stdout"] == false);
  CHECK_FALSE(whole.structured.contains("run_id"));
  CHECK(server.runs->Newest("5:local/local", 9).size() == 1);
}

TEST_CASE("output that cannot be kept does not fail the run") {
  Server server;
  fs::remove_all(server.trail.directory / "runs");
  const ToolResult result = server.Ask("run", {{"command", {"seq", "1", "20000"}}});
  CHECK_FALSE(result.is_error);
  CHECK(result.structured["exit_code"] == 0);
  CHECK_FALSE(result.structured.contains("run_id"));
  CHECK(result.text.find("could not be kept: ") != std::string::npos);
}

TEST_CASE("a run in the background is followed, read while it runs, and cancelled") {
  Server server;
  const ToolResult started = server.Ask(
      "run", {{"command", {"sh", "-c", "echo begun; exec sleep 100"}}, {"background", true}});
  CHECK(started.structured["status"] == "working");
  const std::string id = started.structured["job_id"];
  json output;
  do {
    output = server.Ask("job_output", {{"job_id", id}}).structured;
  } while (output["text"] == "");
  CHECK(output["text"] == "begun\n");
  CHECK(output["status"] == "working");
  CHECK(server.Ask("job_status", {{"job_id", id}}).structured["status"] == "working");
  const ToolResult cancelled = server.Ask("job_cancel", {{"job_id", id}});
  CHECK(cancelled.structured["status"] == "cancelled");
  CHECK(cancelled.structured["result"]["status"] == "cancelled");
  CHECK(server.Ask("job_output", {{"job_id", id}}).structured["text"] == "begun\n");  // kept
}

TEST_CASE("a run in the background ends with its result; to others it does not exist") {
  Server server;
  // Another user who may follow jobs, too.
  const auto shared = test::LoadPolicy(
      "{version: 1, rules: [{id: all, effect: allow, tools: ['*'], match: [{tool: run}]}]}");
  Gate open{*shared, *server.trail.audit};
  ToolExecutor executor{server.full, open};
  const std::string id = server.Ask("run", {{"command", {"echo", "secret"}}, {"background", true}})
                             .structured["job_id"];
  const ToolResult ended = server.Ask("job_status", {{"job_id", id}, {"wait_ms", 50000}});
  CHECK(ended.structured["status"] == "completed");
  CHECK(ended.structured["result"]["stdout"] == "secret\n");
  CHECK(ended.text.find("stdout:\nsecret\n") != std::string::npos);
  CallContext stranger;
  stranger.principal.id = "stranger";
  for (const char* tool : {"job_status", "job_output", "job_cancel"}) {
    INFO(tool);
    const auto result = executor.Call(tool, {{"job_id", id}}, stranger);
    REQUIRE(result);
    CHECK(result->structured["error"]["kind"] == "not_found");
    CHECK(result->text.find("secret") == std::string::npos);
    CHECK(server.trail.Records().end()[-2]["context"]["own"] == false);  // for the policy
    const auto unknown = executor.Call(tool, {{"job_id", NewRunId()}}, stranger);
    CHECK(unknown->structured["error"] == result->structured["error"]);
    CHECK(executor.Call(tool, {{"job_id", "../x"}}, stranger)->structured["error"]["field"] ==
          "args.job_id");
  }
}

}  // namespace
}  // namespace casemate::tools
