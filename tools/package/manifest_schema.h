// The JSON Schema (2020-12) of manifests, docs/manifest-1.0.schema.json, as it was when this
// program was built. Thread-safe.
#pragma once

#include <string_view>

namespace casemate::package {

std::string_view ManifestSchemaText();

}  // namespace casemate::package
