// Reads one policy file into a layer. Load-time only; pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/yaml.h"
#include "policies/engine/layer.h"

namespace casemate::policies {

struct LayerText {
  Layer layer;
  std::vector<YamlNode> extends;  // names of what it extends, in the order of the file
};

// Errors: kInvalidArgument with file:line:column. Bad rules are added to `problems`, so that one
// reading finds all of them, and left out of the layer.
Result<LayerText> ReadLayer(std::string_view text, const std::string& origin,
                            std::span<const std::string> known_tools, std::vector<Error>& problems);

}  // namespace casemate::policies
