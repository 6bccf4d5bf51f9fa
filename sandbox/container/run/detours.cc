#include "sandbox/container/run/detours.h"

#include <cstdlib>
#include <memory>
#include <string>

namespace casemate::container {
namespace {

constexpr std::string_view kJoined = "container:";
constexpr int kMostSteps = 8;  // of containers that join each other

// `mode` of the last container on the way.
Result<void> FollowMode(const Engine& engine, std::string ContainerDetails::* mode,
                        ContainerDetails& container) {
  std::string now = container.*mode;
  for (int step = 0; now.starts_with(kJoined); ++step) {
    const auto next = engine.Inspect(now.substr(kJoined.size()));
    if (!next && next.error().code == ErrorCode::kNotFound) {
      return {};
    }
    if (!next) {
      return next.error();
    }
    if (step == kMostSteps) {
      now = "host";  // nobody needs so many: believed to be the worst
    } else {
      now = (*next).*mode;
    }
  }
  if (now == "host" || now.starts_with("ns:")) {
    container.*mode = std::move(now);
  }
  return {};
}

Result<void> FollowVolume(const Engine& engine, Mount& mount) {
  auto directory = engine.DirectoryOfVolume(mount.source);
  if (!directory) {
    return directory.error().code == ErrorCode::kNotFound ? Result<void>()
                                                          : std::move(directory).error();
  }
  if (!directory->empty()) {
    mount.kind = "bind";
    mount.source = *std::move(directory);
  }
  return {};
}

}  // namespace

Result<void> FollowDetours(const Engine& engine, ContainerDetails& container) {
  for (auto mode : {&ContainerDetails::network_mode, &ContainerDetails::pid_mode,
                    &ContainerDetails::ipc_mode}) {
    if (auto followed = FollowMode(engine, mode, container); !followed) {
      return followed;
    }
  }
  for (Mount& mount : container.mounts) {
    if (mount.kind == "volume") {
      if (auto followed = FollowVolume(engine, mount); !followed) {
        return followed;
      }
    }
    if (mount.kind == "bind") {
      const std::unique_ptr<char, decltype(&::free)> real(::realpath(mount.source.c_str(), nullptr),
                                                          ::free);
      if (real != nullptr && mount.source != real.get()) {
        mount.leads_to = real.get();
      }
    }
  }
  return {};
}

}  // namespace casemate::container
