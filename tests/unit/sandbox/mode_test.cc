// What each mode excuses, and what none does.
#include "sandbox/native/mode.h"

#include <catch2/catch.hpp>

#include "sandbox/native/launcher/wire.h"

namespace casemate::sandbox::test {

TEST_CASE("modes have names, and nothing else is one") {
  for (const Mode mode : {Mode::kStrict, Mode::kBestEffort}) {
    CHECK(ModeNamed(NameOf(mode)) == mode);
  }
  for (const char* name : {"", "Strict", "best-effort", "strict ", "off"}) {
    CHECK_FALSE(ModeNamed(name).has_value());
  }
}

TEST_CASE("strict excuses nothing") {
  CHECK_FALSE(MayLackLandlock(Mode::kStrict));
  for (const int err : {0, EPERM, EACCES, ENOMEM}) {
    CHECK_FALSE(MayLackProc(Mode::kStrict, err));
  }
  CHECK(MissingLimits(Mode::kStrict, wire::kLayerCgroupCpu, 0) == wire::kLayerCgroupCpu);
  CHECK(MissingLimits(Mode::kStrict, wire::kLayerCgroupCpu,
                      wire::kLayerCgroupMemory | wire::kLayerCgroupPids) == wire::kLayerCgroupCpu);
}

TEST_CASE("what nobody asked for, or what is held, is not missing") {
  CHECK(MissingLimits(Mode::kStrict, 0, 0) == 0);
  CHECK(MissingLimits(Mode::kStrict, wire::kLayerCgroupCpu, wire::kLayerCgroupCpu) == 0);
  CHECK(MissingLimits(Mode::kStrict, wire::kLayerCgroupCpu | wire::kLayerCgroupIo,
                      wire::kLayerCgroupCpu) == wire::kLayerCgroupIo);
}

TEST_CASE("best effort excuses what the kernel refuses, not what breaks") {
  CHECK(MayLackLandlock(Mode::kBestEffort));
  CHECK(MayLackProc(Mode::kBestEffort, EPERM));
  CHECK(MayLackProc(Mode::kBestEffort, EACCES));
  for (const int err : {0, ENOMEM, ENODEV, ENOENT, EIO}) {
    CHECK_FALSE(MayLackProc(Mode::kBestEffort, err));
  }
  CHECK(MissingLimits(Mode::kBestEffort, wire::kLayerCgroupCpu, 0) == 0);
}

}  // namespace casemate::sandbox::test
