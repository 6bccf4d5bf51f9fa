#include "sandbox/container/build/context.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "base/beneath.h"
#include "sandbox/container/build/context_error.h"
#include "sandbox/container/build/context_scan.h"
#include "sandbox/container/build/dockerignore.h"
#include "sandbox/container/oci/tar_header.h"

namespace casemate::container {

namespace {

constexpr std::size_t kChunkBytes = std::size_t{256} << 10;
constexpr std::uint32_t kTextMode = 0644;

Error Changed(std::string_view path, std::string_view what) {
  return Error{ErrorCode::kInvalidArgument, ShownPath(path) + ' ' + std::string(what), "context",
               "it changed while it was read: build again when nothing writes to it", 0};
}

Result<std::string> CheckDockerfilePath(const std::string& path) {
  std::string clean = CleanPath(path);
  if (path.empty() || clean == "." || clean.starts_with('/') || clean == ".." ||
      clean.starts_with("../") || clean.size() >= PATH_MAX ||
      clean.find('\0') != std::string::npos) {
    return InvalidArgument("dockerfile",
                           "expected a relative path that stays in the build context, "
                           "such as \"docker/Dockerfile\", got " +
                               ShownPath(path));
  }
  return clean;
}

// By its text, as a relative link of an archive; an absolute one leads into the image.
bool LeadsOut(std::string_view path, std::string_view target) {
  const std::size_t slash = path.rfind('/');
  const std::string directory(path.substr(0, slash == std::string_view::npos ? 0 : slash + 1));
  const std::string clean = CleanPath(directory + std::string(target));
  return !target.starts_with('/') && (clean == ".." || clean.starts_with("../"));
}

Result<void> CheckAdded(const std::vector<AddedFile>& added) {
  for (const AddedFile& file : added) {
    if (file.name.empty() || CleanPath(file.name) != file.name || file.name == "." ||
        file.name == ".." ||
        file.name.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
      return InvalidArgument("added", "expected a name for the root of the build context, got " +
                                          ShownPath(file.name));
    }
  }
  return {};
}

}  // namespace

Result<BuildContext> BuildContext::Scan(int directory, const ContextOptions& options,
                                        const std::stop_token& stop) {
  BuildContext made;
  auto dockerfile = CheckDockerfilePath(options.dockerfile);
  if (!dockerfile) {
    return std::move(dockerfile).error();
  }
  if (auto checked = CheckAdded(options.added); !checked) {
    return std::move(checked).error();
  }
  made.root_ = OpenBeneath(directory, ".", O_PATH | O_DIRECTORY, InnerLinks::kRefuse);
  if (!made.root_.valid()) {
    return ContextError("cannot open", ".", errno);
  }
  made.dockerfile_ = *std::move(dockerfile);
  made.added_ = options.added;
  made.mtime_s_ = options.mtime_s;
  made.max_bytes_ = options.limits.max_bytes;
  std::sort(made.added_.begin(), made.added_.end(),
            [](const AddedFile& a, const AddedFile& b) { return a.name < b.name; });
  if (auto scanned = ContextScanner(options, stop, made).Run(); !scanned) {
    return std::move(scanned).error();
  }
  return made;
}

Result<void> ContextStream::AppendEntry(const BuildContext::Entry& entry, std::string& chunk) {
  oci::TarEntry header;
  header.path = entry.path;
  header.mode = entry.mode & 07777U;
  header.mtime_s = context_.mtime_s_.value_or(entry.mtime_s);
  if (S_ISDIR(entry.mode)) {
    header.type = oci::TarType::kDirectory;
    oci::AppendTarHeader(header, chunk);
    return {};
  }
  const bool is_link = S_ISLNK(entry.mode);
  if (const auto text = KnownText(entry.path)) {
    header.mode = is_link ? kTextMode : header.mode;
    AppendText(header, *text, chunk);
    return {};
  }
  UniqueFd file = OpenBeneath(context_.root_.get(), entry.path,
                              is_link ? O_PATH | O_NOFOLLOW : O_RDONLY | O_NONBLOCK | O_NOCTTY,
                              InnerLinks::kRefuse);
  struct stat status{};
  if (!file.valid() || fstat(file.get(), &status) != 0) {
    return ContextError("cannot open", entry.path, errno);
  }
  if ((status.st_mode & S_IFMT) != (entry.mode & S_IFMT)) {
    return Changed(entry.path, "has become something else");
  }
  if (is_link) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length = readlinkat(file.get(), "", target.data(), target.size());
    if (length <= 0) {
      return ContextError("cannot read the link", entry.path, errno);
    }
    header.link_target = std::string_view(target.data(), static_cast<std::size_t>(length));
    if (reader_ == ContextReader::kPodman && LeadsOut(entry.path, header.link_target)) {
      return Error{
          ErrorCode::kInvalidArgument,
          "the symbolic link " + ShownPath(entry.path) + " leads out of the build context, to " +
              ShownPath(header.link_target) + ", which Podman refuses",
          "context", "exclude it in .dockerignore, or make it lead to a file of the context", 0};
    }
    header.type = oci::TarType::kSymlink;
    header.mode = 0777;
    oci::AppendTarHeader(header, chunk);
    return {};
  }
  // The size of now, not of the scan: the header must say how many bytes follow.
  header.size = status.st_size;
  content_ += status.st_size;
  if (content_ > context_.max_bytes_) {
    return Error{ErrorCode::kResourceExhausted,
                 "the build context has grown beyond its limit while it was sent, with " +
                     ShownPath(entry.path),
                 "context", "build again when nothing writes to it", 0};
  }
  oci::AppendTarHeader(header, chunk);
  file_ = std::move(file);
  left_ = size_ = status.st_size;
  return {};
}

