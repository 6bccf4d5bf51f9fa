#include "sandbox/container/oci/layer_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

namespace casemate::oci {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxRecordBytes = 4096;
constexpr std::size_t kRandomBytes = 8;
constexpr std::int64_t kMsPerS = 1000;
constexpr std::chrono::milliseconds kLockPause{20};  // between two looks at a lock that is held

std::optional<Layer> LayerFrom(const json& record) {
  if (!record.is_object()) {
    return std::nullopt;
  }
  auto blob = DescriptorFrom(record.value("blob", json()), "blob");
  const json diff_id = record.value("diff_id", json());
  const json tar_bytes = record.value("tar_bytes", json());
  if (!blob || !diff_id.is_string() || !IsDigest(diff_id.get_ref<const std::string&>()) ||
      !tar_bytes.is_number_integer()) {
    return std::nullopt;
  }
  return Layer{*std::move(blob), diff_id.get<std::string>(), tar_bytes.get<std::int64_t>()};
}

// What a record begins with: another digit in it would be another layer, or another name for it.
std::string SealOf(const std::string& key, std::string_view record) {
  return DigestOf(key + "\n" + std::string(record)) + "\n";
}

std::optional<Layer> ReadRecord(const std::string& path, const std::string& key) {
  const auto text = ReadFile(path, kMaxRecordBytes);
  const std::size_t line = text ? text->find('\n') : std::string::npos;
  if (line == std::string::npos) {
    return std::nullopt;
  }
  const std::string record = text->substr(line + 1);
  if (text->substr(0, line + 1) != SealOf(key, record)) {
    return std::nullopt;
  }
  const auto parsed = ParseJson(record);
  return parsed ? LayerFrom(*parsed) : std::nullopt;
}

}  // namespace

Result<std::unique_ptr<LayerCache>> LayerCache::Open(BlobStore& store) {
  std::string directory = store.directory() + "/layers";
  if (auto made = MakePrivateDirectories(directory); !made) {
    return made.error();
  }
  return std::unique_ptr<LayerCache>(new LayerCache(store, std::move(directory)));
}

std::optional<Layer> LayerCache::Find(const std::string& key) const {
  auto layer = ReadRecord(PathOf(key), key);
  if (!layer || !store_.Has(layer->blob) || !store_.Check(layer->blob.digest)) {
    Forget(key);
    return std::nullopt;
  }
  return layer;
}

Result<void> LayerCache::Put(const std::string& key, const Layer& layer) {
  const std::string text = DumpJson(
      {{"blob", ToJson(layer.blob)}, {"diff_id", layer.diff_id}, {"tar_bytes", layer.tar_bytes}});
  const std::string beside = PathOf(".new-" + RandomHex(kRandomBytes));
  const UniqueFd file(open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) {
    return ErrnoError("cannot write to the layer cache", errno);
  }
  auto written = WriteAll(file.get(), SealOf(key, text) + text);
  if (written && rename(beside.c_str(), PathOf(key).c_str()) != 0) {
    written = ErrnoError("cannot write to the layer cache", errno);
  }
  if (!written) {
    unlink(beside.c_str());
  }
  return written;
}

void LayerCache::Forget(const std::string& key) const {
  unlink(PathOf(key).c_str());
}

void LayerCache::Sweep(std::int64_t before_ms) const {
  for (const std::string& name : ListNames(directory_)) {
    const UniqueFd file(open(PathOf(name).c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat info{};
    if (!file.valid() || fstat(file.get(), &info) != 0 ||
        info.st_mtim.tv_sec > before_ms / kMsPerS) {
      continue;
    }
    if (name.starts_with('.')) {
      // Who takes a lock by this name right now may at worst make a layer twice.
      if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) {
        Forget(name);
      }
      continue;
    }
    const auto layer = ReadRecord(PathOf(name), name);
    if (!layer || !store_.Has(layer->blob)) {
      Forget(name);
    }
  }
}

Result<UniqueFd> LayerCache::LockFor(const std::string& key, const std::stop_token& stop) const {
  const std::string path = PathOf(".lock-" + key);
  while (!stop.stop_requested()) {
    UniqueFd lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock.valid()) {
      return ErrnoError("cannot lock an entry of the layer cache", errno);
    }
    if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
      return lock;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return ErrnoError("cannot lock an entry of the layer cache", errno);
    }
    std::this_thread::sleep_for(kLockPause);
  }
  return Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0};
}

}  // namespace casemate::oci
