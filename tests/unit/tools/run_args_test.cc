#include "tools/run_args.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "fixtures.h"
#include "tools/run_files.h"

namespace casemate::tools {
namespace {

using nlohmann::json;
using test::Decoded;
using test::DecodeError;

TEST_CASE("a command with everything decodes") {
  const RunArgs run = Decoded({{"command", {"echo", "a b"}},
                               {"stdin", "in"},
                               {"env", {{"NAME", "value"}}},
                               {"files", {{{"path", "./src//a.txt"}, {"content", "A"}}}},
                               {"timeout_ms", 1500},
                               {"limits", {{"memory_mb", 64}, {"cpus", 0.5}, {"pids", 8}}},
                               {"network", "none"},
                               {"profile", "small"}});
  CHECK(run.command == std::vector<std::string>{"echo", "a b"});
  CHECK(run.stdin_data == "in");
  CHECK(run.files.at(0).path == "src/a.txt");
  CHECK(run.limits.wall_ms == 1500);
  CHECK(run.limits.cpu_millis == 500);
  CHECK(run.limits.memory_mb == 64);
  CHECK(run.profile.name == "small");
}

TEST_CASE("exactly one of command and code is taken") {
  CHECK(DecodeError(json::object()).message.find("got neither") != std::string::npos);
  CHECK(DecodeError({{"command", {"ls"}}, {"code", "1"}, {"language", "python"}})
            .message.find("got both") != std::string::npos);
  CHECK(DecodeError({{"code", "1"}}).field == "args.language");
  CHECK(DecodeError({{"command", {"ls"}}, {"language", "bash"}}).field == "args.language");
  CHECK(DecodeError({{"language", "bash"}}).field == "args");
  const Error cobol = DecodeError({{"code", "1"}, {"language", "pyhton"}});
  CHECK(cobol.message == "expected one of python, javascript, bash, c, cpp, got `pyhton`");
  CHECK(cobol.remedy == "use `python` as `language`");
}

TEST_CASE("bad commands are refused by element") {
  CHECK(DecodeError({{"command", "ls -l"}}).message.find("there is no shell") != std::string::npos);
  CHECK(DecodeError({{"command", json::array()}}).field == "args.command");
  CHECK(DecodeError({{"command", {""}}}).field == "args.command.0");
  CHECK(DecodeError({{"command", {"ls", 5}}}).field == "args.command.1");
  CHECK(DecodeError({{"command", {"ls", std::string("a\0b", 3)}}}).field == "args.command.1");
  CHECK(DecodeError({{"command", {"ls", std::string(131'072, 'x')}}}).field == "args.command.1");
  CHECK(DecodeError({{"command", json(5000, "x")}}).field == "args.command");
  const json long_list = json(20, std::string(100'000, 'x'));
  CHECK(DecodeError({{"command", long_list}}).message.find("command and env") != std::string::npos);
}

TEST_CASE("arguments that are no object, and unknown ones, are refused") {
  CHECK(DecodeError(json::array()).field == "args");
  CHECK(DecodeError({{"command", {"ls"}}, {"comand", 1}}).message ==
        "unknown member `comand`; did you mean `command`?");
  CHECK(DecodeError({{"command", {"ls"}}, {"limits", {{"memory", 64}}}}).field ==
        "args.limits.memory");
}

TEST_CASE("env takes names that a shell would take, and no NUL") {
  CHECK(Decoded({{"command", {"ls"}}, {"env", {{"_A1", ""}, {"LD_PRELOAD", "x"}}}}).env.size() ==
        2);
  for (const char* name : {"", "1A", "A-B", "A=B", "A B", "\xc3\xa4"}) {
    INFO(name);
    CHECK(DecodeError({{"command", {"ls"}}, {"env", {{name, "v"}}}}).field == "args.env");
  }
  const json nul = {{"A", std::string("a\0b", 3)}};
  CHECK(DecodeError({{"command", {"ls"}}, {"env", nul}}).field == "args.env.`A`");
  const json number = {{"A", 5}};
  CHECK(DecodeError({{"command", {"ls"}}, {"env", number}}).message == "expected a string, got 5");
}

TEST_CASE("files stay below the working directory") {
  const json base = {{"command", {"ls"}}};
  for (const std::string& path :
       {std::string(), std::string("/etc/passwd"), std::string("../x"), std::string("a/../../x"),
        std::string("a\0b", 3), std::string("a\nb"), std::string("dir/"), std::string("."),
        std::string(256, 'x'), std::string(1100, '/')}) {
    json args = base;
    args["files"] = {{{"path", path}, {"content", ""}}};
    INFO(path.size() << ": " << EscapeControls(path.substr(0, 20), false));
    CHECK(DecodeError(args).field == "args.files.0.path");
  }
  CHECK(*CleanRelativePath("%2e%2e/x", "f") == "%2e%2e/x");  // no decoding: a literal name
  CHECK(*CleanRelativePath("..a/.b", "f") == "..a/.b");
}

TEST_CASE("file contents are text or base64, each path once") {
  const auto with = [](const json& files) { return json{{"command", {"ls"}}, {"files", files}}; };
  CHECK(Decoded(with({{{"path", "a"}, {"content_base64", "AP8="}}})).files.at(0).content ==
        std::string("\0\xff", 2));
  CHECK(DecodeError(with({{{"path", "a"}, {"content_base64", "AP8"}}})).field ==
        "args.files.0.content_base64");
  CHECK(DecodeError(with({{{"path", "a"}}})).message.find("got neither") != std::string::npos);
  CHECK(DecodeError(with({{{"path", "a"}, {"content", ""}, {"content_base64", ""}}}))
            .message.find("got both") != std::string::npos);
  CHECK(DecodeError(with({{{"content", "x"}}})).field == "args.files.0.path");
  CHECK(DecodeError(with({{{"path", "a"}, {"content", "x"}, {"mode", 1}}})).field ==
        "args.files.0.mode");
  CHECK(DecodeError(with({{{"path", "a"}, {"content", "x"}}, {{"path", "./a"}, {"content", "y"}}}))
            .message.find("twice") != std::string::npos);
  CHECK(DecodeError(with({{{"path", "a"}, {"content", "x"}}, {{"path", "a/b"}, {"content", "y"}}}))
            .message.find("both") != std::string::npos);
  CHECK(DecodeError(with({1})).field == "args.files.0");
}

TEST_CASE("inputs together are bounded") {
  const std::string half(std::size_t{9} << 20, 'x');
  CHECK(
      DecodeError(
          {{"command", {"cat"}}, {"stdin", half}, {"files", {{{"path", "a"}, {"content", half}}}}})
          .message.find("code, stdin and files together") != std::string::npos);
}

TEST_CASE("a workspace is an absolute path") {
  CHECK(DecodeError({{"command", {"ls"}}, {"workspace", "src"}}).field == "args.workspace");
  CHECK(DecodeError({{"command", {"ls"}}, {"workspace", "~/src"}}).remedy ==
        "write the home directory out: `~` is not expanded");
  CHECK(DecodeError({{"command", {"ls"}}, {"workspace", ""}}).field == "args.workspace");
  CHECK(DecodeError({{"command", {"ls"}}, {"workspace", std::string("/a\0b", 4)}}).field ==
        "args.workspace");
}

TEST_CASE("network is none, and profiles are known ones") {
  CHECK(DecodeError({{"command", {"ls"}}, {"network", "host"}}).message ==
        "expected one of none, got `host`");
  CHECK(DecodeError({{"command", {"ls"}}, {"profile", "biuld"}}).message.find("`build`") !=
        std::string::npos);
}

TEST_CASE("the normalised form holds no secrets and always the network") {
  const std::string stdin_text = "stdin-secret";
  const json args = {{"command", {"echo", std::string(5000, 'x')}},
                     {"stdin", stdin_text},
                     {"env", {{"TOKEN", "env-secret"}}},
                     {"files", {{{"path", "a"}, {"content", "file-secret"}}}},
                     {"workspace", "/src/app"}};
  const json normal = NormaliseRunArgs(Decoded(args), "/canonical");
  CHECK(normal["network"] == "none");
  CHECK(normal["profile"] == "default");
  CHECK(normal["workspace"] == "/canonical");
  CHECK(normal["env"] == json{"TOKEN"});
  CHECK(normal["stdin"] == json{{"sha256", Sha256Hex(stdin_text)}, {"bytes", 12}});
  CHECK(normal["files"][0]["bytes"] == 11);
  CHECK(normal["command"][0] == "echo");
  CHECK(normal["command"][1] ==
        std::string(5000, 'x'));  // whole: padding hides nothing from a rule
  for (const char* secret : {"stdin-secret", "env-secret", "file-secret"}) {
    CHECK(DumpJson(normal).find(secret) == std::string::npos);
  }
}

TEST_CASE("normalised code has language, digest and the beginning") {
  const std::string code(10'000, 'y');
  const json normal = NormaliseRunArgs(Decoded({{"code", code}, {"language", "bash"}}), "");
  CHECK(normal["language"] == "bash");
  CHECK(normal["code"]["sha256"] == Sha256Hex(code));
  CHECK(normal["code"]["bytes"] == 10'000);
  CHECK(normal["code"]["excerpt"].get<std::string>().size() == 4096);
  CHECK_FALSE(normal.contains("command"));
  CHECK_FALSE(normal.contains("workspace"));
}

}  // namespace
}  // namespace casemate::tools
