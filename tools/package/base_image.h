// The base of a container, brought into the store: by its digest, from what is there already or
// from its registry. Stateless; thread-safe.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/registry/options.h"

namespace casemate::package {

// What is under way, for people; may be empty. Must not throw.
using Reporter = std::function<void(std::string_view words)>;

// `reference`: "NAME[:TAG]@sha256:…"; an image, or an index of which the architecture's image is
// taken. Errors: kNotFound when the registry has none; kDataLoss when it has another one;
// kUnavailable when it does not answer; kResourceExhausted when the disk is full; kCancelled.
Result<void> FetchBase(const std::string& reference, const std::string& architecture,
                       const registry::RegistryOptions& options, oci::BlobStore& store,
                       const Reporter& report, const std::stop_token& stop);

}  // namespace casemate::package
