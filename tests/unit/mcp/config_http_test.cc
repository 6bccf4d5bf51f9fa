#include "mcp/config_http.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/unit/mcp/config_fixture.h"

namespace casemate {
namespace {

using Catch::Contains;
using Fixture = testing::ConfigFixture;

std::string AddressOf(const std::string& text) {
  auto endpoint = ParseListenAddress("--http", text);
  return endpoint ? ListenAddressText(*endpoint) : "refused";
}

HttpConfig Listening(const std::vector<std::string>& addresses) {
  HttpConfig http;
  for (const std::string& address : addresses) {
    auto endpoint = ParseListenAddress("--http", address);
    REQUIRE(endpoint.ok());
    http.endpoints.push_back(*endpoint);
  }
  return http;
}

// The first broken rule; empty: none.
std::string Broken(const HttpConfig& http, AuthMode mode) {
  auto checked = CheckListening(http, mode);
  return checked ? "" : Describe(checked.error());
}

TEST_CASE("Listen addresses are numeric and canonical", "[config]") {
  CHECK(AddressOf("127.0.0.1:8765") == "127.0.0.1:8765");
  CHECK(AddressOf("localhost:0") == "127.0.0.1:0");
  CHECK(AddressOf("[::1]:65535") == "[::1]:65535");
  CHECK(AddressOf("[0:0:0:0:0:0:0:1]:1") == "[::1]:1");
  CHECK(AddressOf("0.0.0.0:80") == "0.0.0.0:80");
  CHECK(AddressOf("unix:/run/casemate.sock") == "unix:/run/casemate.sock");
  for (const char* wrong : {"",
                            ":",
                            "8765",
                            ":8765",
                            "127.0.0.1",
                            "127.0.0.1:",
                            "127.0.0.1:-1",
                            "127.0.0.1:+1",
                            "127.0.0.1:65536",
                            "127.0.0.1:80x",
                            "127.0.0.1: 80",
                            "127.1:80",
                            "0x7f.0.0.1:80",
                            "127.0.0.1.:80",
                            "::1:80",
                            "[::1]",
                            "[::1]80",
                            "[127.0.0.1]:80",
                            "[]:80",
                            "[:80",
                            "]:80",
                            "[::1%lo]:80",
                            "example.org:80",
                            "*:80",
                            "http://127.0.0.1:80",
                            "unix:",
                            "unix:relative",
                            "UNIX:/x"}) {
    INFO(wrong);
    CHECK(AddressOf(wrong) == "refused");
  }
  CHECK(AddressOf(std::string("unix:/a\0b", 9)) == "refused");
  CHECK_THAT(Describe(ParseListenAddress("--http", "example.org:80").error()),
             Contains("--http") && Contains("got `example.org:80`") && Contains("127.0.0.1:8765"));
}

TEST_CASE("auth.mode simple serves this machine only", "[config]") {
  CHECK(Broken(Listening({"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "unix:/x"}),
               AuthMode::kSimple) == "");
  for (const char* open : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "126.0.0.1:1", "128.0.0.1:1",
                           "[fe80::1]:1", "[::ffff:127.0.0.1]:1", "[::ffff:10.0.0.1]:1"}) {
    INFO(open);
    HttpConfig http = Listening({"127.0.0.1:1", open});
    CHECK_THAT(Broken(http, AuthMode::kSimple), Contains("http.listen") &&
                                                    Contains("auth.mode is simple") &&
                                                    Contains("auth.mode: enterprise"));
    http.tls = {"/c.pem", "/k.pem"};  // no substitute for tokens
    CHECK_THAT(Broken(http, AuthMode::kSimple), Contains("auth.mode is simple"));
  }
}

TEST_CASE("Plain HTTP stays on this machine", "[config]") {
  HttpConfig http = Listening({"127.0.0.1:1", "0.0.0.0:1"});
  CHECK_THAT(Broken(http, AuthMode::kEnterprise), Contains("http.tls") && Contains("`0.0.0.0:1`") &&
                                                      Contains("plain text") &&
                                                      Contains("--tls-certificate"));
  http.trusted_proxy = true;
  CHECK(Broken(http, AuthMode::kEnterprise) == "");
  http.trusted_proxy = false;
  http.tls = {"/c.pem", "/k.pem"};
  CHECK(Broken(http, AuthMode::kEnterprise) == "");
  CHECK(Broken(Listening({"127.0.0.1:1", "unix:/x"}), AuthMode::kEnterprise) == "");
}

TEST_CASE("A proxy is never the owner, TLS needs both files, addresses are listed once",
          "[config]") {
  HttpConfig proxied = Listening({"127.0.0.1:1"});
  proxied.trusted_proxy = true;
  CHECK_THAT(Broken(proxied, AuthMode::kSimple), Contains("http.trusted_proxy"));
  HttpConfig half = Listening({"127.0.0.1:1"});
  half.tls.certificate = "/c.pem";
  CHECK_THAT(Broken(half, AuthMode::kSimple), Contains("only a certificate"));
  half.tls = {"", "/k.pem"};
  CHECK_THAT(Broken(half, AuthMode::kSimple), Contains("only a key"));
  CHECK_THAT(Broken(Listening({"[::1]:1", "[0::1]:1"}), AuthMode::kSimple), Contains("again"));
  CHECK_THAT(Broken(Listening({"unix:/x", "unix:/x"}), AuthMode::kSimple), Contains("again"));
  CHECK(Broken(Listening({"127.0.0.1:0", "127.0.0.1:0"}), AuthMode::kSimple) == "");
}

TEST_CASE_METHOD(Fixture, "The whole of http, auth, runs and jobs is read", "[config]") {
  const std::string file = dir.Write("c.yaml", R"(version: 1
toolsets: [core, files]
auth: {mode: enterprise}
http:
  listen: ["0.0.0.0:8765", "unix:/run/casemate.sock"]
  tls: {certificate: ~/cert.pem, key: /etc/key.pem}
  trusted_proxy: true
  metrics: true
  allowed_origins: ["https://app.example.org", "http://localhost:3000", "vscode-webview://x"]
  allowed_hosts: [casemate.example.org, "[::1]"]
  max_body_bytes: 1000000
  max_connections: 10
  max_streams: 20
  max_sessions: 30
  session_idle_s: 40
  header_timeout_s: 50
  body_timeout_s: 60
  idle_timeout_s: 70
  write_timeout_s: 80
runs: {keep: 1, keep_days: 2, keep_mb: 3}
jobs: {max_running: 4}
)");
  const auto config = LoadConfig({.config_file = file});
  INFO((config ? std::string() : Describe(config.error())));
  REQUIRE(config.ok());
  CHECK(config->toolsets == std::vector<std::string>{"core", "files"});
  CHECK(config->auth_mode == AuthMode::kEnterprise);
  const HttpConfig& http = config->http;
  REQUIRE(http.endpoints.size() == 2);
  CHECK(http.endpoints[0].host == "0.0.0.0");
  CHECK(http.endpoints[0].port == 8765);
  REQUIRE(http.endpoints[0].tls.has_value());
  CHECK(http.endpoints[0].tls->certificate == dir / "cert.pem");
  CHECK(http.endpoints[0].tls->key == "/etc/key.pem");
  CHECK(http.endpoints[1].host == "unix");
  CHECK(http.endpoints[1].path == "/run/casemate.sock");
  CHECK_FALSE(http.endpoints[1].tls.has_value());
  CHECK(http.trusted_proxy);
  CHECK(http.metrics);
  CHECK(http.allowed_origins.size() == 3);
  CHECK(http.allowed_hosts == std::vector<std::string>{"casemate.example.org", "[::1]"});
  CHECK(http.limits.max_body_bytes == 1'000'000);
  CHECK(http.limits.max_connections == 10);
  CHECK(http.limits.max_streams == 20);
  CHECK(http.max_sessions == 30);
  CHECK(http.session_idle == std::chrono::seconds(40));
  CHECK(http.limits.header_time == std::chrono::seconds(50));
  CHECK(http.limits.body_time == std::chrono::seconds(60));
  CHECK(http.limits.idle_time == std::chrono::seconds(70));
  CHECK(http.limits.write_time == std::chrono::seconds(80));
  CHECK(config->runs.keep == 1);
  CHECK(config->runs.keep_days == 2);
  CHECK(config->runs.keep_mb == 3);
  CHECK(config->jobs.max_running == 4);
}

TEST_CASE_METHOD(Fixture, "Without settings nothing listens", "[config]") {
  const auto config = LoadConfig({});
  REQUIRE(config.ok());
  CHECK(config->http.endpoints.empty());
  CHECK(config->http.limits.header_time == std::chrono::seconds(10));
  CHECK(config->auth_mode == AuthMode::kSimple);
  CHECK(config->toolsets == std::vector<std::string>{"core"});
  CHECK(config->runs.keep == 200);
  CHECK(config->runs.keep_days == 7);
  CHECK(config->runs.keep_mb == 1024);
  CHECK(config->jobs.max_running == 32);
}

TEST_CASE_METHOD(Fixture, "Flags of serve come before the file", "[config]") {
  const std::string file = dir.Write("c.yaml", R"(version: 1
toolsets: [core]
http: {listen: ["127.0.0.1:1"], tls: {certificate: /file/c.pem, key: /file/k.pem}}
)");
  const auto config = LoadConfig({.config_file = file,
                                  .http_listen = {"[::1]:2", "unix:some.sock"},
                                  .toolsets = {"a", "b"},
                                  .tls_key = "/flag/k.pem"});
  INFO((config ? std::string() : Describe(config.error())));
  REQUIRE(config.ok());
  REQUIRE(config->http.endpoints.size() == 2);
  CHECK(ListenAddressText(config->http.endpoints[0]) == "[::1]:2");
  CHECK(config->http.endpoints[0].tls->certificate == "/file/c.pem");
  CHECK(config->http.endpoints[0].tls->key == "/flag/k.pem");
  CHECK(config->http.endpoints[1].path == std::filesystem::current_path().string() + "/some.sock");
  CHECK(config->toolsets == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(LoadConfig({.http_listen = {"0.0.0.0:1"}}).ok());
  CHECK_FALSE(LoadConfig({.http_listen = {"unix:"}}).ok());
  CHECK_FALSE(LoadConfig({.toolsets = {"Core"}}).ok());
  CHECK_FALSE(LoadConfig({.tls_key = "/k.pem"}).ok());
}

TEST_CASE_METHOD(Fixture, "Mistakes in http, auth, runs and jobs name the place", "[config]") {
  const auto problem = [this](const std::string& lines) {
    return ProblemOf("version: 1\n" + lines + "\n");
  };
  CHECK_THAT(problem("htpp: {}"), Contains("did you mean `http`"));
  CHECK_THAT(problem("http: {listn: []}"), Contains("c.yaml:2:") && Contains("`listen`"));
  CHECK_THAT(problem("http: []"), Contains("expected a map of settings for `http`"));
  CHECK_THAT(problem("http: {listen: \"127.0.0.1:1\"}"), Contains("expected a list for `listen`"));
  CHECK_THAT(problem("http: {listen: [\"127.0.0.1:1\", \"nowhere\"]}"),
             Contains("c.yaml:2:") && Contains("got `nowhere`"));
  CHECK_THAT(problem("http: {listen: [\"0.0.0.0:1\"]}"), Contains("auth.mode is simple"));
  CHECK_THAT(problem("http: {trusted_proxy: 1}"), Contains("c.yaml:2:"));
  CHECK_THAT(problem("http: {trusted_proxy: true}"), Contains("behind a proxy"));
  CHECK_THAT(problem("http: {metrics: 1}"), Contains("c.yaml:2:"));
  CHECK_THAT(problem("http: {tls: {cert: /x}}"), Contains("unknown key `cert`"));
  CHECK_THAT(problem("http: {tls: {certificate: c.pem, key: /k}}"), Contains("absolute path"));
  CHECK_THAT(problem("http: {tls: {key: /k}}"), Contains("only a key"));
  for (const char* origin : {"*", "null", "https://*.example.org", "https://example.org/",
                             "https://Example.org", "example.org", "://x", "https://", ""}) {
    INFO(origin);
    CHECK_THAT(problem(std::string("http: {allowed_origins: [\"") + origin + "\"]}"),
               Contains("expected an origin"));
  }
  for (const char* host : {"*", "a:80", "https://a", "A.org", "a/b", "", "[::1]:80"}) {
    INFO(host);
    CHECK_THAT(problem(std::string("http: {allowed_hosts: [\"") + host + "\"]}"),
               Contains("expected a host name"));
  }
  CHECK_THAT(problem("http: {max_body_bytes: 0}"), Contains("65536 to"));
  CHECK_THAT(problem("http: {session_idle_s: 1}"), Contains("10 to"));
  for (const char* key :
       {"header_timeout_s", "body_timeout_s", "idle_timeout_s", "write_timeout_s"}) {
    CHECK_THAT(problem(std::string("http: {") + key + ": 0}"), Contains("1 to 3600"));
  }
  CHECK_THAT(problem("auth: {mode: none}"), Contains("`simple` or `enterprise`"));
  CHECK_THAT(problem("auth: {modes: simple}"), Contains("did you mean `mode`"));
  CHECK_THAT(problem("runs: {keep: 0}"), Contains("1 to"));
  CHECK_THAT(problem("jobs: {max_running: 2000}"), Contains("1 to 1024"));
  CHECK_THAT(problem("toolsets: [\"a b\"]"), Contains("name of a toolset"));
  CHECK_THAT(problem("toolsets: core"), Contains("list"));
}

}  // namespace
}  // namespace casemate
