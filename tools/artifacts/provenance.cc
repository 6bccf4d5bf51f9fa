#include "tools/artifacts/provenance.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "sandbox/container/oci/descriptor.h"
#include "tools/artifacts/dsse.h"
#include "tools/artifacts/purl.h"

namespace casemate::artifacts {
namespace {

using nlohmann::json;

constexpr const char* kStatementType = "https://in-toto.io/Statement/v1";
constexpr const char* kPredicateType = "https://slsa.dev/provenance/v1";
constexpr const char* kManifest = "manifest";
constexpr const char* kSource = "source";
constexpr const char* kBase = "base";
constexpr const char* kSbom = "sbom";
constexpr std::size_t kMaxSubjects = 64;

json DigestSet(std::string_view digest) {
  return {{"sha256", oci::HexOf(digest)}};
}

Result<void> Check(const char* field, std::string_view digest, bool may_be_empty) {
  if (oci::IsDigest(digest) || (may_be_empty && digest.empty())) {
    return {};
  }
  return InvalidArgument(field, "expected sha256: and 64 digits, got " + Quoted(digest));
}

Result<void> CheckDigests(const ProvenanceFacts& facts) {
  if (facts.subjects.empty()) {
    return InvalidArgument("subjects", "expected what was made, got nothing");
  }
  for (const ProvenanceSubject& subject : facts.subjects) {
    if (auto checked = Check("subjects", subject.digest, false); !checked) {
      return checked;
    }
  }
  for (const auto& [field, digest] : {std::pair("manifest_hash", &facts.manifest_hash),
                                      {"source_hash", &facts.source_hash},
                                      {"base_digest", &facts.base_digest},
                                      {"sbom_digest", &facts.sbom_digest}}) {
    if (auto checked = Check(field, *digest, true); !checked) {
      return checked;
    }
  }
  return {};
}

json ResolvedDependencies(const ProvenanceFacts& facts) {
  json list = json::array();
  if (!facts.manifest_hash.empty()) {
    list.push_back({{"name", kManifest}, {"digest", DigestSet(facts.manifest_hash)}});
  }
  if (!facts.source_hash.empty()) {
    list.push_back({{"name", kSource}, {"digest", DigestSet(facts.source_hash)}});
  }
  if (!facts.base_digest.empty()) {
    list.push_back({{"name", kBase},
                    {"uri", ImagePurl(facts.base_name, facts.base_digest)},
                    {"annotations", {{"reference", facts.base_name}}},
                    {"digest", DigestSet(facts.base_digest)}});
  }
  return list;
}

json RunDetails(const ProvenanceFacts& facts) {
  json metadata = json::object();
  for (const auto& [name, value] : {std::pair("invocationId", &facts.invocation_id),
                                    {"startedOn", &facts.started},
                                    {"finishedOn", &facts.finished}}) {
    if (!value->empty()) {
      metadata[name] = *value;
    }
  }
  json builder = {{"id", kBuilderId}};
  if (!facts.builder_version.empty()) {
    builder["version"] = {{"casemate", facts.builder_version}};
  }
  json byproducts = json::array();
  if (!facts.sbom_digest.empty()) {
    byproducts.push_back({{"name", kSbom},
                          {"mediaType", "application/vnd.cyclonedx+json"},
                          {"digest", DigestSet(facts.sbom_digest)}});
  }
  return {{"builder", std::move(builder)},
          {"metadata", std::move(metadata)},
          {"byproducts", std::move(byproducts)}};
}

const json& Member(const json& value, const char* name) {
  static const json kNull;
  if (!value.is_object()) {
    return kNull;
  }
  const auto member = value.find(name);
  return member == value.end() ? kNull : *member;
}

std::string Text(const json& value, const char* name) {
  const json& member = Member(value, name);
  return member.is_string() ? member.get<std::string>() : std::string();
}

// Empty: there is none.
std::string DigestIn(const json& resource) {
  const std::string hex = Text(Member(resource, "digest"), "sha256");
  return hex.empty() ? hex : "sha256:" + hex;
}

std::map<std::string, std::string> TextsIn(const json& object) {
  std::map<std::string, std::string> texts;
  for (auto it = object.begin(); object.is_object() && it != object.end(); ++it) {
    if (it->is_string()) {
      texts[it.key()] = it->get<std::string>();
    }
  }
  return texts;
}

void ReadDependencies(const json& list, ProvenanceFacts& facts) {
  for (const json& item : list.is_array() ? list : json::array()) {
    const std::string name = Text(item, "name");
    if (name == kManifest) {
      facts.manifest_hash = DigestIn(item);
    } else if (name == kSource) {
      facts.source_hash = DigestIn(item);
    } else if (name == kBase) {
      facts.base_digest = DigestIn(item);
      facts.base_name = Text(Member(item, "annotations"), "reference");
    }
  }
}

void ReadRunDetails(const json& run, ProvenanceFacts& facts) {
  facts.builder_version = Text(Member(Member(run, "builder"), "version"), "casemate");
  const json& metadata = Member(run, "metadata");
  facts.invocation_id = Text(metadata, "invocationId");
  facts.started = Text(metadata, "startedOn");
  facts.finished = Text(metadata, "finishedOn");
  const json& byproducts = Member(run, "byproducts");
  for (const json& item : byproducts.is_array() ? byproducts : json::array()) {
    if (Text(item, "name") == kSbom) {
      facts.sbom_digest = DigestIn(item);
    }
  }
}

}  // namespace

Result<std::string> ProvenanceStatement(const ProvenanceFacts& facts) {
  if (auto checked = CheckDigests(facts); !checked) {
    return checked.error();
  }
  json subjects = json::array();
  for (const ProvenanceSubject& subject : facts.subjects) {
    subjects.push_back({{"name", subject.name}, {"digest", DigestSet(subject.digest)}});
  }
  const json statement = {{"_type", kStatementType},
                          {"subject", std::move(subjects)},
                          {"predicateType", kPredicateType},
                          {"predicate",
                           {{"buildDefinition",
                             {{"buildType", kBuildType},
                              {"externalParameters", facts.parameters},
                              {"internalParameters", facts.environment},
                              {"resolvedDependencies", ResolvedDependencies(facts)}}},
                            {"runDetails", RunDetails(facts)}}}};
  return DumpJson(statement);
}

Result<ProvenanceFacts> ParseStatement(std::string_view statement) {
  auto root = ParseJson(statement, {.max_bytes = kMaxEnvelopeBytes, .max_depth = 32});
  if (!root) {
    return root.error();
  }
  if (Text(*root, "_type") != kStatementType || Text(*root, "predicateType") != kPredicateType) {
    return InvalidArgument({}, "expected an in-toto statement v1 with provenance of SLSA v1");
  }
  ProvenanceFacts facts;
  const json& subjects = Member(*root, "subject");
  if (!subjects.is_array() || subjects.size() > kMaxSubjects) {
    return InvalidArgument("subject", "expected a list of at most 64");
  }
  for (const json& subject : subjects) {
    facts.subjects.push_back({Text(subject, "name"), DigestIn(subject)});
  }
  const json& predicate = Member(*root, "predicate");
  const json& definition = Member(predicate, "buildDefinition");
  if (Text(definition, "buildType") != kBuildType) {
    return InvalidArgument("buildType", "expected " + std::string(kBuildType));
  }
  facts.parameters = TextsIn(Member(definition, "externalParameters"));
  facts.environment = TextsIn(Member(definition, "internalParameters"));
  ReadDependencies(Member(definition, "resolvedDependencies"), facts);
  ReadRunDetails(Member(predicate, "runDetails"), facts);
  if (auto checked = CheckDigests(facts); !checked) {
    return checked.error();
  }
  return facts;
}

}  // namespace casemate::artifacts
