#include "sandbox/container/containers.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "sandbox/container/engine/discovery.h"
#include "sandbox/container/run/detours.h"
#include "sandbox/container/run/exec_backend.h"
#include "sandbox/container/run/guard_files.h"
#include "sandbox/container/run/image_backend.h"

namespace casemate::container {
namespace {

constexpr std::int64_t kRetryMs = 5000;
constexpr std::int64_t kHungNs = 2'000'000'000;
constexpr std::size_t kMaxSocketPath = 4096;

// Among `digests` ("debian@sha256:…") and the id of the image itself.
bool HasDigest(const ImageDetails& image, const std::string& digest) {
  return image.id == digest || std::ranges::any_of(image.digests, [&](const std::string& entry) {
           return entry.ends_with("@" + digest);
         });
}

// That this server makes containers in the engine of this socket, for the one that comes after it.
Result<void> Note(const std::string& mark, const std::string& socket) {
  const UniqueFd made(open(mark.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  return made.valid() ? WriteAll(made.get(), socket) : ErrnoError("cannot make " + mark, errno);
}

}  // namespace

Containers::~Containers() {
  if (!guard_files_.empty() && left_.empty() && !may_be_left_) {
    unlink(MarkOf(options_.incarnation).c_str());
  }
}

Result<std::shared_ptr<const Engine>> Containers::engine(const std::stop_token& stop) {
  // Asked without the lock: one caller's patience with an engine that hangs is not another's.
  std::shared_ptr<const Engine> known;
  std::string socket = options_.socket;
  {
    const std::lock_guard lock(mutex_);
    known = engine_;
    if (!socket_.empty()) {
      socket = socket_;
    }
  }
  if (known != nullptr) {
    const std::int64_t begun_ns = MonotonicNs();
    const auto alive = known->Ping(stop);
    if (alive) {
      return known;
    }
    if (stop.stop_requested() || MonotonicNs() - begun_ns > kHungNs) {
      return alive.error();  // it listens and hangs: another connection waits as long
    }
    const std::lock_guard lock(mutex_);
    if (engine_ == known) {
      engine_ = nullptr;
    }
  }
  auto found = FindEngine(options_.engine, socket, stop);
  if (!found) {
    return std::move(found).error();
  }
  const std::lock_guard lock(mutex_);
  // Two may look at once for the first time: they must not find two.
  if (!socket_.empty() && socket_ != (*found)->socket_path()) {
    return Error{ErrorCode::kUnavailable, "the engine at " + socket_ + " went away", "engine",
                 "make the call again", 0};
  }
  engine_ = *std::move(found);
  socket_ = engine_->socket_path();
  return engine_;
}

Result<ContainerDetails> Containers::Find(std::string_view name, const Patience& patience) {
  auto found = engine(patience.stop);
  if (!found) {
    return std::move(found).error();
  }
  auto details = (*found)->Inspect(name, patience);
  if (details) {
    if (auto followed = FollowDetours(**found, *details); !followed) {
      return std::move(followed).error();
    }
  }
  return details;
}

Result<FoundImage> Containers::FindImage(std::string_view reference, const std::stop_token& stop) {
  auto parsed = ParseImageReference(reference, "args.target.image");
  if (!parsed) {
    return std::move(parsed).error();
  }
  FoundImage image;
  image.reference = ToString(*parsed);
  const auto judged = FindImageRule(options_.images, *parsed, "args.target.image");
  if (!judged) {
    return judged.error();
  }
  const std::optional<ImagePermission>& permission = *judged;
  if (!permission) {
    return image;
  }
  image.is_allowed = true;
  image.is_pinned = permission->is_pinned;
  auto found = engine(stop);
  if (!found) {
    return std::move(found).error();
  }
  // Never what the caller wrote: that may be the id of an image that no rule allows.
  auto details = (*found)->InspectImage(EngineName(*parsed, *permission), {.stop = stop});
  if (!details && details.error().code == ErrorCode::kNotFound && parsed->digest.empty() &&
      !permission->digest.empty()) {
    // What no registry gave has no digest but its id.
    details = (*found)->InspectImage(image.reference, {.stop = stop});
  }
  if (!details) {
    if (details.error().code == ErrorCode::kNotFound) {
      return image;
    }
    return std::move(details).error();
  }
  if (!permission->digest.empty() && !HasDigest(*details, permission->digest)) {
    return Error{ErrorCode::kDataLoss,
                 "the engine's " + image.reference +
                     " is not the image that the configuration pins (" + permission->digest + ")",
                 "args.target.image", "pull it again by its digest, or correct `containers.images`",
                 0};
  }
  image.details = *std::move(details);
  return image;
}

Result<std::unique_ptr<sandbox::Backend>> Containers::BackendIn(ContainerDetails container) {
  auto found = engine();
  if (!found) {
    return std::move(found).error();
  }
  const bool has_guard = MountsGuard(container, options_.engine_directory);
  return std::unique_ptr<sandbox::Backend>(
      std::make_unique<ExecBackend>(*found, std::move(container), has_guard));
}

Result<std::unique_ptr<sandbox::Backend>> Containers::BackendOf(const FoundImage& image) {
  auto found = engine();
  if (!found) {
    return std::move(found).error();
  }
  if (!image.details) {
    return Error{ErrorCode::kNotFound, "the engine has no image " + Quoted(image.reference),
                 "args.target.image", "pull it first: container_lifecycle with action `pull`", 0};
  }
  auto files = GuardFiles();
  if (!files) {
    return std::move(files).error();
  }
  ImageTarget target;
  target.image = {image.details->id, image.is_pinned};
  target.reference = image.reference;
  target.guard_files = *std::move(files);
  target.volumes = image.details->volumes;
  target.user = options_.user;
  target.incarnation = options_.incarnation;
  target.on_left = [this](const std::string& id) { NoteLeft(id); };
  RetryLeft(**found);
  return std::unique_ptr<sandbox::Backend>(
      std::make_unique<ImageBackend>(*found, std::move(target)));
}

const SignatureTable* Containers::signatures() {
  const std::lock_guard lock(mutex_);
  if (!signatures_) {
    if (auto table = SignatureTable::WithBuiltIn(options_.signatures); table) {
      signatures_ = *std::move(table);
    }
  }
  return signatures_ ? &*signatures_ : nullptr;
}

Result<std::string> Containers::GuardFiles() {
  const std::lock_guard lock(mutex_);
  if (guard_files_.empty()) {
    auto placed = PlaceGuard(options_.directory);
    if (!placed) {
      return placed;
    }
    if (auto noted = Note(MarkOf(options_.incarnation), socket_); !noted) {
      return std::move(noted).error();
    }
    guard_files_ = options_.engine_directory + "/" + *placed;
  }
  return guard_files_;
}

std::string Containers::MarkOf(std::string_view incarnation) const {
  return options_.directory + "/of-" + std::string(incarnation);
}

void Containers::NoteLeft(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (id.empty()) {
    may_be_left_ = true;
  } else {
    left_.push_back(id);
  }
}

void Containers::RetryLeft(const Engine& engine) {
  std::vector<std::string> ids;
  {
    const std::lock_guard lock(mutex_);
    ids.swap(left_);
  }
  for (const std::string& id : ids) {
    const auto removed = engine.Remove(id, true, {.total_ms = kRetryMs});
    if (!removed && removed.error().code != ErrorCode::kNotFound) {
      NoteLeft(id);
    }
  }
}

bool Containers::RemoveLeft(const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    if (left_.empty() && !may_be_left_) {
      return true;
    }
  }
  if (!Reap(options_.incarnation, stop)) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  left_.clear();
  may_be_left_ = false;
  return true;
}

bool Containers::MayHaveLeft(std::string_view incarnation) const {
  return access(MarkOf(incarnation).c_str(), F_OK) == 0;
}

Result<int> Containers::Reap(std::string_view incarnation, const std::stop_token& stop) {
  const std::string mark = MarkOf(incarnation);
  if (!MayHaveLeft(incarnation)) {
    return 0;
  }
  // Another engine than that one does not know them.
  const auto socket = ReadFile(mark, kMaxSocketPath);
  if (!socket) {
    return socket.error();
  }
  auto found = FindEngine("auto", socket->empty() ? options_.socket : *socket, stop);
  if (!found) {
    return std::move(found).error();
  }
  ListFilter filter;
  filter.labels = {std::string(kLabelIncarnation) + "=" + std::string(incarnation),
                   std::string(kLabelPurpose) + "=run"};
  auto left = (*found)->List(filter, {.stop = stop});
  if (!left) {
    return std::move(left).error();
  }
  int count = 0;
  for (const ContainerSummary& container : *left) {
    // Labels are an image's, too.
    const auto details = (*found)->Inspect(container.id);
    if (!details && details.error().code != ErrorCode::kNotFound) {
      return details.error();
    }
    if (!details || !MountsGuard(*details, options_.engine_directory)) {
      continue;
    }
    auto removed = (*found)->Remove(container.id, true, {.stop = stop});
    if (!removed && removed.error().code != ErrorCode::kNotFound) {
      return std::move(removed).error();
    }
    ++count;
  }
  unlink(mark.c_str());
  return count;
}

}  // namespace casemate::container