Result<void> ContextStream::AppendContent(std::string& chunk) {
  const std::string& path = context_.entries_[next_ - 1].path;
  while (left_ > 0 && chunk.size() < kChunkBytes) {
    const std::size_t before = chunk.size();
    const std::size_t want = std::min(static_cast<std::size_t>(left_), kChunkBytes - before);
    chunk.resize(before + want);
    const ssize_t got = read(file_.get(), chunk.data() + before, want);
    const int err = errno;
    chunk.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && err != EINTR) {
      return ContextError("cannot read", path, err);
    }
    if (got == 0) {
      return Changed(path, "has become shorter");
    }
    left_ -= std::max<ssize_t>(got, 0);
  }
  if (left_ == 0) {
    oci::AppendTarPadding(size_, chunk);
    file_.Reset();
  }
  return {};
}

std::optional<std::string_view> ContextStream::KnownText(std::string_view path) const {
  if (path == context_.dockerfile_) {
    return context_.dockerfile_text_;
  }
  if (reader_ == ContextReader::kPodman &&
      (path == ".dockerignore" || path == ".containerignore")) {
    return context_.ignore_text_;
  }
  return std::nullopt;
}

void ContextStream::AppendText(oci::TarEntry header, std::string_view text,
                               std::string& chunk) const {
  header.type = oci::TarType::kFile;
  header.size = static_cast<std::int64_t>(text.size());
  oci::AppendTarHeader(header, chunk);
  chunk += text;
  oci::AppendTarPadding(header.size, chunk);
}

Result<void> ContextStream::Next(std::string& chunk) {
  chunk.clear();
  while (!ended_ && chunk.size() < kChunkBytes) {
    Result<void> appended;
    if (file_.valid()) {
      appended = AppendContent(chunk);
    } else if (next_added_ < context_.added_.size()) {
      const AddedFile& file = context_.added_[next_added_++];
      oci::TarEntry header;
      header.path = file.name;
      header.mode = kTextMode;
      header.mtime_s = context_.mtime_s_.value_or(0);
      AppendText(header, file.content, chunk);
    } else if (next_ < context_.entries_.size()) {
      appended = AppendEntry(context_.entries_[next_++], chunk);
    } else {
      oci::AppendTarEnd(chunk);
      ended_ = true;
    }
    if (!appended) {
      return appended;
    }
  }
  sent_ += static_cast<std::int64_t>(chunk.size());
  return {};
}

}  // namespace casemate::container
