#include "sandbox/native/sealed_memfd.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

#include "base/file.h"

namespace casemate::sandbox {
namespace {

// Linux 6.3; not in the headers of Debian 12.
constexpr unsigned kMfdNoexecSeal = 0x0008U;
constexpr unsigned kMfdExec = 0x0010U;

UniqueFd CreateMemfd(const char* name, MemfdUse use) {
  constexpr unsigned kBase = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  UniqueFd fd(memfd_create(name, kBase | (use == MemfdUse::kData ? kMfdNoexecSeal : kMfdExec)));
  if (!fd.valid() && errno == EINVAL) {
    fd.Reset(memfd_create(name, kBase));  // a kernel before 6.3
  }
  return fd;
}

}  // namespace

Result<UniqueFd> MakeSealedMemfd(const char* name, std::string_view bytes, MemfdUse use) {
  UniqueFd fd = CreateMemfd(name, use);
  if (!fd.valid()) {
    const int err = errno;
    Error error = ErrnoError("cannot make an in-memory file", err);
    if (use == MemfdUse::kProgram && err == EACCES) {
      error.remedy = "set the sysctl vm.memfd_noexec to 1 or 0";
    }
    return error;
  }
  if (auto written = WriteAll(fd.get(), bytes); !written) {
    return std::move(written).error();
  }
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
    return ErrnoError("cannot seal an in-memory file", errno);
  }
  return fd;
}

}  // namespace casemate::sandbox
