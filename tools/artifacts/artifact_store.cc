#include "tools/artifacts/artifact_store.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "tools/artifacts/dsse.h"
#include "tools/artifacts/image_blobs.h"
#include "tools/artifacts/provenance.h"
#include "tools/artifacts/sbom.h"

namespace casemate::artifacts {
namespace {

constexpr std::array<Migration, 1> kMigrations = {{{1, R"(
CREATE TABLE artifacts(
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  tag TEXT NOT NULL,
  kind TEXT NOT NULL,
  principal TEXT NOT NULL,
  tenant TEXT NOT NULL,
  manifest_hash TEXT NOT NULL,
  source_hash TEXT NOT NULL,
  image_digest TEXT NOT NULL,
  sbom_digest TEXT NOT NULL,
  provenance_digest TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  created_ms INTEGER NOT NULL) STRICT;
CREATE INDEX artifacts_by_owner ON artifacts(principal, tenant, created_ms);
CREATE INDEX artifacts_by_time ON artifacts(created_ms);
CREATE TABLE artifact_blobs(
  artifact TEXT NOT NULL REFERENCES artifacts(id) ON DELETE CASCADE,
  digest TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY(artifact, digest)) STRICT, WITHOUT ROWID;
CREATE INDEX artifact_blobs_by_digest ON artifact_blobs(digest);
CREATE TABLE artifact_pushes(
  artifact TEXT NOT NULL REFERENCES artifacts(id) ON DELETE CASCADE,
  reference TEXT NOT NULL,
  pushed_ms INTEGER NOT NULL,
  PRIMARY KEY(artifact, reference)) STRICT, WITHOUT ROWID;
)"}}};

constexpr std::size_t kMaxNameBytes = 128;
constexpr std::size_t kIdDigits = 12;

bool IsLowerOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && IsLowerOrDigit(name.front()) &&
         IsLowerOrDigit(name.back()) && std::ranges::all_of(name, [](char c) {
           return IsLowerOrDigit(c) || c == '.' || c == '_' || c == '-' || c == '/';
         });
}

bool IsTag(std::string_view tag) {
  const auto is_word = [](char c) {
    return IsLowerOrDigit(c) || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return tag.empty() ||
         (tag.size() <= kMaxNameBytes && is_word(tag.front()) &&
          std::ranges::all_of(tag, [&](char c) { return is_word(c) || c == '.' || c == '-'; }));
}

Result<void> CheckFacts(const Artifact& facts) {
  if (!IsName(facts.name)) {
    return InvalidArgument("name",
                           "expected [a-z0-9] with . _ - / within, got " + Quoted(facts.name));
  }
  if (!IsTag(facts.tag)) {
    return InvalidArgument("tag", "expected a tag of an image, got " + Quoted(facts.tag));
  }
  if (!IsName(facts.kind)) {
    return InvalidArgument("kind", "expected a word, got " + Quoted(facts.kind));
  }
  for (const std::string* digest : {&facts.manifest_hash, &facts.source_hash}) {
    if (!digest->empty() && !oci::IsDigest(*digest)) {
      return InvalidArgument("manifest_hash, source_hash",
                             "expected a digest, got " + Quoted(*digest));
    }
  }
  return oci::IsDigest(facts.image_digest)
             ? Result<void>()
             : InvalidArgument("image_digest",
                               "expected a digest, got " + Quoted(facts.image_digest));
}

// What a statement must say of the artifact that it is about; empty: it does.
std::string Contradiction(const ProvenanceFacts& said, const Artifact& artifact) {
  if (!std::ranges::any_of(said.subjects, [&](const ProvenanceSubject& subject) {
        return subject.digest == artifact.image_digest;
      })) {
    return "it is about " + said.subjects.front().digest + ", not about this image";
  }
  if (said.sbom_digest != artifact.sbom_digest) {
    return "it names another bill of materials: " + Quoted(said.sbom_digest);
  }
  if (said.manifest_hash != artifact.manifest_hash || said.source_hash != artifact.source_hash) {
    return "it names another manifest or other sources";
  }
  return {};
}

// The same for the same owner, name and image, and another one for anybody else's.
std::string IdOf(const Artifact& artifact) {
  std::string text;
  for (const std::string* part : {&artifact.owner.principal, &artifact.owner.tenant, &artifact.name,
                                  &artifact.image_digest}) {
    text += std::to_string(part->size()) + ":" + *part;
  }
  return artifact.name + ":" + Sha256Hex(text).substr(0, kIdDigits);
}

std::vector<oci::Descriptor> BlobsOfImage(const ImageBlobs& image) {
  std::vector<oci::Descriptor> blobs = {image.root};
  for (const ImageManifest& manifest : image.manifests) {
    blobs.push_back(manifest.descriptor);
    blobs.push_back(manifest.config);
    blobs.insert(blobs.end(), manifest.layers.begin(), manifest.layers.end());
  }
  return blobs;
}

void KeepEachOnce(std::vector<oci::Descriptor>& blobs) {
  std::ranges::sort(blobs, {}, &oci::Descriptor::digest);
  const auto rest = std::ranges::unique(blobs, {}, &oci::Descriptor::digest);
  blobs.erase(rest.begin(), rest.end());
}

// Completes `facts`, if all of what is to be recorded agrees.
Result<void> CheckRecord(Artifact& facts, std::string_view sbom, std::string_view provenance) {
  if (auto checked = CheckFacts(facts); !checked) {
    return checked;
  }
  if (sbom.empty() || sbom.size() > kMaxSbomBytes) {
    return InvalidArgument("sbom", "expected 1 to " + std::to_string(kMaxSbomBytes) + " bytes");
  }
  facts.sbom_digest = oci::DigestOf(sbom);
  facts.provenance_digest = oci::DigestOf(provenance);
  auto payload = PayloadOf(provenance, kInTotoType);
  auto said = payload ? ParseStatement(*payload) : Result<ProvenanceFacts>(payload.error());
  if (!said) {
    return said.error();
  }
  if (const std::string wrong = Contradiction(*said, facts); !wrong.empty()) {
    return InvalidArgument("provenance", wrong);
  }
  facts.id = IdOf(facts);
  return {};
}

Result<void> Done(Statement& statement) {
  auto done = statement.Step();
  statement.Reset();
  return done ? Result<void>() : Result<void>(done.error());
}

Error Missing(const oci::Descriptor& blob) {
  return Error{ErrorCode::kNotFound,
               "the blob " + blob.digest + " of " + std::to_string(blob.size) +
                   " bytes is not in the artifact store",
               {},
               "make the image again",
               0};
}

}  // namespace

ArtifactStore::ArtifactStore(Store& store, std::unique_ptr<oci::BlobStore> blobs, Clock clock)
    : store_(store), blobs_(std::move(blobs)), clock_(clock ? std::move(clock) : WallClockMs) {}

Result<std::unique_ptr<ArtifactStore>> ArtifactStore::Open(Store& store,
                                                           const std::string& state_dir,
                                                           Clock clock) {
  if (auto migrated = store.Migrate("artifacts", kMigrations); !migrated) {
    return migrated.error();
  }
  auto blobs = oci::BlobStore::Open(state_dir + "/artifacts");
  if (!blobs) {
    return blobs.error();
  }
  return std::unique_ptr<ArtifactStore>(
      new ArtifactStore(store, *std::move(blobs), std::move(clock)));
}

Result<Artifact> ArtifactStore::Record(Artifact facts, std::string_view sbom,
                                       std::string_view provenance) {
  if (auto checked = CheckRecord(facts, sbom, provenance); !checked) {
    return checked.error();
  }
  std::vector<std::string> before;
  auto recorded = store_.Transaction([&] { return Keep(facts, sbom, provenance, before); });
  if (!recorded) {
    before = {facts.sbom_digest, facts.provenance_digest};
  }
  Pruned dropped;
  auto cleared = DropUnused(before, dropped);
  if (!recorded || !cleared) {
    return recorded ? cleared.error() : recorded.error();
  }
  return Get(facts.owner, facts.id);
}

Result<std::vector<oci::Descriptor>> ArtifactStore::ImageBlobsOf(std::string_view digest) const {
  auto image = FollowImage(*blobs_, digest);
  if (!image) {
    return image.error();
  }
  std::vector<oci::Descriptor> all = BlobsOfImage(*image);
  const auto missing =
      std::ranges::find_if_not(all, [&](const oci::Descriptor& blob) { return blobs_->Has(blob); });
  if (missing != all.end()) {
    return Missing(*missing);
  }
  KeepEachOnce(all);
  return all;
}

// Inside a transaction: nobody removes a blob between the look at it and the row that keeps it.
Result<void> ArtifactStore::Keep(Artifact& artifact, std::string_view sbom,
                                 std::string_view provenance, std::vector<std::string>& before) {
  auto all = ImageBlobsOf(artifact.image_digest);
  if (!all) {
    return all.error();
  }
  for (const auto& [type, bytes] :
       {std::pair(kSbomType, sbom), std::pair(kEnvelopeType, provenance)}) {
    auto put = blobs_->Put(type, bytes);
    if (!put) {
      return put.error();
    }
    all->push_back(*std::move(put));
  }
  const std::int64_t now_ms = clock_();
  artifact.created = Rfc3339(now_ms);
  artifact.bytes = 0;
  for (const oci::Descriptor& blob : *all) {
    artifact.bytes += blob.size;
  }
  auto there = BlobsOf(artifact.id);
  if (!there) {
    return there.error();
  }
  before = *std::move(there);
  if (auto inserted = Insert(artifact, now_ms); !inserted) {
    return inserted;
  }
  return InsertBlobs(artifact.id, *all);
}

Result<void> ArtifactStore::Insert(const Artifact& artifact, std::int64_t now_ms) {
  auto insert = store_.Prepare(
      "INSERT INTO artifacts(id, name, tag, kind, principal, tenant, manifest_hash, source_hash,"
      " image_digest, sbom_digest, provenance_digest, bytes, created_ms)"
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
      " ON CONFLICT(id) DO UPDATE SET tag = excluded.tag, kind = excluded.kind,"
      " manifest_hash = excluded.manifest_hash, source_hash = excluded.source_hash,"
      " sbom_digest = excluded.sbom_digest, provenance_digest = excluded.provenance_digest,"
      " bytes = excluded.bytes, created_ms = excluded.created_ms"
      // Two different ones with the same beginning of their hash.
      " WHERE principal = excluded.principal AND tenant = excluded.tenant"
      " AND image_digest = excluded.image_digest");
  if (!insert) {
    return insert.error();
  }
  insert->BindText(1, artifact.id).BindText(2, artifact.name).BindText(3, artifact.tag);
  insert->BindText(4, artifact.kind).BindText(5, artifact.owner.principal);
  insert->BindText(6, artifact.owner.tenant).BindText(7, artifact.manifest_hash);
  insert->BindText(8, artifact.source_hash).BindText(9, artifact.image_digest);
  insert->BindText(10, artifact.sbom_digest).BindText(11, artifact.provenance_digest);
  insert->BindInt(12, artifact.bytes).BindInt(13, now_ms);
  if (auto done = Done(*insert); !done) {
    return done;
  }
  return store_.Changes() == 1 ? Result<void>()
                               : Error{ErrorCode::kInternal,
                                       "another artifact has the id " + artifact.id,
                                       {},
                                       "give it another name",
                                       0};
}

Result<void> ArtifactStore::InsertBlobs(const std::string& id,
                                        const std::vector<oci::Descriptor>& blobs) {
  auto clear = store_.Prepare("DELETE FROM artifact_blobs WHERE artifact = ?1");
  if (!clear) {
    return clear.error();
  }
  if (auto done = Done(clear->BindText(1, id)); !done) {
    return done;
  }
  auto insert = store_.Prepare(
      "INSERT OR IGNORE INTO artifact_blobs(artifact, digest, bytes)"
      " VALUES(?1, ?2, ?3)");
  if (!insert) {
    return insert.error();
  }
  for (const oci::Descriptor& blob : blobs) {
    insert->BindText(1, id).BindText(2, blob.digest).BindInt(3, blob.size);
    if (auto done = Done(*insert); !done) {
      return done;
    }
  }
  return {};
}

Result<std::string> ArtifactStore::ReadSbom(const Artifact& artifact) const {
  return blobs_->Read(artifact.sbom_digest, kMaxSbomBytes);
}

Result<std::string> ArtifactStore::ReadProvenance(const Artifact& artifact) const {
  return blobs_->Read(artifact.provenance_digest, kMaxEnvelopeBytes);
}

namespace {

// What lies where a blob was expected.
ArtifactCheck CheckBlob(const oci::BlobStore& blobs, std::string what, std::string_view digest,
                        std::int64_t size) {
  ArtifactCheck check{std::move(what), std::string(digest), false, {}};
  const std::int64_t there = blobs.SizeOf(digest);
  if (there < 0) {
    check.detail = "missing";
  } else if (size >= 0 && there != size) {
    check.detail =
        "damaged: it has " + std::to_string(there) + " bytes, expected " + std::to_string(size);
  } else if (auto read = blobs.Check(digest); !read) {
    check.detail = read.error().code == ErrorCode::kDataLoss ? "damaged" : Describe(read.error());
  } else {
    check.is_whole = true;
  }
  return check;
}

void CheckImage(const oci::BlobStore& blobs, const Artifact& artifact,
                std::vector<ArtifactCheck>& checks) {
  checks.push_back(CheckBlob(blobs, "manifest", artifact.image_digest, -1));
  if (!checks.back().is_whole) {
    return;  // only it says what else there is
  }
  auto image = FollowImage(blobs, artifact.image_digest);
  if (!image) {
    checks.push_back({"image", artifact.image_digest, false, Describe(image.error())});
    return;
  }
  for (const ImageManifest& manifest : image->manifests) {
    if (image->is_index) {
      checks.push_back(CheckBlob(blobs, "manifest of a platform", manifest.descriptor.digest,
                                 manifest.descriptor.size));
    }
    checks.push_back(CheckBlob(blobs, "config", manifest.config.digest, manifest.config.size));
    const std::string count = std::to_string(manifest.layers.size());
    for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
      checks.push_back(CheckBlob(blobs, "layer " + std::to_string(i + 1) + " of " + count,
                                 manifest.layers[i].digest, manifest.layers[i].size));
    }
  }
}

// The signature, and then what the signed statement says.
void CheckStatement(const std::string& envelope, const Artifact& artifact, const VerifyingKey& key,
                    std::vector<ArtifactCheck>& checks) {
  auto payload = OpenEnvelope(envelope, kInTotoType, key);
  checks.push_back(
      {"signature", {}, payload.ok(), payload ? std::string() : Describe(payload.error())});
  if (!payload) {
    return;
  }
  auto said = ParseStatement(*payload);
  const std::string wrong =
      said ? Contradiction(*said, artifact) : "it cannot be read: " + Describe(said.error());
  checks.push_back({"statement", {}, wrong.empty(), wrong});
}

}  // namespace

bool ArtifactVerification::is_whole() const {
  return !checks.empty() && std::ranges::all_of(checks, &ArtifactCheck::is_whole);
}

Result<ArtifactVerification> ArtifactStore::Verify(const Whose& whose, std::string_view id,
                                                   const VerifyingKey& key) {
  auto artifact = Get(whose, id);
  if (!artifact) {
    return artifact.error();
  }
  ArtifactVerification verification{*std::move(artifact), {}};
  const Artifact& about = verification.artifact;
  std::vector<ArtifactCheck>& checks = verification.checks;
  CheckImage(*blobs_, about, checks);
  checks.push_back(CheckBlob(*blobs_, "sbom", about.sbom_digest, -1));
  checks.push_back(CheckBlob(*blobs_, "provenance", about.provenance_digest, -1));
  if (checks.back().is_whole) {
    if (auto envelope = ReadProvenance(about)) {
      CheckStatement(*envelope, about, key, checks);
    } else {
      checks.push_back({"signature", {}, false, Describe(envelope.error())});
    }
  }
  return verification;
}

}  // namespace casemate::artifacts
