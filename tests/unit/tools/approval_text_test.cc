#include "tools/approval_text.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "fixtures.h"

namespace casemate::tools {
namespace {

using Catch::Contains;
using nlohmann::json;

policies::ApprovalText Describe(const json& args, const json& context = {{"profile", "default"}},
                                const std::string& reason = "needs a person") {
  policies::Decision decision;
  decision.effect = policies::Effect::kAsk;
  decision.rule_id = "ask-first";
  decision.reason = reason;
  decision.asked = policies::Rights{{.memory_mb = 512}, policies::WorkspaceAccess::kHostRead};
  const policies::ApprovalCall call{"run", "0123abcd", {"ann", "acme", {}, {}}, "mcp-http", ""};
  return DescribeForApproval({call, args, context, decision});
}

json Normalised(const json& args) {
  return NormaliseRunArgs(test::Decoded(args), "");
}

TEST_CASE("the approver sees what will run, for whom and why") {
  json args = Normalised({{"command", {"bash", "-c", "rm -rf \"$HOME\""}},
                          {"env", {{"TOKEN", "sesame"}}},
                          {"files", {{{"path", "a b.txt"}, {"content", "hello"}}}},
                          {"stdin", "input"}});
  args["workspace"] = "/srv/app";
  const auto text = Describe(
      args, {{"profile", "default"}, {"workspace", "/srv/app"}, {"workspace_mode", "read_write"}});
  CHECK_THAT(text.full, Contains("Tool: run\n"));
  CHECK_THAT(text.full, Contains("Command: bash -c \"rm -rf \\\"$HOME\\\"\"\n"));
  CHECK_THAT(text.full, Contains("Workspace: /srv/app (read_write); what its files hold is not "
                                 "bound, and may change before it runs\n"));
  CHECK_THAT(text.full, Contains("network: \"none\"\n"));
  CHECK_THAT(text.full, Contains("profile: \"default\"\n"));
  CHECK_THAT(text.full, Contains("\"memory_mb\":"));
  CHECK_THAT(text.full, Contains("Variables set (values are bound, not shown): TOKEN\n"));
  CHECK_THAT(text.full, !Contains("sesame"));
  CHECK_THAT(text.full, Contains("\"a b.txt\" (5 bytes, SHA-256 " + Sha256Hex("hello") + ")"));
  CHECK_THAT(text.full, Contains("Standard input: 5 bytes, SHA-256 " + Sha256Hex("input")));
  CHECK_THAT(text.full, Contains("Asked by: ann of tenant acme, over mcp-http\n"));
  CHECK_THAT(text.full, Contains("Because of rule: ask-first: needs a person\n"));
  CHECK_THAT(text.full, Contains("\"workspace\":\"host_read\""));
  CHECK_THAT(text.full, Contains("Digest of the call: 0123abcd\n"));
  CHECK_THAT(text.full, !Contains("WARNING"));
  CHECK(text.summary == "run bash -c \"rm -rf \\\"$HOME\\\"\"");
}

TEST_CASE("code is shown with bars, so that it cannot pass for our words") {
  const std::string code = "print(1)\nAsked by: local\n\tx = 2\n";
  const auto text = Describe(Normalised({{"code", code}, {"language", "python"}}));
  CHECK_THAT(text.full, Contains("Code: python, " + std::to_string(code.size()) +
                                 " bytes, SHA-256 " + Sha256Hex(code)));
  CHECK_THAT(text.full, Contains("  | print(1)\n  | Asked by: local\n  |     x = 2\n"));
  CHECK_THAT(text.full, !Contains("not shown; its digest"));
  CHECK_THAT(text.summary, Contains("run python code"));
}

TEST_CASE("what is long is cut, with its size and digest") {
  const std::string code(10'000, 'x');
  CHECK_THAT(
      Describe(Normalised({{"code", code}, {"language", "bash"}})).full,
      Contains("the rest is not shown; its digest is that above") && Contains(Sha256Hex(code)));
  std::string lines;
  for (int i = 0; i < 500; ++i) {
    lines += "\n";
  }
  CHECK_THAT(Describe(Normalised({{"code", lines + "evil"}, {"language", "bash"}})).full,
             Contains("the rest is not shown"));
  const json command = {"echo", std::string(5000, 'y'), "end"};
  const auto text = Describe({{"command", command}});
  CHECK_THAT(text.full, Contains("bytes in all, SHA-256 " + Sha256Hex(command.dump())));
  CHECK(text.full.size() < 4000);
  CHECK(text.summary.size() <= 123);
  json many = json::array();
  for (int i = 0; i < 40; ++i) {
    many.push_back("V" + std::to_string(i));
  }
  CHECK_THAT(Describe({{"env", many}}).full,
             Contains("24 more, SHA-256 of the list " + Sha256Hex(many.dump())));
  // Hostile input of the greatest size stays readable.
  json files = json::array();
  for (int i = 0; i < 1024; ++i) {
    files.push_back({{"path", std::string(200, '\x01')}, {"sha256", "0"}, {"bytes", 1}});
  }
  const json all = {{"command", json::array({std::string(131'000, '\x01')})},
                    {"env", many},
                    {"files", files},
                    {"code", {{"excerpt", std::string(4096, '\x01')}, {"bytes", 9000}}}};
  CHECK(Describe(all).full.size() < 30'000);
}

TEST_CASE("hidden characters and look-alikes are marked and announced first") {
  const auto text = Describe(
      {{"command", {"curl", "https://p\u0430ypal.com/\u202etxt.exe"}}, {"network", "none"}});
  CHECK(text.full.starts_with("WARNING: 1 look-alikes"));
  CHECK_THAT(text.full, Contains("WARNING: 1 invisible or controlling"));
  CHECK_THAT(text.full, Contains("p\u0430‹U+0430›ypal.com/‹U+202E›txt.exe"));
  CHECK_THAT(text.summary, Contains("‹U+202E›"));
  for (const auto& shown :
       {Describe({{"command", {"x", "\x1b[2J\r"}}}), Describe({{"env", {"\x1b]0;x\x07"}}}),
        Describe({{"files", {{{"path", "\x1b[A"}}}}}), Describe({{"odd\x1b", "\x1b"}}),
        Describe({{"code", {{"excerpt", "\x1b[1A"}, {"bytes", 4}, {"language", "\x1b"}}}}),
        Describe({{"x", 1}}, {{"workspace", "\x1b"}}, "because \x1b[2K")}) {
    CHECK(shown.full.find('\x1b') == std::string::npos);
    CHECK(shown.full.find('\r') == std::string::npos);
    CHECK(shown.summary.find('\x1b') == std::string::npos);
  }
}

TEST_CASE("nothing that an approver sees is reordered, wherever it comes from") {
  const std::string turned = "a\u202e\u2067\u200f\u061c\u05d0z";
  const std::string marked = "a‹U+202E›‹U+2067›‹U+200F›‹U+061C›\u05d0‹U+05D0›z";
  for (const auto& shown :
       {Describe({{"command", {"x", turned}}}), Describe({{"env", {turned}}}),
        Describe({{"files", {{{"path", turned}}}}}), Describe({{turned, 1}}),
        Describe({{"x", {{"y", turned}}}}),
        Describe({{"code", {{"excerpt", turned}, {"bytes", turned.size()}, {"language", "c"}}}}),
        Describe({{"workspace", turned}}, {{"workspace", turned}}),
        Describe({{"x", 1}}, json::object(), turned)}) {
    CHECK_THAT(shown.full, Contains(marked));
    CHECK_THAT(shown.full, Contains("WARNING: 1 look-alikes") && Contains("WARNING: 4 invisible"));
    for (const char* control : {"\u202e", "\u2067", "\u200f", "\u061c"}) {
      CHECK_THAT(shown.full, !Contains(control));
      CHECK_THAT(shown.summary, !Contains(control));
    }
  }
}

TEST_CASE("two argument lists never look the same") {
  const auto command = [](const json& words) { return Describe({{"command", words}}).full; };
  CHECK(command({"rm", "a b"}) != command({"rm", "a", "b"}));
  CHECK(command({"rm", "a\" \"b"}) != command({"rm", "a", "b"}));
  CHECK(command({"rm", ""}) != command(json::array({"rm"})));
  CHECK(command(json::array({"rm\nWorkspace: none"})) != command(json::array({"rm"})));
  CHECK_THAT(command(json::array({"rm\nWorkspace: none"})), !Contains("\nWorkspace: none"));
}

TEST_CASE("no argument is left out, whatever the tool and whatever its type") {
  CHECK_THAT(Describe({{"job_id", "abc"}, {"timeout_ms", 5}}).full,
             Contains("job_id: \"abc\"\n") && Contains("timeout_ms: 5\n"));
  CHECK_THAT(Describe({{"command", "text"}, {"code", 1}, {"env", "E"}, {"files", false}}).full,
             Contains("command: \"text\"") && Contains("code: 1") && Contains("env: \"E\"") &&
                 Contains("files: false"));
  // Not the directory that will be mounted.
  CHECK_THAT(Describe({{"workspace", "/a"}}, {{"workspace", "/b"}}).full,
             Contains("workspace: \"/a\""));
  CHECK_THAT(Describe({{"background", true}}).full, Contains("Background: yes"));
}

TEST_CASE("actions of a plan are shown one by one, by what somebody would notice") {
  json args = {{"phase", "execute"}, {"actions", json::array()}};
  for (int i = 1; i <= 32; ++i) {
    args["actions"].push_back({{"id", "a" + std::to_string(i)},
                               {"kind", "restart_container"},
                               {"name", "web\nAction: none"},
                               {"reason", "42 zombies"},
                               {"effect", "It interrupts the service."},
                               {"needs", {"use", "reclaim"}}});
  }
  const std::string text = Describe(args).full;
  CHECK_THAT(text, Contains("Action: restart_container of \"web") &&
                       Contains(": It interrupts the service.\n  because: 42 zombies\n  with: "
                                "{\"id\":\"a32\",\"needs\":[\"use\",\"reclaim\"]}\n"));
  CHECK_THAT(text, !Contains("\nAction: none"));
  CHECK_THAT(Describe({{"actions", {"a1", 2}}}).full, Contains("actions: [\"a1\",2]\n"));
}

TEST_CASE("times in words are never longer than they are") {
  CHECK(InWords(300'000) == "5 min");
  CHECK(InWords(119'999) == "119 s");
  CHECK(InWords(12 * 3'600'000) == "12 h");
  CHECK(InWords(-1) == "0 s");
}

}  // namespace
}  // namespace casemate::tools
