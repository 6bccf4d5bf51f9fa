#include "sandbox/native/launcher/request.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "sandbox/native/launcher/receive.h"
#include "sandbox/native/launcher/syscalls.h"

namespace casemate::launcher {
namespace {

constexpr std::uint32_t kMaxPath = 4096;
// More would overflow the arithmetic on limits; no machine has so much of anything.
constexpr std::uint64_t kMaxLimit = 1ULL << 50;
constexpr std::uint64_t kMaxCpuMillis = 10'000'000;

// Below one of the two writable places, with no empty, "." or ".." component: a file entry must not
// climb out of its base.
bool IsInjectablePath(std::string_view path) {
  constexpr std::string_view kBases[] = {"/workspace/", "/run/casemate/"};
  std::string_view rest;
  for (const std::string_view base : kBases) {
    if (path.starts_with(base)) {
      rest = path;
      rest.remove_prefix(base.size());
    }
  }
  if (rest.empty() || path.size() >= kMaxPath) {
    return false;
  }
  while (true) {
    const std::size_t slash = rest.find('/');
    const std::string_view name(rest.data(), slash == std::string_view::npos ? rest.size() : slash);
    if (name.empty() || name == "." || name == "..") {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    rest.remove_prefix(slash + 1);
  }
}

// Zero is refused: it means "no limit" to tmpfs. Of io_bytes_s it says just that.
bool AreLimitsSane(const wire::LaunchSpec& spec) {
  const std::uint64_t limits[] = {
      spec.disk_bytes,   spec.disk_inodes, spec.tmp_bytes,  spec.tmp_inodes, spec.shm_bytes,
      spec.memory_bytes, spec.pids,        spec.file_bytes, spec.open_files, spec.cpu_millis};
  for (const std::uint64_t limit : limits) {
    if (limit == 0 || limit > kMaxLimit) {
      return false;
    }
  }
  return spec.cpu_millis <= kMaxCpuMillis && spec.io_bytes_s <= kMaxLimit;
}

}  // namespace

Request::~Request() {
  Unmap();
}

void Request::Unmap() {
  if (size_ != 0) {
    ::munmap(const_cast<char*>(data_), size_);
  }
  data_ = nullptr;
  size_ = 0;
}

const wire::LaunchSpec& Request::spec() const {
  return *reinterpret_cast<const wire::LaunchSpec*>(data_);
}

const wire::StringRef& Request::Argument(wire::ListRef list, std::uint32_t index) const {
  return reinterpret_cast<const wire::StringRef*>(data_ + list.offset)[index];
}

const wire::FileEntry& Request::File(std::uint32_t index) const {
  return reinterpret_cast<const wire::FileEntry*>(data_ + spec().files.offset)[index];
}

int Request::Load(UniqueFd* fds, std::size_t count) {
  if (count < kMaxRequestFds - 1 || count > kMaxRequestFds) {
    return EINVAL;
  }
  memfd = std::move(fds[0]);
  in = std::move(fds[1]);
  out = std::move(fds[2]);
  err = std::move(fds[3]);
  run_socket = std::move(fds[4]);
  if (const int error = Map(); error != 0) {
    return error;
  }
  (spec().hold != 0 ? release : workspace_dir) = std::move(fds[5]);
  return Check(workspace_dir.valid());
}

int Request::Send(int channel, int workspace_tree) const {
  const int last = release.valid() ? release.get() : workspace_tree;
  const int fds[] = {memfd.get(), in.get(), out.get(), err.get(), last};
  constexpr char kByte = 0;  // a message must have one
  return SendWithFds(channel, &kByte, sizeof(kByte), fds, last < 0 ? 4 : 5);
}

int Request::Receive(int channel, UniqueFd* workspace_tree) {
  UniqueFd fds[kMaxRequestFds];
  std::size_t count = 0;
  char byte = 0;
  bool whole = false;
  if (ReceiveWithFds(channel, &byte, sizeof(byte), fds, &count, &whole) <= 0) {
    return ECANCELED;
  }
  if (!whole || count < 4 || count > 5) {
    return EPROTO;
  }
  memfd = std::move(fds[0]);
  in = std::move(fds[1]);
  out = std::move(fds[2]);
  err = std::move(fds[3]);
  if (const int error = Map(); error != 0) {
    return error;
  }
  (spec().hold != 0 ? release : *workspace_tree) = std::move(fds[4]);
  return Check(workspace_tree->valid());
}

int Request::Map() {
  // Without these seals the sender could change the spec after it was checked (TOCTOU) or truncate
  // it, which would kill the launcher by SIGBUS.
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  const int seals = ::fcntl(memfd.get(), F_GET_SEALS);
  if (seals < 0) {
    return LastError();
  }
  if ((seals & kSeals) != kSeals) {
    return EPERM;
  }
  struct stat status = {};
  if (::fstat(memfd.get(), &status) != 0) {
    return LastError();
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size < sizeof(wire::LaunchSpec) || size > wire::kMaxSpecBytes) {
    return EMSGSIZE;
  }
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, memfd.get(), 0);
  if (memory == MAP_FAILED) {
    return LastError();
  }
  data_ = static_cast<const char*>(memory);
  size_ = size;
  return 0;
}

int Request::Check(bool has_workspace_dir) const {
  const wire::LaunchSpec& s = spec();
  if (s.magic != wire::kMagic || s.version != wire::kWireVersion) {
    return EPROTO;
  }
  if (s.total_bytes != size_ || s.workspace > static_cast<std::uint32_t>(Workspace::kOverlay)) {
    return EINVAL;
  }
  const bool wants_workspace_dir = workspace() != Workspace::kPrivate;
  if (wants_workspace_dir != has_workspace_dir || (s.hold != 0) != release.valid() ||
      (s.hold != 0 && wants_workspace_dir)) {
    return EBADF;
  }
  if (wants_workspace_dir && (!HasText(s.workspace_path) || Text(s.workspace_path)[0] != '/' ||
                              s.workspace_path.length >= kMaxPath)) {
    return EINVAL;
  }
  if (s.argv.count == 0 || !HasTexts(s.argv) || Argument(s.argv, 0).length == 0 ||
      !HasTexts(s.env)) {
    return EINVAL;
  }
  if (!HasString(s.seccomp) || s.seccomp.length == 0 ||
      s.seccomp.length % sizeof(sock_filter) != 0 ||
      s.seccomp.length / sizeof(sock_filter) > BPF_MAXINSNS) {
    return EINVAL;
  }
  return HasFiles() && AreLimitsSane(s) ? 0 : EINVAL;
}

bool Request::HasString(wire::StringRef ref) const {
  const std::uint64_t end = std::uint64_t{ref.offset} + ref.length;
  return end < size_ && data_[end] == '\0';
}

// As HasString, and no NUL inside, which would silently cut the text.
bool Request::HasText(wire::StringRef ref) const {
  return HasString(ref) && std::memchr(data_ + ref.offset, '\0', ref.length) == nullptr;
}

bool Request::HasList(wire::ListRef list, std::size_t element, std::uint32_t max) const {
  return list.offset % 8 == 0 && list.count <= max &&
         std::uint64_t{list.offset} + std::uint64_t{list.count} * element <= size_;
}

bool Request::HasTexts(wire::ListRef list) const {
  if (!HasList(list, sizeof(wire::StringRef), kMaxArguments)) {
    return false;
  }
  for (std::uint32_t i = 0; i < list.count; ++i) {
    if (!HasText(Argument(list, i))) {
      return false;
    }
  }
  return true;
}

bool Request::HasFiles() const {
  if (!HasList(spec().files, sizeof(wire::FileEntry), kMaxFiles)) {
    return false;
  }
  for (std::uint32_t i = 0; i < spec().files.count; ++i) {
    const wire::FileEntry& file = File(i);
    if (!HasText(file.path) || !HasString(file.content) || !IsInjectablePath(Bytes(file.path))) {
      return false;
    }
  }
  return true;
}

}  // namespace casemate::launcher
