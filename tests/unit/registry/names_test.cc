// What is read of names, addresses and headers: tables, and bytes by chance.
#include <catch2/catch.hpp>

#include "sandbox/container/registry/challenge.h"
#include "sandbox/container/registry/image_name.h"
#include "sandbox/container/registry/transfer.h"
#include "sandbox/container/registry/url.h"
#include "tests/unit/registry/image_fixture.h"

namespace casemate::registry {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST_CASE("Names of images", "[registry]") {
  struct Row {
    std::string text, host, repository, tag, digest, api;
  };
  const Row rows[] = {
      {"debian", "docker.io", "library/debian", "", "", "registry-1.docker.io"},
      {"debian:12-slim", "docker.io", "library/debian", "12-slim", "", "registry-1.docker.io"},
      {"team/shop", "docker.io", "team/shop", "", "", "registry-1.docker.io"},
      {"docker.io/debian", "docker.io", "library/debian", "", "", "registry-1.docker.io"},
      {"index.docker.io/a/b", "docker.io", "a/b", "", "", "registry-1.docker.io"},
      {"localhost/x", "localhost", "x", "", "", "localhost"},
      {"host:5000/a__b/c-d.e:T_1", "host:5000", "a__b/c-d.e", "T_1", "", "host:5000"},
      {"[::1]:5000/x", "[::1]:5000", "x", "", "", "[::1]:5000"},
      {"Reg.example.com/x@" + kDigest, "Reg.example.com", "x", "", kDigest, "Reg.example.com"},
      {"a.b/x:1@" + kDigest, "a.b", "x", "1", kDigest, "a.b"},
      {"a/b---c", "docker.io", "a/b---c", "", "", "registry-1.docker.io"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto name = test::Must(ParseImageName(row.text));
    CHECK(name.host == row.host);
    CHECK(name.repository == row.repository);
    CHECK(name.tag == row.tag);
    CHECK(name.digest == row.digest);
    CHECK(ApiHost(name) == row.api);
    CHECK(TextOf(test::Must(ParseImageName(TextOf(name)))) == TextOf(name));
  }
  CHECK(ReferenceOf({"h", "r", "", ""}) == "latest");
  CHECK(ReferenceOf({"h", "r", "1", ""}) == "1");
  CHECK(ReferenceOf({"h", "r", "1", kDigest}) == kDigest);
}

TEST_CASE("What is no name of an image", "[registry]") {
  for (const std::string text : {"",
                                 "/",
                                 ":",
                                 "@",
                                 "a:",
                                 "a@",
                                 "A",
                                 "a/",
                                 "/a",
                                 "a//b",
                                 "a_.b",
                                 "a___b",
                                 "a..b",
                                 "-a",
                                 "a-",
                                 "https://a.b/c",
                                 "a.b:0/x",
                                 "a.b:65536/x",
                                 "a.b:x/x",
                                 "a.b:/x",
                                 "a b",
                                 "a\nb",
                                 "a:b c",
                                 "a:.b",
                                 "a:-b",
                                 "a@sha256:abc",
                                 "a@sha512:00",
                                 "host:5000/",
                                 "..//x",
                                 "a/../b",
                                 "a.b/x?y",
                                 "a.b/x#y",
                                 "a.b/%41",
                                 "[::1/x",
                                 "[]/x",
                                 "[::1]x/x",
                                 "a.-b/x",
                                 ".b/x",
                                 "user@host/x",
                                 "a.b/x:1:2",
                                 "a.b\\c/x"}) {
    CAPTURE(text);
    const auto name = ParseImageName(text);
    REQUIRE_FALSE(name);
    CHECK(name.error().code == ErrorCode::kInvalidArgument);
  }
  CHECK_FALSE(ParseImageName("a:" + std::string(129, 'x')));
  CHECK(ParseImageName("a:" + std::string(128, 'x')));
  CHECK_FALSE(ParseImageName(std::string(300, 'x')));
  CHECK_FALSE(ParseImageName("a@" + kDigest + "0"));
  CHECK_FALSE(ParseImageName("a@sha256:" + std::string(64, 'A')));
}

TEST_CASE("Challenges", "[registry]") {
  const auto one = ParseChallenges(
      R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="a:b:pull,push")");
  REQUIRE(one.size() == 1);
  CHECK(one[0].scheme == "bearer");
  CHECK(one[0].Find("realm") == "https://auth.docker.io/token");
  CHECK(one[0].Find("scope") == "a:b:pull,push");
  CHECK(one[0].Find("none").empty());
  const auto two = ParseChallenges(R"(Negotiate, BASIC Realm = "a \"b\", c" , Bearer realm=x,k=v)");
  REQUIRE(two.size() == 3);
  CHECK(two[0].scheme == "negotiate");
  CHECK(two[1].scheme == "basic");
  CHECK(two[1].Find("realm") == R"(a "b", c)");
  CHECK(two[2].Find("k") == "v");
  for (const std::string text :
       {"", ",", "=", "\"", "Bearer realm=\"x", "@", "\x01", "Basic\x01"}) {
    CAPTURE(text);
    CHECK(ParseChallenges(text).empty());
  }
  std::string many;
  for (int i = 0; i < 1000; ++i) {
    many += "Basic realm=x, ";
  }
  CHECK(ParseChallenges(many).size() == 8);
  CHECK(ParseChallenges("Basic " + std::string(100'000, 'a')).size() <= 2);
}

TEST_CASE("Addresses and where they lead", "[registry]") {
  const Url base = test::Must(ParseUrl("https://reg.example.com:5000/v2/a/blobs/uploads/1?_s=2"));
  CHECK(base.port == 5000);
  CHECK(base.target == "/v2/a/blobs/uploads/1?_s=2");
  const std::pair<std::string, std::string> rows[] = {
      {"/x?y=%2B%26", "https://reg.example.com:5000/x?y=%2B%26"},
      {"x", "https://reg.example.com:5000/v2/a/blobs/uploads/x"},
      {"?z=1", "https://reg.example.com:5000/v2/a/blobs/uploads/1?z=1"},
      {"//Other/x", "https://other:443/x"},
      {"http://o:81", "http://o:81/"},
      {"HTTPS://[::1]:8/x#f", "https://[::1]:8/x"},
      {"https://o?q", "https://o:443/?q"},
  };
  for (const auto& [text, wanted] : rows) {
    CAPTURE(text);
    const Url url = test::Must(Follow(base, text));
    CHECK(url.Origin() + url.target == wanted);
  }
  for (const std::string text :
       {"", "ftp://a/b", "file:///etc/passwd", "https://", "https://u:p@h/x", "https://h:0/", "a b",
        "https://h:99999/", "https://h:1x/", "/x\r\nEvil: 1", "/\x80", "https://h\\@e/x",
        "https://[::1/", "https://[x]/", "javascript:1", "https://a%62c/"}) {
    CAPTURE(text);
    CHECK_FALSE(Follow(base, text));
  }
  CHECK_FALSE(Follow(base, "/" + std::string(20'000, 'x')));
  CHECK(WithParameter("/a?b=c", "digest", "sha256:0 &") == "/a?b=c&digest=sha256%3A0%20%26");
  CHECK(test::Must(ParseUrl("https://h:443/")).Authority() == "h");
  CHECK(test::Must(ParseUrl("http://h:443/")).Authority() == "h:443");
  for (const char* const host : {"localhost", "127.0.0.1", "127.9.9.9", "::1"}) {
    CHECK(IsLoopback(host));
  }
  for (const char* const host : {"localhost.example.com", "127.0.0.1.example.com", "0.0.0.0",
                                 "10.0.0.1", "", "1277.0.0.1"}) {
    CHECK_FALSE(IsLoopback(host));
  }
}

TEST_CASE("Ranges of uploads", "[registry]") {
  CHECK(LastOfRange("0-99") == 99);
  CHECK(LastOfRange("bytes=0-99") == 99);
  CHECK(LastOfRange("0-0") == 0);
  for (const char* const range : {"", "0", "0-", "1-2", "0--1", "0-x", "0-9 ", "bytes=1-2",
                                  "0-99999999999999999999", "0-9223372036854775807"}) {
    CAPTURE(range);
    CHECK(LastOfRange(range) == -1);
  }
}

TEST_CASE("Bytes by chance are read or refused, and what is read reads the same", "[registry]") {
  constexpr std::string_view kLetters = "aZ0.:/@-_[]%\"=, \\?#\x01\xc3";
  for (std::uint32_t seed = 1; seed < 20'000; ++seed) {
    std::string text = test::Noise(1 + seed % 24, seed);
    for (char& c : text) {
      c = kLetters[static_cast<unsigned char>(c) % kLetters.size()];
    }
    if (const auto name = ParseImageName(text)) {
      CHECK(TextOf(test::Must(ParseImageName(TextOf(*name)))) == TextOf(*name));
    }
    static_cast<void>(ParseChallenges(text));
    if (const auto url = ParseUrl("http://" + text)) {
      CHECK(test::Must(ParseUrl(url->Origin() + url->target)).target == url->target);
    }
  }
}

}  // namespace
}  // namespace casemate::registry
