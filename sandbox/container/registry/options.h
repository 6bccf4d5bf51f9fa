// How a registry is spoken to. Plain values.
#pragma once

#include <cstdint>
#include <string>

namespace casemate::registry {

struct RetryOptions {
  int attempts = 6;             // in a row without progress
  std::int64_t first_ms = 500;  // doubled each time, and some of it left to chance
  std::int64_t most_ms = 15'000;
};

// NOLINTBEGIN(readability-redundant-member-init)
struct RegistryOptions {
  // HTTP without TLS. Otherwise it is spoken to loopback alone, and there only without `ca_file`.
  bool plain_http = false;
  // PEM: whom to trust in place of the system's certificates, also where the registry sends us.
  std::string ca_file{};
  // A reference, see credentials.h; never credentials themselves.
  std::string credentials{};
  std::int64_t idle_ms = 30'000;                          // without a byte
  std::int64_t max_image_bytes = std::int64_t{64} << 30;  // of all that is pulled at once
  std::int64_t chunk_bytes = std::int64_t{8} << 20;       // of an upload
  RetryOptions retry{};
};
// NOLINTEND(readability-redundant-member-init)

}  // namespace casemate::registry
