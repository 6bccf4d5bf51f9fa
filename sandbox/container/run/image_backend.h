// ImageBackend: each command in a container of its own, made from one image and removed afterwards:
// read-only root, no capabilities, no new privileges, an unprivileged user, no network, all limits,
// and the guard as first process, which installs the filter of Casemate's own sandbox. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sandbox/backend.h"
#include "sandbox/container/engine/engine.h"
#include "sandbox/container/run/container_spec.h"

namespace casemate::container {

// All labels of Casemate's on what is made under `grant`.
Labels OwnLabels(const policies::Grant& grant, const std::string& incarnation, const char* purpose);

struct ImageTarget {
  JudgedImage image;
  std::string reference;             // as the caller named it
  std::string guard_files;           // PlaceGuard
  std::vector<std::string> volumes;  // of the image
  std::string user;                  // "uid:gid" of private workspaces
  std::string incarnation;           // of this server: it removes what dead ones left
  // Told of a container that could not be removed, by its id; empty: it may have been made, and its
  // id did not arrive. Called by the thread of the run.
  std::function<void(const std::string& id)> on_left;
};

class ImageBackend final : public sandbox::Backend {
 public:
  ImageBackend(std::shared_ptr<const Engine> engine, ImageTarget target)
      : engine_(std::move(engine)), target_(std::move(target)) {}
  Result<std::unique_ptr<sandbox::Run>> Start(const policies::Grant& grant,
                                              sandbox::Command command, const std::stop_token& stop,
                                              sandbox::OutputSink* sink, bool hold) override;

 private:
  std::shared_ptr<const Engine> engine_;
  const ImageTarget target_;
};

}  // namespace casemate::container
