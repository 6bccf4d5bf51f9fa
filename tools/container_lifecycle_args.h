// The arguments of container_lifecycle, decoded strictly, and what of them policy and trail see.
// Plain values; owned by one call. docs/tools.md describes each argument.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "sandbox/container/run/container_spec.h"
#include "tools/run_args.h"

namespace casemate::tools {

enum class LifecycleAction {
  kCreate,
  kStart,
  kStop,
  kRestart,
  kKill,
  kPause,
  kUnpause,
  kRemove,
  kPull
};
std::string_view ToString(LifecycleAction action);

// Of action create, beyond the image.
struct CreateArgs {
  std::string name;                  // empty: the engine's choice
  std::vector<std::string> command;  // empty: the image's; comes after its entry point
  std::vector<std::pair<std::string, std::string>> env;
  std::string workspace;  // absolute host path as given; empty: none
  std::string network = "none";
  std::vector<container::PublishedPort> ports;
  std::string user;  // "uid:gid"; empty: chosen from workspace, image and configuration
  bool writable_root = false;
  std::vector<std::string> capabilities;
  std::string restart = "no";
  ExplicitLimits stated;
  policies::Limits limits;  // those of the default profile, overridden by what is stated
  container::Labels labels;
};

struct LifecycleArgs {
  LifecycleAction action = LifecycleAction::kStart;
  std::string container;  // of actions on one that exists
  std::string image;      // of create and pull
  CreateArgs create;
  int grace_s = 10;  // of stop and restart
  bool force = false;
};

// Errors: kInvalidArgument naming the field; arguments that the action does not take are errors.
Result<LifecycleArgs> DecodeLifecycleArgs(const nlohmann::json& args);
// Names of variables, never their values. `image` and `workspace` are what policy is to judge.
nlohmann::json NormaliseCreate(const CreateArgs& args, const std::string& image,
                               const std::string& workspace);
nlohmann::json LifecycleInputSchema();

}  // namespace casemate::tools
