#include "sandbox/container/run/guard_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include "base/file.h"
#include "base/hash.h"
#include "base/unique_fd.h"
#include "sandbox/container/guard/protocol.h"
#include "sandbox/native/seccomp.h"

// The guard program, put in by the generated guard_image.S.
// NOLINTBEGIN(readability-identifier-naming): an assembler's symbols
extern "C" const char casemate_guard_begin[];
extern "C" const char casemate_guard_end[];
// NOLINTEND(readability-identifier-naming)

namespace casemate::container {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{16} << 20;
constexpr mode_t kProgramMode = 0555;
constexpr mode_t kDataMode = 0444;
// Whoever the container's user is, it must get to the files; nobody else gets past the parent.
constexpr mode_t kDirectoryMode = 0755;

// Whole or not at all: written aside, then renamed.
Result<void> Place(const std::string& path, std::string_view bytes, mode_t mode) {
  if (const auto there = ReadFile(path, kMaxBytes); there && *there == bytes) {
    return {};
  }
  const std::string aside = path + "." + RandomHex(8);
  const UniqueFd file(open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) {
    return ErrnoError("cannot make " + aside, errno);
  }
  auto written = WriteAll(file.get(), bytes);
  if (written && (fchmod(file.get(), mode) != 0 || fsync(file.get()) != 0 ||
                  rename(aside.c_str(), path.c_str()) != 0)) {
    written = ErrnoError("cannot place " + path, errno);
  }
  if (!written) {
    unlink(aside.c_str());
  }
  return written;
}

}  // namespace

Result<std::string> PlaceGuard(const std::string& directory) {
  const std::string_view program(
      casemate_guard_begin, static_cast<std::size_t>(casemate_guard_end - casemate_guard_begin));
  const auto filter = sandbox::BuildSeccompFilter();
  if (!filter) {
    return filter.error();
  }
  if (auto made = MakePrivateDirectories(directory); !made) {
    return std::move(made).error();
  }
  const std::string name = Sha256Hex(std::string(program) + *filter).substr(0, kGuardDigits);
  const std::string place = directory + "/" + name;
  if (mkdir(place.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    return ErrnoError("cannot make " + place, errno);
  }
  if (chmod(place.c_str(), kDirectoryMode) != 0) {
    return ErrnoError("cannot open " + place + " to containers", errno);
  }
  if (auto placed = Place(place + "/guard", program, kProgramMode); !placed) {
    return std::move(placed).error();
  }
  if (auto placed = Place(place + "/filter", *filter, kDataMode); !placed) {
    return std::move(placed).error();
  }
  return name;
}

bool MountsGuard(const ContainerDetails& container, const std::string& directory) {
  return std::ranges::any_of(container.mounts, [&](const Mount& mount) {
    return mount.kind == "bind" && mount.destination == guard::kDirectory && !mount.writable &&
           !directory.empty() && mount.source.starts_with(directory + "/");
  });
}

}  // namespace casemate::container
