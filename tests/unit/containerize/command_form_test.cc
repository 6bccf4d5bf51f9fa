#include "tools/containerize/command_form.h"

#include <tuple>

#include <catch2/catch.hpp>

#include "tools/containerize/probe.h"
#include "tools/containerize/stage.h"

namespace casemate::containerize {

TEST_CASE("a command is started without a shell when it needs none") {
  const auto [command, wanted] = GENERATE(table<const char*, const char*>({
      {"node server.js", R"(["node", "server.js"])"},
      {"java -jar 'my app.jar'", R"(["java", "-jar", "my app.jar"])"},
      {"./run --name \"a b\"  -x", R"(["./run", "--name", "a b", "-x"])"},
      {"app --key=value", R"(["app", "--key=value"])"},
      // The shell leaves: what it ran has its place, and gets its signals.
      {"gunicorn -b 0.0.0.0:${PORT:-8000} app:app",
       R"(["sh", "-c", "exec gunicorn -b 0.0.0.0:${PORT:-8000} app:app"])"},
      {"migrate && serve", R"(["sh", "-c", "migrate && exec serve"])"},
      {"NODE_ENV=production node x.js", R"(["sh", "-c", "NODE_ENV=production exec node x.js"])"},
      {"cd app && A=1 B=2 node x", R"(["sh", "-c", "cd app && A=1 B=2 exec node x"])"},
      {"exec app $X", R"(["sh", "-c", "exec app $X"])"},
      {"cd app && cd b", R"(["sh", "-c", "cd app && cd b"])"},
      {"java -cp target/classes:lib/* Main",
       R"(["sh", "-c", "exec java -cp target/classes:lib/* Main"])"},
      // Here the shell must stay.
      {"a | b", R"(["sh", "-c", "a | b"])"},
      {"a; b", R"(["sh", "-c", "a; b"])"},
      {"a & b", R"(["sh", "-c", "a & b"])"},
      {"echo 'x && y' && b", R"(["sh", "-c", "echo 'x && y' && exec b"])"},
      {"A=\"$B\" app", R"(["sh", "-c", "A=\"$B\" app"])"},
      {"echo \"open", R"(["sh", "-c", "exec echo \"open"])"},
  }));
  CHECK(ExecForm(command) == wanted);
}

TEST_CASE("probes ask with what the image has") {
  const auto probe = [](ProbeTool tool, const char* path, bool reads_port) {
    return ProbeCommand({tool, "3000", reads_port, path});
  };
  CHECK(probe(ProbeTool::kNone, "/healthz", false).empty());
  for (const ProbeTool tool :
       {ProbeTool::kNode, ProbeTool::kBun, ProbeTool::kDeno, ProbeTool::kPython, ProbeTool::kRuby,
        ProbeTool::kPhp, ProbeTool::kBash, ProbeTool::kBusybox}) {
    CAPTURE(static_cast<int>(tool));
    CHECK(probe(tool, "/healthz", false).find("/healthz") != std::string::npos);
    CHECK(probe(tool, "/healthz", false).find("3000") != std::string::npos);
    CHECK(probe(tool, "/healthz", true).find("PORT") != std::string::npos);
    CHECK(probe(tool, "", false).find("3000") != std::string::npos);
    // A path that could end a string of the probe's language is not asked for.
    CHECK(probe(tool, "/a'); evil('", false).find("evil") == std::string::npos);
  }
}

TEST_CASE("a stage writes what both builders read") {
  Stage stage("node:20", "build", "");
  stage.WorkDir("/app");
  stage.WorkDir("/app");
  stage.Copy({"a b", "c"}, "./");
  stage.Copy({}, "./");
  stage.Run("one", "First.", {"/cache"});
  stage.Run("two", "Second.", {"/cache"});
  stage.Run("three");
  stage.Env({{"A", "x y"}, {"PATH", "/x:$PATH"}, {"B", ""}});
  stage.Packages({"tini", "curl", "tini"}, "");
  std::string text;
  for (const Instruction& instruction : stage.instructions()) {
    text += instruction.text + "\n";
  }
  CHECK(text ==
        "WORKDIR /app\n"
        "COPY [\"a b\", \"c\", \"./\"]\n"
        "RUN --mount=type=cache,target=/cache \\\n    one \\\n    && two\n"
        "RUN three\n"
        "ENV A=\"x y\" \\\n    PATH=/x:$PATH \\\n    B=\"\"\n"
        "RUN apt-get update \\\n    && apt-get install -y --no-install-recommends curl tini \\\n"
        "    && rm -rf /var/lib/apt/lists/*\n");
}

}  // namespace casemate::containerize
