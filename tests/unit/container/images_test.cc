// Which images a configuration allows, and by which names engines are asked for them.
#include "sandbox/container/run/images.h"

#include <catch2/catch.hpp>

#include "base/result.h"

namespace casemate::container {
namespace {

const std::string kOne = "sha256:" + std::string(64, '1');
const std::string kTwo = "sha256:" + std::string(64, '2');

ImageReference Parsed(const std::string& text) {
  auto parsed = ParseImageReference(text, "args.image");
  INFO(text << (parsed ? std::string() : ": " + Describe(parsed.error())));
  REQUIRE(parsed);
  return *std::move(parsed);
}

Result<std::optional<ImagePermission>> Asked(const std::vector<std::string>& rules,
                                             const std::string& reference) {
  std::vector<ImageRule> parsed;
  for (const std::string& rule : rules) {
    parsed.push_back(*ParseImageRule(rule, "images"));
  }
  return FindImageRule(parsed, Parsed(reference), "args.image");
}

// "no", "yes", "pinned", or "by its tag" for the error that says so.
std::string Says(const std::vector<std::string>& rules, const std::string& reference) {
  const auto found = Asked(rules, reference);
  if (!found) {
    CHECK(found.error().code == ErrorCode::kPermissionDenied);
    CHECK(found.error().field == "args.image");
    CHECK_FALSE(found.error().remedy.empty());
    return "by its tag";
  }
  return !*found ? "no" : (*found)->is_pinned ? "pinned" : "yes";
}

std::string NameOf(const std::string& rule, const std::string& reference) {
  const auto found = Asked({rule}, reference);
  REQUIRE(found);
  REQUIRE(*found);
  return EngineName(Parsed(reference), **found);
}

}  // namespace

TEST_CASE("what engines would take for an id is no name of an image", "[images]") {
  const std::string hex(64, 'a');
  for (const std::string& id : {hex, "sha256:" + hex, std::string("sha256"), "library/" + hex,
                                "docker.io/library/" + hex + ":latest", hex + "@" + kOne}) {
    INFO(id);
    const auto parsed = ParseImageReference(id, "args.image");
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == ErrorCode::kInvalidArgument);
    CHECK(parsed.error().field == "args.image");
  }
  CHECK(ToString(Parsed(hex.substr(1))) == "docker.io/library/" + hex.substr(1) + ":latest");
}

TEST_CASE("a rule for a tag allows no digest: engines ignore the tag then", "[images]") {
  CHECK(Says({"r.example/app:prod"}, "r.example/app:prod") == "yes");
  CHECK(Says({"r.example/app:prod"}, "r.example/app:dev") == "no");
  CHECK(Says({"r.example/app:prod"}, "r.example/app:prod@" + kOne) == "by its tag");
  CHECK(Says({"r.example/app:pro*"}, "r.example/app:prod@" + kOne) == "by its tag");
  CHECK(Says({"r.example/app:prod"}, "r.example/app@" + kOne) == "no");
  for (const char* any : {"r.example/app", "r.example/app:*", "r.example/*"}) {
    CHECK(Says({any}, "r.example/app:prod@" + kOne) == "yes");
    CHECK(Says({any}, "r.example/app@" + kOne) == "yes");
    CHECK(Says({"r.example/app:prod", any}, "r.example/app:prod@" + kOne) == "yes");
  }
  CHECK(Says({"r.example/app:prod@" + kOne}, "r.example/app:prod@" + kOne) == "pinned");
  CHECK(Says({"r.example/app:prod@" + kOne}, "r.example/app:prod@" + kTwo) == "no");
  CHECK(Says({"r.example/app:prod", "r.example/app@" + kOne}, "r.example/app:prod@" + kOne) ==
        "pinned");
}

TEST_CASE("engines are asked by the completed name, and by a digest where there is one",
          "[images]") {
  CHECK(NameOf("debian", "debian") == "docker.io/library/debian:latest");
  CHECK(NameOf("debian", "debian:12") == "docker.io/library/debian:12");
  CHECK(NameOf("debian", "debian:12@" + kOne) == "docker.io/library/debian@" + kOne);
  CHECK(NameOf("r.example/app:1@" + kTwo, "r.example/app:1") == "r.example/app@" + kTwo);
  CHECK(NameOf("r.example/app:1@" + kTwo, "r.example/app:1@" + kTwo) == "r.example/app@" + kTwo);
}

}  // namespace casemate::container
