#include "sandbox/container/registry/registry.h"

#include <optional>
#include <utility>

#include "base/text.h"
#include "sandbox/container/registry/transfer.h"

namespace casemate::registry {
namespace {

constexpr const char* kAccept =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

Error Damaged(const std::string& what, const std::string& got) {
  return Error{ErrorCode::kDataLoss,
               "expected the manifest " + what + ", got one with the digest " + got,
               {},
               "have the registry mended, or take the image from another one",
               0};
}

struct Fetched {
  std::string body;
  std::string media_type;
  std::string digest;
};

Result<Fetched> FetchManifest(Session& session, const std::string& reference, bool push,
                              const std::stop_token& stop) {
  Call call{.url = session.At("/manifests/" + reference),
            .limits = LimitsFor(oci::kMaxManifestBytes, stop),
            .push = push};
  call.limits.max_body_bytes = oci::kMaxManifestBytes;
  call.request.headers.emplace_back("Accept", kAccept);
  auto reply = session.SendPersistently(call);
  if (!reply) {
    return std::move(reply).error();
  }
  if (reply->status() != 200) {
    return session.ErrorOf(*reply, "the manifest " + Quoted(reference));
  }
  Fetched fetched{.body = std::move(reply->answer.body),
                  .media_type = std::string(reply->Header("Content-Type")),
                  .digest = {}};
  fetched.digest = oci::DigestOf(fetched.body);
  if (oci::IsDigest(reference) && fetched.digest != reference) {
    return Damaged(reference, fetched.digest);
  }
  const std::string_view said = reply->Header("Docker-Content-Digest");
  if (said.starts_with("sha256:") && said != fetched.digest) {
    return Damaged(Quoted(said), fetched.digest);
  }
  return fetched;
}

// What a push has to do, and what it did.
class Pushing {
 public:
  Pushing(Session& session, const oci::BlobStore& store, const ProgressSink& progress,
          const std::stop_token& stop)
      : session_(session), store_(store), progress_(progress), stop_(stop) {}

  // Reads it, and what it is made of, from the store; nothing is sent yet.
  Result<void> Plan(const oci::Descriptor& manifest) {
    auto document = Read(manifest);
    if (!document) {
      return std::move(document).error();
    }
    // Those that it names come before it: registries refuse an index of what they do not have.
    std::optional<Made> index;
    if (document->is_index) {
      index = std::move(manifests_.back());
      manifests_.pop_back();
    }
    for (const IndexEntry& entry : document->entries) {
      const auto image = Read(entry.manifest);
      if (!image) {
        return image.error();
      }
      if (image->is_index) {
        return InvalidArgument("manifest", manifest.digest + ": an index in an index");
      }
    }
    if (index) {
      manifests_.push_back(*std::move(index));
    }
    return {};
  }

  Result<void> CheckStore() const {
    for (const oci::Descriptor& blob : blobs_) {
      if (!store_.Has(blob)) {
        return Error{ErrorCode::kNotFound,
                     "the blob " + blob.digest + " is not in the store",
                     {},
                     "make the image anew",
                     0};
      }
    }
    return {};
  }

  Result<void> SendBlobs(PushResult& result) {
    for (const oci::Descriptor& blob : blobs_) {
      auto there = HasBlob(session_, blob, true, stop_);
      if (!there) {
        return std::move(there).error();
      }
      if (*there) {
        ++result.blobs_present;
        Tell(Progress::Kind::kPresent, blob);
        continue;
      }
      auto sent = UploadBlob(session_, blob, store_, progress_, stop_);
      if (!sent) {
        return std::move(sent).error();
      }
      result.failures += *sent;
      ++result.blobs_pushed;
      result.bytes_pushed += blob.size;
      Tell(Progress::Kind::kDone, blob);
    }
    return {};
  }

  Result<void> SendManifests(const std::vector<std::string>& tags) {
    for (const Made& made : manifests_) {
      if (auto sent = Put(made, made.descriptor.digest); !sent) {
        return sent;
      }
    }
    for (const std::string& tag : tags) {
      if (auto sent = Put(manifests_.back(), tag); !sent) {
        return sent;
      }
    }
    return {};
  }

  Result<void> Verify(const std::vector<std::string>& tags) {
    for (const Made& made : manifests_) {
      if (auto same = Compare(made, made.descriptor.digest); !same) {
        return same;
      }
    }
    for (const std::string& tag : tags) {
      if (auto same = Compare(manifests_.back(), tag); !same) {
        return same;
      }
    }
    for (const oci::Descriptor& blob : blobs_) {
      auto there = HasBlob(session_, blob, true, stop_);
      if (!there) {
        return std::move(there).error();
      }
      if (!*there) {
        return Error{ErrorCode::kDataLoss,
                     "the registry does not have " + blob.digest + ", though it took it",
                     {},
                     "see what the registry logs, and push again",
                     0};
      }
    }
    return {};
  }

