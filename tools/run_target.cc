#include "tools/run_target.h"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace casemate::tools {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 2> kKinds = {"container", "image"};
constexpr TextRule kNameRule = {.min_bytes = 1, .max_bytes = 512, .allow_nul = false};

}  // namespace

std::optional<RunTarget> DecodeTarget(ArgReader& reader, ArgErrors& errors, bool is_offered) {
  if (!reader.Has("target")) {
    return std::nullopt;
  }
  if (!is_offered) {
    errors.Expected("args.target", "no target: this server does not work with containers", "one",
                    "leave `target` out, or ask your user to add the toolset `containers`");
    return std::nullopt;
  }
  const json* object = reader.Object("target");
  if (object == nullptr) {
    return std::nullopt;
  }
  ArgReader fields(*object, "args.target", kKinds, errors);
  const auto container = fields.Text("container", kNameRule);
  const auto image = fields.Text("image", kNameRule);
  if (container.has_value() == image.has_value()) {
    errors.Expected("args.target", "exactly one of `container` and `image`",
                    container ? "both" : "neither");
    return std::nullopt;
  }
  return container ? RunTarget{RunTarget::Kind::kContainer, *container}
                   : RunTarget{RunTarget::Kind::kImage, *image};
}

Result<ResolvedTarget> ResolvedTarget::Resolve(container::Containers& containers,
                                               const RunTarget& target,
                                               const std::stop_token& stop) {
  if (target.kind == RunTarget::Kind::kImage) {
    auto image = containers.FindImage(target.name, stop);
    if (!image) {
      return std::move(image).error();
    }
    return ResolvedTarget(containers, *std::move(image));
  }
  auto container = containers.Find(target.name, {.stop = stop});
  if (!container) {
    Error error = std::move(container).error();
    return error.code == ErrorCode::kNotFound ? NoSuchTarget(target.name) : error;
  }
  return ResolvedTarget(containers, *std::move(container));
}

json ResolvedTarget::Normalised() const {
  if (const auto* image = std::get_if<container::FoundImage>(&found_)) {
    return {{"image", image->reference}};
  }
  return {{"container", std::get<container::ContainerDetails>(found_).summary.id}};
}

json ResolvedTarget::Facts() const {
  if (const auto* image = std::get_if<container::FoundImage>(&found_)) {
    return {{"image", FactsOf(*image)}};
  }
  return {{"container", FactsOf(std::get<container::ContainerDetails>(found_))}};
}

Origin ResolvedTarget::MadeBy() const {
  const auto* container = std::get_if<container::ContainerDetails>(&found_);
  return container == nullptr ? Origin()
                              : OriginOf(*container, containers_->options().engine_directory);
}

Error NoSuchTarget(const std::string& name) {
  return Error{ErrorCode::kNotFound, "there is no container " + Quoted(name),
               "args.target.container", "list them with container_status", 0};
}

Error HoldsCallOfAnother(std::string field) {
  return Error{ErrorCode::kPermissionDenied, "the container holds a running call of somebody else",
               std::move(field), "leave it alone: it is removed when that call ends", 0};
}

Error ImageNotAllowed(const std::string& reference) {
  return Error{ErrorCode::kPermissionDenied,
               "the configuration does not allow the image " + Quoted(reference),
               "args.target.image",
               "use an image of `containers.images`, or ask your user to add it there", 0};
}

Result<std::unique_ptr<sandbox::Backend>> ResolvedTarget::MakeBackend() const {
  const auto* image = std::get_if<container::FoundImage>(&found_);
  if (image == nullptr) {
    return containers_->BackendIn(std::get<container::ContainerDetails>(found_));
  }
  if (!image->is_allowed) {
    return ImageNotAllowed(image->reference);
  }
  return containers_->BackendOf(*image);
}

}  // namespace casemate::tools
