#include "sandbox/container/oci/blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/file.h"
#include "base/text.h"

namespace casemate::oci {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} << 10;
constexpr std::string_view kUnfinished = ".new-";
constexpr std::string_view kDamaged = ".damaged-";
constexpr std::size_t kRandomBytes = 8;

Error WriteError(int err) {
  Error error = ErrnoError("cannot write a blob", err);
  if (err == ENOSPC || err == EDQUOT) {
    error.code = ErrorCode::kResourceExhausted;
    error.remedy = "make room, or choose another state directory";
  }
  return error;
}

Error Damaged(std::string_view digest, const std::string& got) {
  return Error{ErrorCode::kDataLoss,
               "the content of " + std::string(digest) + " is damaged: its digest is " + got,
               {},
               "it is not used any more; make or fetch it again",
               0};
}

}  // namespace

BlobWriter::BlobWriter(int blobs, std::string name, UniqueFd file)
    : blobs_(blobs), name_(std::move(name)), file_(std::move(file)) {}

BlobWriter::~BlobWriter() {
  if (file_.valid() && !name_.empty()) {
    unlinkat(blobs_, name_.c_str(), 0);
  }
}

Result<void> BlobWriter::Write(std::string_view bytes) {
  hash_.Update(bytes);
  size_ += static_cast<std::int64_t>(bytes.size());
  if (auto written = WriteAll(file_.get(), bytes); !written) {
    return WriteError(written.error().sys_errno);
  }
  return {};
}

Result<Descriptor> BlobWriter::Commit(std::string_view media_type, std::string_view expected) {
  Descriptor made{std::string(media_type), "sha256:" + hash_.FinishHex(), size_};
  if (!expected.empty() && expected != made.digest) {
    return Error{
        ErrorCode::kDataLoss,
        "expected content with the digest " + std::string(expected) + ", got " + made.digest,
        {},
        {},
        0};
  }
  const std::string name(HexOf(made.digest));
  // A name stands for content that is on disk: after a loss of power there is no half of it.
  if (fsync(file_.get()) != 0 || renameat(blobs_, name_.c_str(), blobs_, name.c_str()) != 0) {
    return WriteError(errno);
  }
  name_.clear();
  return made;
}

BlobStore::BlobStore(std::string directory, UniqueFd blobs)
    : directory_(std::move(directory)), blobs_(std::move(blobs)) {}

Result<std::unique_ptr<BlobStore>> BlobStore::Open(const std::string& directory) {
  const std::string blobs = directory + "/blobs/sha256";
  if (auto made = MakePrivateDirectories(blobs); !made) {
    return made.error();
  }
  UniqueFd fd(open(blobs.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoError("cannot open " + blobs, errno);
  }
  return std::unique_ptr<BlobStore>(new BlobStore(directory, std::move(fd)));
}

std::int64_t BlobStore::SizeOf(std::string_view digest) const {
  struct stat info{};
  if (!IsDigest(digest) ||
      fstatat(blobs_.get(), std::string(HexOf(digest)).c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return -1;
  }
  return S_ISREG(info.st_mode) ? info.st_size : -1;
}

Result<BlobWriter> BlobStore::Write() {
  std::string name = std::string(kUnfinished) + RandomHex(kRandomBytes);
  UniqueFd file(openat(blobs_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                       S_IRUSR | S_IWUSR));
  if (!file.valid()) {
    return WriteError(errno);
  }
  return BlobWriter(blobs_.get(), std::move(name), std::move(file));
}

Result<Descriptor> BlobStore::Put(std::string_view media_type, std::string_view bytes) {
  Descriptor blob{std::string(media_type), DigestOf(bytes),
                  static_cast<std::int64_t>(bytes.size())};
  if (Has(blob) && Check(blob.digest)) {
    return blob;
  }
  auto writer = Write();
  if (!writer) {
    return writer.error();
  }
  if (auto written = writer->Write(bytes); !written) {
    return written.error();
  }
  return writer->Commit(media_type, blob.digest);
}

Result<UniqueFd> BlobStore::OpenBlob(std::string_view digest) const {
  if (!IsDigest(digest)) {
    return InvalidArgument("digest", "expected sha256: and 64 digits, got " + Quoted(digest));
  }
  UniqueFd file(openat(blobs_.get(), std::string(HexOf(digest)).c_str(),
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) {
    const int err = errno;
    Error error = ErrnoError("cannot open the blob " + std::string(digest), err);
    error.code = err == ENOENT ? ErrorCode::kNotFound : error.code;
    return error;
  }
  return file;
}

void BlobStore::SetAside(std::string_view digest) const {
  const std::string name(HexOf(digest));
  static_cast<void>(
      renameat(blobs_.get(), name.c_str(), blobs_.get(), (std::string(kDamaged) + name).c_str()));
}

Result<void> BlobStore::Stream(std::string_view digest,
                               const std::function<bool(std::string_view)>& piece) const {
  auto file = OpenBlob(digest);
  if (!file) {
    return file.error();
  }
  Sha256 hash;
  std::string buffer(kPieceBytes, '\0');
  while (true) {
    const ssize_t got = read(file->get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return ErrnoError("cannot read the blob " + std::string(digest), errno);
    }
    if (got == 0) {
      break;
    }
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    hash.Update(bytes);
    if (!piece(bytes)) {
      return Error{ErrorCode::kCancelled, "the reader wanted no more", {}, {}, 0};
    }
  }
  const std::string digest_got = "sha256:" + hash.FinishHex();
  if (digest_got != digest) {
    SetAside(digest);
    return Damaged(digest, digest_got);
  }
  return {};
}

Result<std::string> BlobStore::Read(std::string_view digest, std::size_t max_bytes) const {
  std::string content;
  bool too_long = false;
  auto streamed = Stream(digest, [&](std::string_view bytes) {
    too_long = content.size() + bytes.size() > max_bytes;
    if (!too_long) {
      content += bytes;
    }
    return !too_long;
  });
  if (too_long) {
    return Error{ErrorCode::kResourceExhausted,
                 std::string(digest) + " is larger than the limit of " + std::to_string(max_bytes) +
                     " bytes",
                 {},
                 {},
                 0};
  }
  if (!streamed) {
    return streamed.error();
  }
  return content;
}

Result<void> BlobStore::Check(std::string_view digest) const {
  return Stream(digest, [](std::string_view) { return true; });
}

Result<void> BlobStore::Remove(std::string_view digest) {
  if (!IsDigest(digest)) {
    return InvalidArgument("digest", "expected sha256: and 64 digits, got " + Quoted(digest));
  }
  if (unlinkat(blobs_.get(), std::string(HexOf(digest)).c_str(), 0) != 0 && errno != ENOENT) {
    return ErrnoError("cannot remove the blob " + std::string(digest), errno);
  }
  return {};
}

std::vector<std::string> BlobStore::All() const {
  std::vector<std::string> digests;
  for (const std::string& name : ListNames(directory_ + "/blobs/sha256")) {
    if (IsDigest("sha256:" + name)) {
      digests.push_back("sha256:" + name);
    }
  }
  return digests;
}

}  // namespace casemate::oci
