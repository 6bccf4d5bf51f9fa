#include "tools/run_spool.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/hash.h"

namespace casemate::tools {

namespace {

using sandbox::Stream;

constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kIdCharacters = 26;
constexpr int kMaxAttempts = 16;
constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";

unsigned HexDigit(char c) {
  return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
}

}  // namespace

std::string NewRunId() {
  const std::string hex = RandomHex(kIdBytes);
  std::string id;
  unsigned bits = 0;
  unsigned count = 0;
  for (const char c : hex) {
    bits = (bits << 4) | HexDigit(c);
    count += 4;
    if (count >= 5) {
      count -= 5;
      id += kBase32[(bits >> count) & 31U];
    }
  }
  id += kBase32[(bits << (5 - count)) & 31U];  // the last three bits
  return id;
}

bool IsRunId(std::string_view text) {
  return text.size() == kIdCharacters && text.find_first_not_of(kBase32) == std::string_view::npos;
}

std::string_view StreamName(Stream stream) {
  return stream == Stream::kStdout ? "stdout" : "stderr";
}

std::optional<Stream> StreamFromName(std::string_view name) {
  if (name == "stdout") {
    return Stream::kStdout;
  }
  return name == "stderr" ? std::optional(Stream::kStderr) : std::nullopt;
}

Result<std::string> ReadRange(int fd, std::uint64_t offset, std::uint64_t limit) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    return ErrnoError("cannot examine kept output", errno);
  }
  const auto size = static_cast<std::uint64_t>(info.st_size);
  std::string bytes(std::min(limit, size - std::min(size, offset)), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::pread(fd, bytes.data() + filled, bytes.size() - filled,
                                static_cast<off_t>(offset + filled));
    if (got < 0 && errno != EINTR) {
      return ErrnoError("cannot read kept output", errno);
    }
    if (got == 0) {
      break;
    }
    filled += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  bytes.resize(filled);
  return bytes;
}

RunSpool::RunSpool(std::string directory, std::string id, std::string owner, bool untrusted,
                   SpoolLimits limits)
    : path_(std::move(directory) + "/" + id),
      id_(std::move(id)),
      owner_(std::move(owner)),
      untrusted_(untrusted),
      limits_(limits) {}

RunSpool::~RunSpool() {
  const std::lock_guard lock(mutex_);
  if (!kept_) {
    RemoveFiles();
  }
}

void RunSpool::OnOutput(Stream stream, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  Kept& kept = Of(stream);
  const std::uint64_t held = kept.in_file + kept.memory.size();
  const std::uint64_t room = limits_.max_stream_bytes - std::min(limits_.max_stream_bytes, held);
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(room, bytes.size()));
  kept.dropped += bytes.size() - taken;
  if (failed_) {
    return;
  }
  kept.memory.append(bytes.substr(0, taken));
  if (kept.memory.size() > limits_.memory_bytes) {
    Spill(kept);
  }
}

Result<void> RunSpool::MakeDirectory() {
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    if (::mkdir(path_.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
      return ErrnoError("cannot make the directory for the output", errno);
    }
    UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    struct stat info{};
    // A server that starts may take our new, still unlocked directory for one that a crashed run
    // left, and remove it. Then we make it anew.
    if (fd.valid() && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 && ::fstat(fd.get(), &info) == 0 &&
        info.st_nlink > 0) {
      lock_ = std::move(fd);
      return {};
    }
  }
  return Error{ErrorCode::kUnavailable, "could not take the directory for the output", {}, {}, 0};
}

Result<void> RunSpool::Open() {
  if (lock_.valid()) {
    return {};
  }
  if (auto made = MakeDirectory(); !made) {
    return made;
  }
  for (const Stream stream : {Stream::kStdout, Stream::kStderr}) {
    const std::string name(StreamName(stream));
    UniqueFd fd(::openat(lock_.get(), name.c_str(),
                         O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (!fd.valid()) {
      return ErrnoError("cannot make a file for the output", errno);
    }
    Of(stream).file = std::move(fd);
  }
  return {};
}

void RunSpool::Fail(Error error) {
  failed_ = std::move(error);
  RemoveFiles();  // gives back at once what may have filled the disk
  for (Kept& kept : streams_) {
    kept.memory = {};
    kept.in_file = 0;
    kept.file.Reset();
  }
}

void RunSpool::Spill(Kept& kept) {
  if (auto opened = Open(); !opened) {
    Fail(opened.error());
    return;
  }
  if (auto written = WriteAll(kept.file.get(), kept.memory); !written) {
    Fail(written.error());
    return;
  }
  kept.in_file += kept.memory.size();
  kept.memory.clear();
}

Result<void> RunSpool::Flush() {
  const std::lock_guard lock(mutex_);
  for (Kept& kept : streams_) {
    if (!failed_) {
      Spill(kept);
    }
  }
  return failed_ ? Result<void>(*failed_) : Result<void>();
}

void RunSpool::Keep() {
  const std::lock_guard lock(mutex_);
  kept_ = true;
}

Result<OutputSlice> RunSpool::Read(Stream stream, std::uint64_t offset, std::uint64_t limit) const {
  const std::lock_guard lock(mutex_);
  if (failed_) {
    return *failed_;
  }
  const Kept& kept = Of(stream);
  OutputSlice slice;
  slice.total = kept.in_file + kept.memory.size();
  if (offset < kept.in_file) {
    auto bytes = ReadRange(kept.file.get(), offset, limit);
    if (!bytes) {
      return std::move(bytes).error();
    }
    slice.bytes = *std::move(bytes);
  }
  const std::uint64_t next = offset + slice.bytes.size();
  if (next >= kept.in_file && next < slice.total && slice.bytes.size() < limit) {
    slice.bytes +=
        std::string_view(kept.memory).substr(next - kept.in_file, limit - slice.bytes.size());
  }
  return slice;
}

std::uint64_t RunSpool::held(Stream stream) const {
  const std::lock_guard lock(mutex_);
  return Of(stream).in_file + Of(stream).memory.size();
}

std::uint64_t RunSpool::dropped(Stream stream) const {
  const std::lock_guard lock(mutex_);
  return Of(stream).dropped;
}

void RunSpool::RemoveFiles() {
  if (!lock_.valid()) {
    return;
  }
  for (const Stream stream : {Stream::kStdout, Stream::kStderr}) {
    ::unlinkat(lock_.get(), std::string(StreamName(stream)).c_str(), 0);
  }
  ::rmdir(path_.c_str());
  lock_.Reset();
}

}  // namespace casemate::tools
