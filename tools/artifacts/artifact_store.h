// ArtifactStore: what was made of projects, with its bill of materials and its signed provenance.
// Rows lie in the database of the state directory, content in blobs named by their digest, which
// artifacts share: a blob goes with the last artifact that has it. Thread-safe; safe for concurrent
// processes: a blob is only removed, and an artifact only recorded, under the database's lock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/signing_key.h"
#include "base/store/store.h"
#include "sandbox/container/oci/blob_store.h"

namespace casemate::artifacts {

// Whose artifacts a call is about; nobody sees those of others.
struct ArtifactOwner {
  std::string principal = "local";
  std::string tenant = "local";
};
// nullopt: everybody's, as the command line sees them.
using Whose = std::optional<ArtifactOwner>;

struct Artifact {
  std::string id;    // "shop:1a2b3c4d5e6f"; set by Record
  std::string name;  // [a-z0-9], and . _ - / within, at most 128
  std::string tag;   // "1.0"; may be empty
  std::string kind = "image";
  std::string manifest_hash;  // "sha256:…" of what asked for it; may be empty
  std::string source_hash;    // "sha256:…" of the tree it was made from; may be empty
  std::string image_digest;   // "sha256:…"
  std::string sbom_digest;    // of the blobs; set by Record
  std::string provenance_digest;
  std::string created;     // RFC 3339; set by Record
  std::int64_t bytes = 0;  // of all its blobs; set by Record
  std::vector<std::string> pushed_to;
  ArtifactOwner owner;

  // "shop:1.0", or "shop".
  [[nodiscard]] std::string Reference() const { return tag.empty() ? name : name + ":" + tag; }
};

struct ArtifactPage {
  std::vector<Artifact> artifacts;  // the newest first
  std::string next;                 // cursor of the next page; empty: this is the last
};

// One thing that Verify looked at.
struct ArtifactCheck {
  std::string what;    // "manifest", "config", "layer 2 of 5", "sbom", "signature", …
  std::string digest;  // of the blob; empty: it is about no blob
  bool is_whole = false;
  std::string detail;  // what is wrong; empty: nothing
};
struct ArtifactVerification {
  Artifact artifact;
  std::vector<ArtifactCheck> checks;
  [[nodiscard]] bool is_whole() const;
};

struct ArtifactStats {
  std::int64_t artifacts = 0;
  std::int64_t blobs = 0;  // each once
  std::int64_t bytes = 0;  // of these
};

struct PruneOptions {
  std::int64_t max_bytes = -1;   // of all blobs together; the oldest artifacts go first; -1: any
  std::int64_t max_age_ms = -1;  // older artifacts go; -1: any
  // Blobs that no artifact has and nothing has written to for so long go too: what a process left
  // that was killed. Not sooner: one that makes an artifact now writes its blobs first. -1: stay.
  std::int64_t unused_ms = std::int64_t{24} * 3600 * 1000;
};
struct Pruned {
  std::vector<std::string> artifacts;  // ids
  std::int64_t blobs = 0;
  std::int64_t bytes = 0;  // that were freed
};

class ArtifactStore {
 public:
  using Clock = std::function<std::int64_t()>;  // milliseconds since 1970
  static constexpr std::int64_t kMaxPage = 500;

  // Borrows `store`; blobs lie in `state_dir`/artifacts. `clock`: WallClockMs unless a test needs
  // another.
  static Result<std::unique_ptr<ArtifactStore>> Open(Store& store, const std::string& state_dir,
                                                     Clock clock = nullptr);
  ArtifactStore(const ArtifactStore&) = delete;
  ArtifactStore& operator=(const ArtifactStore&) = delete;

  // Where the image has to be before it is recorded.
  [[nodiscard]] oci::BlobStore& blobs() { return *blobs_; }
  [[nodiscard]] const oci::BlobStore& blobs() const { return *blobs_; }

  // Makes it known once all of it is there; the same image of the same owner and name again
  // replaces what was recorded of it. `provenance`: a DSSE envelope whose statement names the
  // image, this bill of materials, and the hashes of `facts`. Errors: kInvalidArgument;
  // kNotFound when a blob of the image is missing; kResourceExhausted when the disk is full.
  // Whatever fails, nothing is recorded.
  Result<Artifact> Record(Artifact facts, std::string_view sbom, std::string_view provenance);

  // `name`: only of that name; empty: all. `limit`: 1 to kMaxPage. `cursor`: `next` of the page
  // before. Errors: kInvalidArgument for a cursor that is none.
  Result<ArtifactPage> List(const Whose& whose, std::string_view name = {},
                            std::int64_t limit = kMaxPage, std::string_view cursor = {});
  // By id, by reference ("shop:1.0", the newest of that name), the beginning of an id, or that of
  // what follows its colon. Errors: kNotFound, also for what is somebody else's; kInvalidArgument
  // when several begin so.
  Result<Artifact> Get(const Whose& whose, std::string_view id);
  // What was made before of the same: with this owner, name, kind and both hashes; the newest
  // first.
  Result<std::vector<Artifact>> FindMade(const Artifact& facts);
  [[nodiscard]] Result<std::string> ReadSbom(const Artifact& artifact) const;
  [[nodiscard]] Result<std::string> ReadProvenance(const Artifact& artifact) const;

  // Reads every blob of it again and checks what the signed statement says against the row. Errors:
  // of Get; damage is no error but in the answer.
  Result<ArtifactVerification> Verify(const Whose& whose, std::string_view id,
                                      const VerifyingKey& key);

  // Remembers that it was pushed to `reference`, once.
  Result<void> MarkPushed(const Whose& whose, std::string_view id, const std::string& reference);
  // Returns what was removed.
  Result<Artifact> Remove(const Whose& whose, std::string_view id);
  Result<Pruned> Prune(const PruneOptions& options);
  Result<ArtifactStats> Stats(const Whose& whose);

 private:
  ArtifactStore(Store& store, std::unique_ptr<oci::BlobStore> blobs, Clock clock);
  // All of Record that needs the lock. `before`: blobs of what it replaces.
  Result<void> Keep(Artifact& artifact, std::string_view sbom, std::string_view provenance,
                    std::vector<std::string>& before);
  // The blobs of the image, each once. Errors: kNotFound when one is not there.
  [[nodiscard]] Result<std::vector<oci::Descriptor>> ImageBlobsOf(std::string_view digest) const;
  // Under the Store's lock.
  Result<std::vector<Artifact>> Find(const Whose& whose, std::string_view id);
  Result<std::vector<Artifact>> Query(Statement& query);
  Result<void> Insert(const Artifact& artifact, std::int64_t now_ms);
  Result<void> InsertBlobs(const std::string& id, const std::vector<oci::Descriptor>& blobs);
  Result<std::vector<std::string>> BlobsOf(const std::string& id);
  Result<bool> IsUsed(std::string_view digest);
  Result<std::optional<std::string>> NextToPrune(const PruneOptions& options, std::int64_t now_ms);
  Result<void> DropRow(const std::string& id, std::vector<std::string>& blobs);
  // Removes those of `blobs` that no artifact has.
  Result<void> DropUnused(const std::vector<std::string>& blobs, Pruned& pruned);
  // Removes what no artifact has and is older than that; also what was never named or set aside.
  Result<void> Sweep(std::int64_t unused_ms, Pruned& pruned);

  Store& store_;
  const std::unique_ptr<oci::BlobStore> blobs_;
  const Clock clock_;
};

}  // namespace casemate::artifacts
