// Resources: things with a URI that clients may list, read and watch. One ResourceProvider for each
// kind of thing. Providers are thread-safe; what they return belongs to the caller. Access passes
// policy and audit in ResourceReader, never here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "policies/identity/principal.h"
#include "tools/content.h"

namespace casemate::tools {

struct ResourceSpec {
  std::string uri;
  std::string name;
  std::string title;
  std::string description;
  std::string mime_type;
  std::optional<std::int64_t> size;  // bytes, if known
  // The initialiser lets g++ 12 accept an initialiser that leaves it out.
  std::string
      icon{};  // NOLINT(readability-redundant-member-init) an https or data URI; empty: none
};

// RFC 6570 level 1: "casemate://runs/{id}/stdout".
struct ResourceTemplateSpec {
  std::string uri_template;
  std::string name;
  std::string title;
  std::string description;
  std::string mime_type;
  std::string icon{};  // NOLINT(readability-redundant-member-init) as of ResourceSpec
};

class ResourceProvider {
 public:
  virtual ~ResourceProvider() = default;
  // Whether URIs like this one are its own, existing or not.
  [[nodiscard]] virtual bool Owns(std::string_view uri) const = 0;
  // What `principal` may find by listing, newest or most useful first.
  [[nodiscard]] virtual std::vector<ResourceSpec> List(
      const policies::Principal& principal) const = 0;
  [[nodiscard]] virtual std::vector<ResourceTemplateSpec> Templates() const { return {}; }
  // Facts for the policy: at least {kind}, {own: bool} where things have an owner, and
  // {untrusted: true} for what comes from outside of the principal's workspace.
  [[nodiscard]] virtual nlohmann::json Facts(std::string_view uri,
                                             const policies::Principal& principal) const = 0;
  // Errors: kNotFound, also for what belongs to another principal.
  [[nodiscard]] virtual Result<ResourceContents> Read(
      std::string_view uri, const policies::Principal& principal) const = 0;
  // Called once policy lets `principal` watch `uri`: whatever tells of its changes has to run from
  // now on. Errors: kNotFound; kInvalidArgument for a URI that can be read but not watched.
  [[nodiscard]] virtual Result<void> Watch(std::string_view /*uri*/,
                                           const policies::Principal& /*principal*/) const {
    return {};
  }
  // Values of `variable` of `uri_template` that begin with `prefix`, at most 100.
  [[nodiscard]] virtual std::vector<std::string> Complete(
      std::string_view uri_template, std::string_view variable, std::string_view prefix,
      const policies::Principal& principal) const;
};

}  // namespace casemate::tools