  [[nodiscard]] const oci::Descriptor& manifest() const { return manifests_.back().descriptor; }

 private:
  struct Made {
    oci::Descriptor descriptor;
    std::string body;
  };

  // One manifest from the store, into the plan.
  Result<Document> Read(const oci::Descriptor& manifest) {
    auto body = store_.Read(manifest.digest, oci::kMaxManifestBytes);
    if (!body) {
      return std::move(body).error();
    }
    auto document = ParseDocument(*body, manifest.media_type, manifest.digest);
    if (!document) {
      return document;
    }
    if (!document->is_index) {
      blobs_.push_back(document->config);
      blobs_.insert(blobs_.end(), document->layers.begin(), document->layers.end());
    }
    const auto size = static_cast<std::int64_t>(body->size());
    manifests_.push_back({{document->media_type, manifest.digest, size}, std::move(body).value()});
    return document;
  }

  void Tell(Progress::Kind kind, const oci::Descriptor& blob) const {
    if (progress_) {
      progress_({kind, blob.digest, blob.size, blob.size, {}});
    }
  }

  Result<void> Put(const Made& made, const std::string& reference) {
    Call call{.url = session_.At("/manifests/" + reference),
              .limits = LimitsFor(made.descriptor.size, stop_),
              .push = true};
    call.request.method = "PUT";
    call.request.body = made.body;
    call.request.content_type = made.descriptor.media_type;
    auto reply = session_.SendPersistently(call);
    if (!reply) {
      return std::move(reply).error();
    }
    if (!IsSuccess(reply->status())) {
      return session_.ErrorOf(*reply, "the manifest " + Quoted(reference));
    }
    const std::string_view said = reply->Header("Docker-Content-Digest");
    if (said.starts_with("sha256:") && said != made.descriptor.digest) {
      return Damaged(made.descriptor.digest, Quoted(said));
    }
    return {};
  }

  Result<void> Compare(const Made& made, const std::string& reference) {
    auto fetched = FetchManifest(session_, reference, true, stop_);
    if (!fetched) {
      return std::move(fetched).error();
    }
    if (fetched->body != made.body) {
      return Damaged(made.descriptor.digest + " at " + Quoted(reference), fetched->digest);
    }
    return {};
  }

