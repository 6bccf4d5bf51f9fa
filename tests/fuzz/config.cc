// Fuzz target: a config file. It is read or refused, and a refusal is one line of text.
#include "mcp/config.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "tests/fuzz/found.h"

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  for (const char* name :
       {"CASEMATE_CONFIG", "CASEMATE_STATE_DIR", "CASEMATE_POLICY", "CASEMATE_WORKSPACE_ROOTS",
        "CASEMATE_SANDBOX_MODE", "XDG_CONFIG_HOME", "XDG_STATE_HOME"}) {
    unsetenv(name);
  }
  return setenv("HOME", "/nonexistent", 1);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace casemate;
  const UniqueFd file(memfd_create("config", MFD_CLOEXEC));
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (!file.valid() || !WriteAll(file.get(), text)) {
    fuzz::Found("no file in memory");
  }
  const auto config = LoadConfig({.config_file = "/proc/self/fd/" + std::to_string(file.get())});
  if (!config) {
    const std::string why = Describe(config.error());
    if (why.empty() || !IsValidUtf8(why) || why.find('\n') != std::string::npos) {
      fuzz::Found("a refusal that is not one line of text: " + why);
    }
  }
  return 0;
}
