#include "tools/container_call.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace casemate::tools {

using nlohmann::json;

namespace {

Error NoSuchContainer(const std::string& name) {
  return Error{ErrorCode::kNotFound, "there is no container " + Quoted(name), "args.container",
               "list them: container_status without arguments", 0};
}

}  // namespace

std::optional<std::string> ReadContainer(ArgReader& reader) {
  return reader.Text("container", {.min_bytes = 1, .max_bytes = 255, .allow_nul = false});
}

json ContainerSchema() {
  return {{"type", "string"}, {"description", "Name or id."}};
}

Result<container::ContainerDetails> FindContainer(container::Containers& containers,
                                                  const std::string& name,
                                                  const std::stop_token& stop) {
  auto found = containers.Find(name, {.stop = stop});
  if (found) {
    return found;
  }
  Error error = AsArgument(std::move(found).error());
  return error.code == ErrorCode::kNotFound ? NoSuchContainer(name) : error;
}

Error AsArgument(Error error) {
  if (error.field == "container") {
    error.field = "args.container";
  } else if (error.field == "image" || error.field.starts_with("args.target")) {
    error.field = "args.image";
  }
  return error;
}

ContainerCall::ContainerCall(container::Containers& containers,
                             container::ContainerDetails container, std::string named,
                             json normalised, bool repeats_words)
    : containers_(containers),
      container_(std::move(container)),
      origin_(OriginOf(container_, containers.options().engine_directory)),
      named_(std::move(named)),
      normalised_(std::move(normalised)),
      context_({{"container", FactsOf(container_)}}) {
  normalised_["container"] = container_.summary.id;
  if (repeats_words) {
    context_["untrusted"] = true;  // until it is known to be the caller's own
  }
}

Result<void> ContainerCall::Bind(const policies::Principal& principal) {
  if (IsHiddenFrom(origin_, principal)) {
    return NoSuchContainer(named_);
  }
  is_own_ = IsOf(origin_, principal);
  if (is_own_) {
    context_["container"]["own"] = true;
    context_.erase("untrusted");
  }
  return {};
}

std::string ContainerCall::Title() const {
  return container_.summary.name + " (" + ShortId(container_.summary.id) + ")";
}

}  // namespace casemate::tools