  Session& session_;
  const oci::BlobStore& store_;
  const ProgressSink& progress_;
  const std::stop_token& stop_;
  std::vector<oci::Descriptor> blobs_;
  std::vector<Made> manifests_;  // the one that tags name is the last
};

// The manifest of a platform, from the store or the registry.
Result<std::string> ManifestOf(Session& session, const oci::Descriptor& wanted,
                               oci::BlobStore& store, const std::stop_token& stop) {
  if (store.Has(wanted)) {
    if (auto kept = store.Read(wanted.digest, oci::kMaxManifestBytes); kept) {
      return kept;
    }
  }
  auto fetched = FetchManifest(session, wanted.digest, false, stop);
  if (!fetched) {
    return std::move(fetched).error();
  }
  if (static_cast<std::int64_t>(fetched->body.size()) != wanted.size) {
    return Error{ErrorCode::kDataLoss,
                 wanted.digest + ": expected " + std::to_string(wanted.size) + " bytes, got " +
                     std::to_string(fetched->body.size()),
                 {},
                 "have the registry mended",
                 0};
  }
  if (auto put = store.Put(wanted.media_type, fetched->body); !put) {
    return std::move(put).error();
  }
  return std::move(fetched->body);
}

// What a hostile manifest could have us fill the disk with.
Result<void> CheckSizes(const Document& manifest, std::int64_t max_bytes) {
  std::int64_t left = max_bytes;
  bool fits = manifest.config.size <= static_cast<std::int64_t>(oci::kMaxConfigBytes);
  for (const oci::Descriptor& layer : manifest.layers) {
    fits = fits && layer.size <= left;
    left -= fits ? layer.size : 0;
  }
  if (!fits) {
    return Error{ErrorCode::kResourceExhausted,
                 "expected an image of at most " + std::to_string(max_bytes) +
                     " bytes and a config of at most " + std::to_string(oci::kMaxConfigBytes) +
                     ", but its manifest names more",
                 {},
                 "take a smaller image",
                 0};
  }
  return {};
}

// Config and layers. Errors: as of Registry::Pull.
Result<void> PullContent(Session& session, const Document& manifest, const Platform& platform,
                         oci::BlobStore& store, const ProgressSink& progress,
                         const std::stop_token& stop) {
  if (manifest.config.media_type != oci::kConfigType &&
      manifest.config.media_type != oci::kDockerConfigType) {
    return Error{ErrorCode::kNotFound,
                 "expected the image of a container, got an artifact of the type " +
                     Quoted(manifest.config.media_type),
                 {},
                 "name another image",
                 0};
  }
  if (auto fits = CheckSizes(manifest, session.options().max_image_bytes); !fits) {
    return fits;
  }
  if (auto got = Download(session, manifest.config, store, progress, stop); !got) {
    return got;
  }
  auto config = store.Read(manifest.config.digest, oci::kMaxConfigBytes);
  if (!config) {
    return std::move(config).error();
  }
  // Before what is large.
  if (auto fits = CheckPlatform(*config, platform); !fits) {
    return fits;
  }
  for (const oci::Descriptor& layer : manifest.layers) {
    if (auto got = Download(session, layer, store, progress, stop); !got) {
      return got;
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Registry>> Registry::Open(const ImageName& name,
                                                 const RegistryOptions& options,
                                                 const std::stop_token& stop) {
  auto session = Session::Open(name, options);
  if (!session) {
    return std::move(session).error();
  }
  if (auto answers = (*session)->Ping(stop); !answers) {
    return std::move(answers).error();
  }
  return std::unique_ptr<Registry>(new Registry(name, std::move(session).value()));
}

Result<Resolved> Registry::Resolve(std::string_view reference, const std::stop_token& stop) {
  const std::string wanted = reference.empty() ? ReferenceOf(name_) : std::string(reference);
  if (!oci::IsDigest(wanted) && !IsTag(wanted)) {
    return InvalidArgument("reference", "expected a tag or a digest, got " + Quoted(wanted));
  }
  auto fetched = FetchManifest(*session_, wanted, false, stop);
  if (!fetched) {
    return std::move(fetched).error();
  }
  auto document = ParseDocument(fetched->body, fetched->media_type, "the manifest " + wanted);
  if (!document) {
    return std::move(document).error();
  }
  const auto size = static_cast<std::int64_t>(fetched->body.size());
  return Resolved{{document->media_type, fetched->digest, size},
                  std::move(fetched->body),
                  std::move(document).value()};
}

Result<oci::Descriptor> Registry::Pull(std::string_view reference, const Platform& platform,
                                       oci::BlobStore& store, const ProgressSink& progress,
                                       const std::stop_token& stop) {
  auto resolved = Resolve(reference, stop);
  if (!resolved) {
    return std::move(resolved).error();
  }
  if (auto put = store.Put(resolved->descriptor.media_type, resolved->body); !put) {
    return std::move(put).error();
  }
  oci::Descriptor manifest = resolved->descriptor;
  Document document = std::move(resolved->document);
  if (document.is_index) {
    auto chosen = Choose(document, platform);
    if (!chosen) {
      return chosen;
    }
    manifest = std::move(chosen).value();
    auto body = ManifestOf(*session_, manifest, store, stop);
    if (!body) {
      return std::move(body).error();
    }
    auto read = ParseDocument(*body, manifest.media_type, "the manifest " + manifest.digest);
    if (!read) {
      return std::move(read).error();
    }
    document = std::move(read).value();
    if (document.is_index) {
      return Error{ErrorCode::kNotFound,
                   manifest.digest + ": an index in an index",
                   {},
                   "name the image itself",
                   0};
    }
    manifest.media_type = document.media_type;
  }
  if (auto got = PullContent(*session_, document, platform, store, progress, stop); !got) {
    return std::move(got).error();
  }
  return manifest;
}

Result<PushResult> Registry::Push(const oci::Descriptor& manifest,
                                  const std::vector<std::string>& tags, const oci::BlobStore& store,
                                  const ProgressSink& progress, const std::stop_token& stop) {
  for (const std::string& tag : tags) {
    if (!IsTag(tag)) {
      return InvalidArgument("tags",
                             "expected a tag of at most 128 letters, digits, `_`, `.` and "
                             "`-`, got " +
                                 Quoted(tag));
    }
  }
  Pushing pushing(*session_, store, progress, stop);
  PushResult result;
  auto done = pushing.Plan(manifest);
  if (done) {
    done = pushing.CheckStore();
  }
  if (done) {
    done = pushing.SendBlobs(result);
  }
  if (done) {
    done = pushing.SendManifests(tags);
  }
  if (done) {
    done = pushing.Verify(tags);
  }
  if (!done) {
    return std::move(done).error();
  }
  result.manifest = pushing.manifest();
  result.tags = tags;
  return result;
}

}  // namespace casemate::registry
