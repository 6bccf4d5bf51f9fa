// The ways of one blob between a store and a registry. Each call is one transfer in its thread.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/registry/registry.h"
#include "sandbox/container/registry/session.h"

namespace casemate::registry {

// Into the store, unless it is there. Errors: as of Registry::Pull.
Result<void> Download(Session& session, const oci::Descriptor& blob, oci::BlobStore& store,
                      const ProgressSink& progress, const std::stop_token& stop);

// Whether the registry has it. Errors: kDataLoss when it has another size.
Result<bool> HasBlob(Session& session, const oci::Descriptor& blob, bool push,
                     const std::stop_token& stop);

// To the registry, which does not have it. How often it failed and went on; errors: as of
// Registry::Push.
Result<int> UploadBlob(Session& session, const oci::Descriptor& blob, const oci::BlobStore& store,
                       const ProgressSink& progress, const std::stop_token& stop);

// The last byte of "0-99" or "bytes=0-99", -1 for what does not begin with 0 or is no range.
std::int64_t LastOfRange(std::string_view range);
// Limits of an exchange in which so many bytes move.
container::ExchangeOptions LimitsFor(std::int64_t bytes, const std::stop_token& stop);

}  // namespace casemate::registry
