// Whatever the file: the entry goes in, is found, goes in again without a change, is replaced, and
// comes out so that the old bytes are back.
#include <cstdlib>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "clients/hosts/splice.h"
#include "tests/unit/hosts/random_documents.h"

namespace casemate::hosts {
namespace {

using nlohmann::ordered_json;

// Sanitizers are some thirty times slower.
const std::uint32_t kDocuments = std::getenv("CASEMATE_SANITIZED") == nullptr ? 4000 : 300;

const ordered_json kEntry = {{"command", "/opt/case mate/é\"casemate"}, {"args", {"serve", "--x"}}};
const ordered_json kOther = {{"url", "https://x/mcp"},
                             {"headers", {{"Authorization", "Bearer $T"}}}};

void GoesInAndOut(Format format, const std::string& text, const KeyPath& path) {
  INFO("document:\n" << text << "<end>");
  auto with = WithEntry(format, text, path, kEntry);
  INFO((with ? *with : Describe(with.error())) << "<end>");
  REQUIRE(with);
  const auto found = FindEntry(format, *with, path);
  REQUIRE(found);
  REQUIRE(found->has_value());
  REQUIRE(nlohmann::json::parse((*found)->json) == nlohmann::json(kEntry));
  const auto again = WithEntry(format, *with, path, kEntry);
  REQUIRE(again);
  REQUIRE(*again == *with);
  const auto other = WithEntry(format, *with, path, kOther);
  INFO((other ? *other : Describe(other.error())) << "<end>");
  REQUIRE(other);
  REQUIRE(nlohmann::json::parse((*FindEntry(format, *other, path))->json) ==
          nlohmann::json(kOther));
  for (const std::string& changed : {*with, *other}) {
    INFO("changed:\n" << changed << "<end>");
    const auto without = WithoutEntry(format, changed, path);
    INFO((without ? without->value_or("<no file>") : Describe(without.error())) << "<end>");
    REQUIRE(without);
    REQUIRE(without->has_value());
    REQUIRE(**without == text);
  }
}

}  // namespace

TEST_CASE("install then remove gives the bytes of any JSON file back") {
  const KeyPath path = GENERATE(KeyPath{"mcpServers", "casemate"},
                                KeyPath{"projects", "/home/é/\"x\"", "mcpServers", "casemate"});
  for (std::uint32_t seed = 0; seed < kDocuments; ++seed) {
    CAPTURE(seed);
    GoesInAndOut(Format::kJson, testing::RandomDocument(seed).Json(path), path);
  }
}

TEST_CASE("install then remove gives the bytes of any TOML file back") {
  const KeyPath path = {"mcp_servers", "casemate"};
  for (std::uint32_t seed = 0; seed < kDocuments; ++seed) {
    CAPTURE(seed);
    GoesInAndOut(Format::kToml, testing::RandomDocument(seed).Toml(path), path);
  }
}

TEST_CASE("a file that was not there is gone again") {
  const KeyPath path = {"mcpServers", "casemate"};
  const auto made = WithEntry(Format::kJson, std::nullopt, path, kEntry);
  REQUIRE(made);
  const auto without = WithoutEntry(Format::kJson, *made, path);
  REQUIRE(without);
  CHECK_FALSE(without->has_value());
}

}  // namespace casemate::hosts
