// ProtocolEdition: the published editions of MCP and every difference between them that this server
// acts on. No other file branches on a version string. Immutable; thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace casemate::mcp {

enum class Edition { k2024_11_05, k2025_03_26, k2025_06_18, k2025_11_25, k2026_07_28 };

struct EditionTraits {
  Edition edition;
  std::string_view version;   // "2025-11-25"
  bool modern;                // stateless: per-request _meta, resultType, server/discover, no ping
  bool batches;               // only 2025-03-26: several messages in one array
  bool annotations;           // since 2025-03-26: of tools; also completions capability, sound
  bool progress_message;      // since 2025-03-26
  bool titles;                // since 2025-06-18; also outputSchema, structuredContent, links
  bool content_meta;          // since 2025-06-18: _meta of contents and content blocks
  bool elicitation;           // since 2025-06-18: forms
  bool elicitation_url;       // since 2025-11-25: pages; also the field `mode`
  bool icons;                 // since 2025-11-25; also description and website of the server
  bool bad_args_are_results;  // since 2025-11-25: isError result; before: -32602
  bool primes_streams;        // 2025-11-25: an SSE stream begins with an id to resume from
  int resource_not_found;     // the error code: -32002, since 2026-07-28 -32602
};

std::span<const EditionTraits> AllEditions();  // oldest first
const EditionTraits& TraitsOf(Edition edition);
std::optional<Edition> EditionFromVersion(std::string_view version);
// The newest initialize-based edition, answered to an initialize with an unknown version.
Edition LatestLegacyEdition();

}  // namespace casemate::mcp
