// The argument `target` of run: a container that exists, or an image from which one is made for
// this command alone. Resolved once, before policy judges it: what was judged is what runs. Owned
// by one call.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "sandbox/backend.h"
#include "sandbox/container/containers.h"
#include "tools/arguments/args.h"
#include "tools/container_facts.h"

namespace casemate::tools {

struct RunTarget {
  enum class Kind { kContainer, kImage };
  Kind kind = Kind::kContainer;
  std::string name;  // name, id or id prefix of a container; reference of an image
};

// nullopt: none was given. `is_offered`: this server works with containers.
std::optional<RunTarget> DecodeTarget(ArgReader& reader, ArgErrors& errors, bool is_offered);

class ResolvedTarget {
 public:
  // Errors: kNotFound for "args.target.container", and those of Containers.
  static Result<ResolvedTarget> Resolve(container::Containers& containers, const RunTarget& target,
                                        const std::stop_token& stop);

  // {container: id} or {image: reference}, for args.target
  [[nodiscard]] nlohmann::json Normalised() const;
  // {container: …} or {image: …}, for the context
  [[nodiscard]] nlohmann::json Facts() const;
  // Who made the container; empty of an image, and of a container that is none of Casemate's.
  [[nodiscard]] Origin MadeBy() const;
  // Errors: kPermissionDenied for an image that the configuration does not allow, whatever policy
  // says; kNotFound for one that the engine does not have.
  [[nodiscard]] Result<std::unique_ptr<sandbox::Backend>> MakeBackend() const;

 private:
  using Found = std::variant<container::ContainerDetails, container::FoundImage>;
  ResolvedTarget(container::Containers& containers, Found found)
      : containers_(&containers), found_(std::move(found)) {}

  container::Containers* containers_;
  Found found_;
};

// Errors: kNotFound for "args.target.container".
Error NoSuchTarget(const std::string& name);
// Errors: kPermissionDenied for `field`: a container that was made for a call of `run` is its
// caller's alone.
Error HoldsCallOfAnother(std::string field);
// Errors: kPermissionDenied for "args.target.image".
Error ImageNotAllowed(const std::string& reference);

}  // namespace casemate::tools
