#include "mcp/protocol/edition.h"

#include <algorithm>
#include <array>

namespace casemate::mcp {
namespace {

constexpr std::array<EditionTraits, 5> kEditions = {{
    {.edition = Edition::k2024_11_05,
     .version = "2024-11-05",
     .modern = false,
     .batches = false,
     .annotations = false,
     .progress_message = false,
     .titles = false,
     .content_meta = false,
     .elicitation = false,
     .elicitation_url = false,
     .icons = false,
     .bad_args_are_results = false,
     .primes_streams = false,
     .resource_not_found = -32002},
    {.edition = Edition::k2025_03_26,
     .version = "2025-03-26",
     .modern = false,
     .batches = true,
     .annotations = true,
     .progress_message = true,
     .titles = false,
     .content_meta = false,
     .elicitation = false,
     .elicitation_url = false,
     .icons = false,
     .bad_args_are_results = false,
     .primes_streams = false,
     .resource_not_found = -32002},
    {.edition = Edition::k2025_06_18,
     .version = "2025-06-18",
     .modern = false,
     .batches = false,
     .annotations = true,
     .progress_message = true,
     .titles = true,
     .content_meta = true,
     .elicitation = true,
     .elicitation_url = false,
     .icons = false,
     .bad_args_are_results = false,
     .primes_streams = false,
     .resource_not_found = -32002},
    {.edition = Edition::k2025_11_25,
     .version = "2025-11-25",
     .modern = false,
     .batches = false,
     .annotations = true,
     .progress_message = true,
     .titles = true,
     .content_meta = true,
     .elicitation = true,
     .elicitation_url = true,
     .icons = true,
     .bad_args_are_results = true,
     .primes_streams = true,
     .resource_not_found = -32002},
    {.edition = Edition::k2026_07_28,
     .version = "2026-07-28",
     .modern = true,
     .batches = false,
     .annotations = true,
     .progress_message = true,
     .titles = true,
     .content_meta = true,
     .elicitation = true,
     .elicitation_url = true,
     .icons = true,
     .bad_args_are_results = true,
     .primes_streams = false,
     .resource_not_found = -32602},
}};

}  // namespace

std::span<const EditionTraits> AllEditions() {
  return kEditions;
}

const EditionTraits& TraitsOf(Edition edition) {
  return kEditions.at(static_cast<std::size_t>(edition));
}

std::optional<Edition> EditionFromVersion(std::string_view version) {
  const auto* found = std::find_if(kEditions.begin(), kEditions.end(),
                                   [&](const EditionTraits& t) { return t.version == version; });
  return found == kEditions.end() ? std::nullopt : std::optional(found->edition);
}

Edition LatestLegacyEdition() {
  return Edition::k2025_11_25;
}

}  // namespace casemate::mcp
