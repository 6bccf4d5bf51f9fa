#include "tools/containerize/versions.h"

#include <array>
#include <tuple>

#include <catch2/catch.hpp>

namespace casemate::containerize {

TEST_CASE("requirements of all package managers choose a version") {
  constexpr std::array<std::string_view, 4> kMajors = {"24", "22", "20", "18"};
  constexpr std::array<std::string_view, 4> kMinors = {"3.13", "3.12", "3.11", "3.10"};
  const auto [requirement, majors, minors] = GENERATE(table<const char*, const char*, const char*>({
      {"20.x", "20", ""},
      {"20", "20", "20"},
      {"v20.11.1", "20.11.1", "20.11.1"},
      {"=3.11.4", "3.11.4", "3.11.4"},
      {"==3.11.4", "3.11.4", "3.11.4"},
      {">=18.17", "24", ""},
      {">=18 <21", "20", ""},
      {">= 18 < 21", "20", ""},
      {">=18.0.0 <=20.99.0", "20", ""},
      {"18 || 20", "20", ""},
      {"^20.9.0", "20", ""},
      {"~18.2.0", "18", ""},
      {"18 - 20", "20", ""},
      {"*", "24", "3.13"},
      {"^3.11", "", "3.13"},
      {">=3.8,<3.13", "", "3.12"},
      {">=3.10, <3.12", "", "3.11"},
      {"~=3.10", "", "3.13"},
      {"~=3.10.2", "", "3.10"},
      {"~> 3.1", "", "3.13"},
      {"~> 3.11.0", "", "3.11"},
      {"==3.11.*", "", "3.11"},
      {"!=3.13,>=3.10,<4", "", "3.12"},
      {"^0.2.3", "", ""},
      {"latest", "24", "3.13"},
      {"whatever", "", ""},
      {"", "", ""},
      {"||", "", ""},
      {">", "", ""},
  }));
  CAPTURE(requirement);
  CHECK(ChooseVersion(requirement, kMajors) == majors);
  CHECK(ChooseVersion(requirement, kMinors) == minors);
}

TEST_CASE("numbers of versions") {
  CHECK(NumbersOf("go1.22rc1") == "1.22");
  CHECK(NumbersOf("1.22.3", 2) == "1.22");
  CHECK(NumbersOf("stable").empty());
  CHECK(NumbersOf("99999999999999999999.1") == "999999999.1");
  CHECK(CompareVersions("1.9", "1.10") < 0);
  CHECK(CompareVersions("1.10", "1.10.0") == 0);
  CHECK(CompareVersions("2", "1.10") > 0);
}

}  // namespace casemate::containerize
