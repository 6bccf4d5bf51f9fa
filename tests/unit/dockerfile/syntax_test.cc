#include "tools/dockerfile/syntax.h"

#include <catch2/catch.hpp>

namespace casemate::dockerfile {

TEST_CASE("a flag is found by its name") {
  Instruction instruction;
  instruction.flags = {{"mount", "type=cache,target=/x"}};
  CHECK(instruction.FlagValue("mount") == "type=cache,target=/x");
  CHECK_FALSE(instruction.FlagValue("network"));
}

}  // namespace casemate::dockerfile
