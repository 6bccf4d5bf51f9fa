#include "sandbox/native/native_backend.h"
#include "tests/unit/sandbox/backend_contract.h"

namespace casemate::sandbox::test {

TEST_CASE("the native sandbox keeps the contract of backends") {
  Sandbox sandbox;
  NativeBackend backend(sandbox.runner());
  BackendContract(backend, TestPolicy::GrantOf(EverydayLimits()), {}).Check();
}

}  // namespace casemate::sandbox::test
