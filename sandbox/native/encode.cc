#include "sandbox/native/encode.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <type_traits>

#include "sandbox/native/launcher/wire.h"

namespace casemate::sandbox {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kMaxTmp = 64 * kMiB;
constexpr std::uint64_t kMaxShm = 16 * kMiB;
constexpr std::uint64_t kHostFile = 4096 * kMiB;
constexpr std::uint64_t kOpenFiles = 1024;
// An inode of tmpfs costs about 1 KiB of kernel memory, so inodes take at most a quarter of what
// the bytes may take.
constexpr std::uint64_t kBytesPerInode = 4 * kKiB;
constexpr std::uint64_t kFewestInodes = 1024;

std::uint64_t InodesFor(std::uint64_t bytes) {
  return std::max(kFewestInodes, bytes / kBytesPerInode);
}

// Raising a hard limit needs a privilege that the sandbox has given up: never ask for more.
std::uint64_t WithinHardLimit(__rlimit_resource resource, std::uint64_t wanted) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) {
    return wanted;
  }
  return std::min<std::uint64_t>(wanted, limit.rlim_max);
}

// Appends the parts behind the header. Offsets may wrap when the whole is too long; Finish, the
// only way to the bytes, refuses that.
class SpecWriter {
 public:
  SpecWriter() : bytes_(sizeof(wire::LaunchSpec), '\0') {}

  wire::StringRef Text(std::string_view text) {
    const wire::StringRef ref{Offset(), static_cast<std::uint32_t>(text.size())};
    bytes_.append(text);
    bytes_.push_back('\0');
    return ref;
  }
  wire::StringRef Aligned(std::string_view raw) {
    Align();
    return Text(raw);
  }
  template <typename Element>
  wire::ListRef List(const std::vector<Element>& elements) {
    static_assert(std::is_trivially_copyable_v<Element>);
    Align();
    const wire::ListRef ref{Offset(), static_cast<std::uint32_t>(elements.size())};
    bytes_.append(reinterpret_cast<const char*>(elements.data()),
                  elements.size() * sizeof(Element));
    return ref;
  }
  wire::ListRef Texts(const std::vector<std::string>& texts) {
    std::vector<wire::StringRef> refs;
    refs.reserve(texts.size());
    for (const std::string& text : texts) {
      refs.push_back(Text(text));
    }
    return List(refs);
  }
  Result<std::string> Finish(wire::LaunchSpec header) && {
    if (bytes_.size() > wire::kMaxSpecBytes) {
      return Error{ErrorCode::kResourceExhausted,
                   "the command, its environment and its files come to " +
                       std::to_string(bytes_.size()) + " bytes, more than the " +
                       std::to_string(wire::kMaxSpecBytes) + " that one run takes",
                   "args.files", "write fewer or smaller files", 0};
    }
    header.total_bytes = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &header, sizeof header);
    return std::move(bytes_);
  }

 private:
  [[nodiscard]] std::uint32_t Offset() const { return static_cast<std::uint32_t>(bytes_.size()); }
  void Align() { bytes_.resize((bytes_.size() + 7) / 8 * 8, '\0'); }

  std::string bytes_;
};

void SetLimits(const SandboxSpec& spec, wire::LaunchSpec& header) {
  const auto memory = static_cast<std::uint64_t>(spec.limits.memory_mb) * kMiB;
  const auto disk = static_cast<std::uint64_t>(spec.limits.disk_mb) * kMiB;
  header.memory_bytes = memory;
  header.disk_bytes = disk;
  header.disk_inodes = InodesFor(disk);
  header.tmp_bytes = std::min(kMaxTmp, memory / 4);
  header.tmp_inodes = InodesFor(header.tmp_bytes);
  header.shm_bytes = std::min(kMaxShm, memory / 8);
  header.cpu_millis = static_cast<std::uint64_t>(spec.limits.cpu_millis);
  header.must_hold = spec.must_hold_cpus ? std::uint32_t{wire::kLayerCgroupCpu} : 0;
  header.io_bytes_s = static_cast<std::uint64_t>(spec.limits.io_mb_s) * kMiB;
  if (header.io_bytes_s != 0) {
    header.must_hold |= wire::kLayerCgroupIo;  // no default has it: it was stated by somebody
  }
  header.pids = static_cast<std::uint64_t>(spec.limits.pids);
  // On a host directory nothing else bounds what one file can take.
  const std::uint64_t file_bytes =
      spec.workspace == WorkspaceKind::kReadWrite ? kHostFile : std::max(disk, header.tmp_bytes);
  header.file_bytes = WithinHardLimit(RLIMIT_FSIZE, file_bytes);
  header.open_files = WithinHardLimit(RLIMIT_NOFILE, kOpenFiles);
}

// The launcher opens the path again on its side: device and inode tell that it is still the same.
Result<void> SetWorkspace(const SandboxSpec& spec, SpecWriter& writer, wire::LaunchSpec& header) {
  header.workspace = static_cast<std::uint32_t>(spec.workspace);
  header.workspace_path = writer.Text(spec.workspace_path);
  if (spec.workspace == WorkspaceKind::kPrivate) {
    return {};
  }
  struct stat info{};
  if (fstat(spec.workspace_fd.get(), &info) != 0) {
    return ErrnoError("cannot examine the workspace " + spec.workspace_path, errno);
  }
  if (!S_ISDIR(info.st_mode)) {
    return InvalidArgument("args.workspace", "expected a directory, got something else");
  }
  header.workspace_dev = info.st_dev;
  header.workspace_ino = info.st_ino;
  return {};
}

}  // namespace

Result<std::string> EncodeSpec(const SandboxSpec& spec, std::string_view seccomp_filter,
                               bool hold) {
  wire::LaunchSpec header;
  header.hold = hold ? 1 : 0;
  SpecWriter writer;
  SetLimits(spec, header);
  header.argv = writer.Texts(spec.argv);
  header.env = writer.Texts(spec.env);
  if (auto set = SetWorkspace(spec, writer, header); !set) {
    return std::move(set).error();
  }
  header.seccomp = writer.Aligned(seccomp_filter);
  std::vector<wire::FileEntry> files;
  files.reserve(spec.files.size());
  for (const InjectedFile& file : spec.files) {
    const std::string path = file.path.starts_with('/') ? file.path : "/workspace/" + file.path;
    files.push_back({writer.Text(path), writer.Text(file.content), file.mode});
  }
  header.files = writer.List(files);
  return std::move(writer).Finish(header);
}

}  // namespace casemate::sandbox
