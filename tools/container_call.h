// What the tools about one container that exists share: it is looked up once, before policy judges
// the call, and is meant by its id from then on. Used by one call on one thread.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "sandbox/container/containers.h"
#include "tools/arguments/args.h"
#include "tools/container_facts.h"
#include "tools/tool.h"

namespace casemate::tools {

// Reads args.container: a name, an id or the beginning of an id.
std::optional<std::string> ReadContainer(ArgReader& reader);
// {type, description} of args.container.
nlohmann::json ContainerSchema();
// Errors: kNotFound for args.container, and those of Containers::Find.
Result<container::ContainerDetails> FindContainer(container::Containers& containers,
                                                  const std::string& name,
                                                  const std::stop_token& stop);
// Fields of engine and builder are those of other tools, too: as args of ours.
Error AsArgument(Error error);

class ContainerCall : public PreparedCall {
 public:
  // `named`: what the caller called it. `repeats_words`: its result holds what the container itself
  // wrote.
  ContainerCall(container::Containers& containers, container::ContainerDetails container,
                std::string named, nlohmann::json normalised, bool repeats_words);
  // Errors: as FindContainer, of one that is hidden from `principal`.
  Result<void> Bind(const policies::Principal& principal) override;
  [[nodiscard]] const nlohmann::json& normalised() const override { return normalised_; }
  [[nodiscard]] const nlohmann::json& context() const override { return context_; }

 protected:
  [[nodiscard]] container::Containers& containers() const { return containers_; }
  // As policy judged it.
  [[nodiscard]] const container::ContainerDetails& container() const { return container_; }
  [[nodiscard]] const Origin& origin() const { return origin_; }
  // Whether its caller made it.
  [[nodiscard]] bool is_own() const { return is_own_; }
  [[nodiscard]] const std::string& id() const { return container_.summary.id; }
  // "web (3f2a9c1b04de)"
  [[nodiscard]] std::string Title() const;

 private:
  container::Containers& containers_;
  container::ContainerDetails container_;
  Origin origin_;
  std::string named_;
  bool is_own_ = false;
  nlohmann::json normalised_;
  nlohmann::json context_;
};

}  // namespace casemate::tools
