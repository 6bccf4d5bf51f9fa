// Registry: one repository of a registry of OCI images (Distribution Specification 1.0 and 1.1),
// pulled from and pushed to without any engine. Nothing that it says is trusted: content is taken
// by digest and size, answers and redirects are bounded, and credentials go to the registry and its
// token service alone. Thread-safe; each call waits in the thread that makes it, and ends at once
// when its stop token says so.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/oci/descriptor.h"
#include "sandbox/container/registry/image_name.h"
#include "sandbox/container/registry/manifest.h"
#include "sandbox/container/registry/options.h"
#include "sandbox/container/registry/session.h"

namespace casemate::registry {

struct Progress {
  enum class Kind : std::uint8_t {
    kPresent,  // it is there already
    kMoved,    // `done` of its bytes are there
    kDone,     // all of it, and it has the digest
    kAgain,    // it broke off and goes on; `words` say why
  };
  Kind kind = Kind::kMoved;
  std::string_view digest;
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::string_view words{};  // NOLINT(readability-redundant-member-init)
};
// Called in the thread of the call; may be empty.
using ProgressSink = std::function<void(const Progress& progress)>;

struct Resolved {
  oci::Descriptor descriptor;
  std::string body;
  Document document;
};

struct PushResult {
  oci::Descriptor manifest;
  std::vector<std::string> tags;
  int blobs_pushed = 0;
  int blobs_present = 0;
  std::int64_t bytes_pushed = 0;
  int failures = 0;  // that were got over
};

class Registry {
 public:
  // Asks the registry whether it is one. Errors: kInvalidArgument; kUnavailable when nobody answers
  // there or no registry; kNotFound for a host or credentials that are not there;
  // kPermissionDenied for a certificate that is not to be trusted; kCancelled.
  static Result<std::unique_ptr<Registry>> Open(const ImageName& name,
                                                const RegistryOptions& options,
                                                const std::stop_token& stop);
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // The manifest or index that a tag or a digest names; empty: what the name of Open says. Its
  // digest is computed from what came. Errors: kNotFound; kDataLoss when it is not what was asked
  // for; kPermissionDenied; kResourceExhausted, kUnavailable when the registry cannot now.
  Result<Resolved> Resolve(std::string_view reference, const std::stop_token& stop);

  // Brings the image for that platform into the store and returns its manifest: that, its config
  // and its layers (and the index if there is one) are there then, whole. What is there already is
  // not fetched; what breaks off goes on from where it was. Errors: as of Resolve and BlobStore;
  // kNotFound when there is none for that platform.
  Result<oci::Descriptor> Pull(std::string_view reference, const Platform& platform,
                               oci::BlobStore& store, const ProgressSink& progress,
                               const std::stop_token& stop);

  // Brings an image, or an index with its images, from the store to the registry, by digest and
  // under each tag; asks afterwards for all of it and compares. Errors: as of Resolve and
  // BlobStore; kInvalidArgument for a tag that is none; kDataLoss when the registry does not have
  // what it was given.
  Result<PushResult> Push(const oci::Descriptor& manifest, const std::vector<std::string>& tags,
                          const oci::BlobStore& store, const ProgressSink& progress,
                          const std::stop_token& stop);

 private:
  Registry(ImageName name, std::unique_ptr<Session> session)
      : name_(std::move(name)), session_(std::move(session)) {}

  const ImageName name_;
  const std::unique_ptr<Session> session_;
};

}  // namespace casemate::registry
