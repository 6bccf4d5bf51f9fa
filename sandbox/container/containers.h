// Containers: the one container engine that a server uses, and what its configuration allows with
// it. Connects at the first use, and again after the engine was away: to the same one, for names
// and ids are that engine's. Nothing is asked of it at the start. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/backend.h"
#include "sandbox/container/engine/engine.h"
#include "sandbox/container/run/images.h"
#include "sandbox/container/services/signatures.h"

namespace casemate::container {

struct ContainersOptions {
  std::string engine = "auto";  // "auto", "docker" or "podman"
  std::string socket;           // path; empty: it is looked for (engine/discovery.h)
  std::vector<ImageRule> images;
  std::string user = "65532:65532";   // of new containers with a private workspace
  std::string directory;              // of what containers mount, as this process reaches it
  std::string engine_directory;       // the same, as the engine reaches it
  std::string incarnation;            // of this server
  std::vector<Signature> signatures;  // of the user's own file, before the built-in ones
};

// An image as policy is to judge it.
struct FoundImage {
  std::string reference;    // completed: "docker.io/library/debian:bookworm"
  bool is_allowed = false;  // by the configuration; where it is not, the engine was not asked
  bool is_pinned = false;
  std::optional<ImageDetails> details;  // none: the engine does not have it, or was not asked
};

class Containers {
 public:
  explicit Containers(ContainersOptions options) : options_(std::move(options)) {}
  // Once all runs have ended: they removed their containers.
  ~Containers();
  Containers(const Containers&) = delete;
  Containers& operator=(const Containers&) = delete;

  // Errors: kUnavailable with what to do; kCancelled.
  Result<std::shared_ptr<const Engine>> engine(const std::stop_token& stop = {});
  // By id, id prefix or name; with what it reaches by detours. Errors: kNotFound, and those of
  // engine().
  Result<ContainerDetails> Find(std::string_view name, const Patience& patience = {});
  // Errors: kInvalidArgument and kPermissionDenied (images.h) for "args.target.image", those of
  // engine(), and kDataLoss when the engine's image is not the one that the configuration pins.
  Result<FoundImage> FindImage(std::string_view reference, const std::stop_token& stop = {});

  // Where commands run in what was found. Errors: kUnavailable; kNotFound for an image that the
  // engine does not have.
  Result<std::unique_ptr<sandbox::Backend>> BackendIn(ContainerDetails container);
  Result<std::unique_ptr<sandbox::Backend>> BackendOf(const FoundImage& image);

  // The directory that new containers mount at guard::kDirectory; written at the first call.
  Result<std::string> GuardFiles();
  // By which services are known. null: what ships with the program is damaged.
  [[nodiscard]] const SignatureTable* signatures();
  [[nodiscard]] const ContainersOptions& options() const { return options_; }
  // Whether a server that is gone made containers for commands, of which some may be left.
  [[nodiscard]] bool MayHaveLeft(std::string_view incarnation) const;
  // Removes what it left in the engine, by its label; how many. Does not look for an engine if it
  // never made a container.
  Result<int> Reap(std::string_view incarnation, const std::stop_token& stop = {});
  // Once all runs have ended: removes what could not be removed then. false: something may be left,
  // which a later server is to reap.
  bool RemoveLeft(const std::stop_token& stop);

 private:
  [[nodiscard]] std::string MarkOf(std::string_view incarnation) const;
  void NoteLeft(const std::string& id);
  void RetryLeft(const Engine& engine);

  const ContainersOptions options_;
  std::mutex mutex_;
  std::shared_ptr<const Engine> engine_;  // guarded by mutex_, as is all below
  std::string socket_;                    // of the first engine that answered
  std::string guard_files_;
  std::optional<SignatureTable> signatures_;
  std::vector<std::string> left_;  // ids of containers that could not be removed
  bool may_be_left_ = false;       // some of them have no id that is known here
};

}  // namespace casemate::container
