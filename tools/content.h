// What tools and prompts hand to a model: typed blocks that the protocol layer turns into its wire
// form (MCP ContentBlock). Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace casemate::tools {

struct TextContent {
  std::string text;  // UTF-8
};
// An image or a sound, by its media type ("image/png", "audio/wav").
struct MediaContent {
  std::string bytes;
  std::string mime_type;
};
// What a resource holds. `binary` decides whether clients get text or base64.
struct ResourceContents {
  std::string uri;
  std::string mime_type;
  std::string bytes;
  bool binary = false;
  bool untrusted = false;  // it comes from outside of its reader's workspace
};
// A pointer to a resource that the client may read.
struct ResourceLink {
  std::string uri;
  std::string name;
  std::string description;
  std::string mime_type;
  std::optional<std::int64_t> size;  // bytes
};

using Content = std::variant<TextContent, MediaContent, ResourceContents, ResourceLink>;

}  // namespace casemate::tools
