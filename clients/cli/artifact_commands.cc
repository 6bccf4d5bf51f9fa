#include "clients/cli/artifact_commands.h"

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <iostream>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/signing_key.h"
#include "base/text.h"
#include "clients/cli/command_line.h"
#include "clients/cli/table.h"
#include "clients/cli/terminal.h"
#include "tools/artifacts/artifact_export.h"

namespace casemate::cli {
namespace {

using artifacts::Artifact;
using artifacts::ArtifactCheck;
using artifacts::ArtifactStore;
using nlohmann::json;

constexpr const char* kIdHelp = "Its id, or the beginning of it; `artifact list` names them";
constexpr std::int64_t kMaxMb = std::int64_t{1} << 30;
constexpr std::int64_t kMaxDays = 36'500;
constexpr std::int64_t kDayMs = std::int64_t{24} * 3600 * 1000;

int Fail(const Error& error) {
  std::cerr << "casemate: " << Describe(error) << '\n';
  return error.code == ErrorCode::kInvalidArgument ? kExitUsage : kExitFailure;
}

std::string Megabytes(std::int64_t bytes) {
  constexpr std::int64_t kTenth = (std::int64_t{1} << 20) / 10;
  const std::int64_t tenths = (bytes + kTenth - 1) / kTenth;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

json ToJson(const Artifact& artifact) {
  return {{"id", artifact.id},
          {"name", artifact.name},
          {"tag", artifact.tag},
          {"kind", artifact.kind},
          {"created", artifact.created},
          {"bytes", artifact.bytes},
          {"image_digest", artifact.image_digest},
          {"manifest_hash", artifact.manifest_hash},
          {"source_hash", artifact.source_hash},
          {"sbom_digest", artifact.sbom_digest},
          {"provenance_digest", artifact.provenance_digest},
          {"pushed_to", artifact.pushed_to},
          {"principal", artifact.owner.principal},
          {"tenant", artifact.owner.tenant}};
}

int List(const ArtifactListArgs& args, ArtifactStore& store) {
  std::vector<Artifact> all;
  std::string cursor;
  do {
    auto page = store.List(std::nullopt, args.name, ArtifactStore::kMaxPage, cursor);
    if (!page) {
      return Fail(page.error());
    }
    cursor = page->next;
    for (Artifact& artifact : page->artifacts) {
      all.push_back(std::move(artifact));
    }
  } while (!cursor.empty());
  if (args.json) {
    json items = json::array();
    for (const Artifact& artifact : all) {
      items.push_back(ToJson(artifact));
    }
    std::cout << DumpJson({{"artifacts", std::move(items)}}) << '\n';
    return Flushed(kExitOk, kExitFailure);
  }
  if (all.empty()) {
    std::cout << (args.name.empty() ? "There are no artifacts.\n"
                                    : "There are no artifacts of that name.\n");
    return Flushed(kExitOk, kExitFailure);
  }
  std::vector<std::vector<std::string>> rows = {
      {"ID", "IMAGE", "KIND", "SIZE", "CREATED", "PRINCIPAL", "PUSHED TO"}};
  for (const Artifact& artifact : all) {
    rows.push_back({artifact.id, artifact.Reference(), artifact.kind, Megabytes(artifact.bytes),
                    artifact.created, artifact.owner.principal,
                    artifact.pushed_to.empty() ? "-" : Join(artifact.pushed_to, ",")});
  }
  PrintTable(rows);
  return Flushed(kExitOk, kExitFailure);
}

int Print(const Result<std::string>& text) {
  if (!text) {
    return Fail(text.error());
  }
  std::cout << *text << (text->ends_with('\n') ? "" : "\n");
  return Flushed(kExitOk, kExitFailure);
}

int PrintFacts(const Artifact& artifact) {
  const auto known = [](const std::string& text) { return text.empty() ? "-" : text; };
  PrintTable({{"id", artifact.id},
              {"image", artifact.Reference()},
              {"digest", artifact.image_digest},
              {"size", Megabytes(artifact.bytes)},
              {"created", artifact.created},
              {"principal", artifact.owner.principal},
              {"manifest", known(artifact.manifest_hash)},
              {"sources", known(artifact.source_hash)},
              {"sbom", artifact.sbom_digest},
              {"provenance", artifact.provenance_digest},
              {"pushed to", known(Join(artifact.pushed_to, ", "))}});
  return Flushed(kExitOk, kExitFailure);
}

int Get(const ArtifactGetArgs& args, ArtifactStore& store, const std::string& state_dir) {
  auto artifact = store.Get(std::nullopt, args.id);
  if (!artifact) {
    return Fail(artifact.error());
  }
  if (args.sbom) {
    return Print(store.ReadSbom(*artifact));
  }
  if (args.provenance) {
    return Print(store.ReadProvenance(*artifact));
  }
  if (args.public_key) {
    auto key = VerifyingKey::Load(state_dir);
    return Print(key ? Result(key->Pem()) : Result<std::string>(key.error()));
  }
  if (args.output == "-" && args.json) {
    return Fail(InvalidArgument("--json", "standard output can hold the image or JSON, not both"));
  }
  if (!args.output.empty()) {
    const auto format = args.format == "docker-archive" ? artifacts::ExportFormat::kDockerArchive
                                                        : artifacts::ExportFormat::kOci;
    if (auto done = artifacts::ExportArtifact(store.blobs(), *artifact, format, args.output);
        !done) {
      return Fail(done.error());
    }
    std::cerr << "Wrote " << artifact->id << " to " << EscapeControls(args.output, false) << ".\n";
  }
  if (args.json) {
    std::cout << DumpJson(ToJson(*artifact)) << '\n';
    return Flushed(kExitOk, kExitFailure);
  }
  return args.output.empty() ? PrintFacts(*artifact) : kExitOk;
}

int Verify(const ArtifactVerifyArgs& args, ArtifactStore& store, const std::string& state_dir) {
  if (auto artifact = store.Get(std::nullopt, args.id); !artifact) {
    return Fail(artifact.error());
  }
  auto key = VerifyingKey::Load(state_dir);
  if (!key) {
    return Fail(key.error());
  }
  auto verification = store.Verify(std::nullopt, args.id, *key);
  if (!verification) {
    return Fail(verification.error());
  }
  const int code = verification->is_whole() ? kExitOk : kExitFailure;
  if (args.json) {
    json checks = json::array();
    for (const ArtifactCheck& check : verification->checks) {
      checks.push_back({{"what", check.what},
                        {"digest", check.digest},
                        {"ok", check.is_whole},
                        {"detail", check.detail}});
    }
    std::cout << DumpJson({{"id", verification->artifact.id},
                           {"ok", verification->is_whole()},
                           {"checks", std::move(checks)}})
              << '\n';
    return Flushed(code, kExitFailure);
  }
  for (const ArtifactCheck& check : verification->checks) {
    std::cout << (check.is_whole ? Paint(STDOUT_FILENO, Colour::kGreen, "ok  ")
                                 : Paint(STDOUT_FILENO, Colour::kRed, "FAIL"))
              << "  " << EscapeControls(check.what, false);
    if (!check.digest.empty()) {
      std::cout << "  " << check.digest;
    }
    if (!check.detail.empty()) {
      std::cout << ": " << EscapeControls(check.detail, false);
    }
    std::cout << '\n';
  }
  return Flushed(code, kExitFailure);
}

int Rm(const ArtifactRmArgs& args, ArtifactStore& store) {
  auto removed = store.Remove(std::nullopt, args.id);
  if (!removed) {
    return Fail(removed.error());
  }
  std::cerr << "Removed " << removed->id << ".\n";
  return kExitOk;
}

int Prune(const ArtifactPruneArgs& args, ArtifactStore& store) {
  artifacts::PruneOptions options;
  options.max_bytes = args.max_mb < 0 ? -1 : args.max_mb << 20;
  options.max_age_ms = args.max_age_days < 0 ? -1 : args.max_age_days * kDayMs;
  auto pruned = store.Prune(options);
  if (!pruned) {
    return Fail(pruned.error());
  }
  if (args.json) {
    std::cout << DumpJson({{"artifacts", pruned->artifacts},
                           {"blobs", pruned->blobs},
                           {"bytes", pruned->bytes}})
              << '\n';
    return Flushed(kExitOk, kExitFailure);
  }
  for (const std::string& id : pruned->artifacts) {
    std::cout << "removed " << id << '\n';
  }
  std::cout << pruned->artifacts.size() << " artifacts removed, " << Megabytes(pruned->bytes)
            << " freed\n";
  return Flushed(kExitOk, kExitFailure);
}

}  // namespace

void AddArtifact(CLI::App& app, ArtifactFlags& flags) {
  app.require_subcommand(1);
  CLI::App* list = app.add_subcommand("list", "The artifacts, the newest first");
  list->add_option("--name", flags.list.name, "Only those of this name");
  list->add_flag("--json", flags.list.json, "Print JSON");
  CLI::App* get = app.add_subcommand("get", "What is known of one, or the image itself");
  get->add_option("id", flags.get.id, kIdHelp)->required();
  CLI::Option* output = get->add_option(
      "--output", flags.get.output,
      "Write the image to FILE.tar, to - (standard output), or to a directory (oci only)");
  get->add_option("--format", flags.get.format,
                  "oci: an OCI image layout; docker-archive: for `docker load` before version 25")
      ->check(CLI::IsMember({"oci", "docker-archive"}))
      ->needs(output)
      ->capture_default_str();
  CLI::Option* sbom =
      get->add_flag("--sbom", flags.get.sbom, "Print its bill of materials (CycloneDX)");
  CLI::Option* provenance = get->add_flag("--provenance", flags.get.provenance,
                                          "Print its provenance: a signed envelope (DSSE)");
  CLI::Option* key = get->add_flag("--public-key", flags.get.public_key,
                                   "Print the key that verifies signatures of this installation");
  sbom->excludes(output)->excludes(provenance)->excludes(key);
  provenance->excludes(output)->excludes(key);
  key->excludes(output);
  get->add_flag("--json", flags.get.json, "Print JSON");
  get->footer("Example: casemate artifact get shop --output shop.tar && podman load -i shop.tar");
  CLI::App* verify = app.add_subcommand(
      "verify", "Read all of it again and check its signature; exit 1 if it is not whole");
  verify->add_option("id", flags.verify.id, kIdHelp)->required();
  verify->add_flag("--json", flags.verify.json, "Print JSON");
  CLI::App* rm = app.add_subcommand("rm", "Remove one, and what no other one shares with it");
  rm->add_option("id", flags.rm.id, kIdHelp)->required();
  CLI::App* prune =
      app.add_subcommand("prune", "Remove the oldest, and what killed processes left");
  prune->add_option("--max-mb", flags.prune.max_mb, "Keep at most so many MiB")
      ->check(CLI::Range(std::int64_t{0}, kMaxMb));
  prune->add_option("--max-age-days", flags.prune.max_age_days, "Keep nothing older")
      ->check(CLI::Range(std::int64_t{0}, kMaxDays));
  prune->add_flag("--json", flags.prune.json, "Print JSON");
}

ArtifactArgs ArtifactWork(const CLI::App& app, ArtifactFlags flags) {
  if (app.got_subcommand("list")) {
    return std::move(flags.list);
  }
  if (app.got_subcommand("get")) {
    return std::move(flags.get);
  }
  if (app.got_subcommand("verify")) {
    return std::move(flags.verify);
  }
  if (app.got_subcommand("rm")) {
    return std::move(flags.rm);
  }
  return flags.prune;
}

int ArtifactCommand(const ArtifactArgs& args, ArtifactStore& store, const std::string& state_dir) {
  if (const auto* list = std::get_if<ArtifactListArgs>(&args)) {
    return List(*list, store);
  }
  if (const auto* get = std::get_if<ArtifactGetArgs>(&args)) {
    return Get(*get, store, state_dir);
  }
  if (const auto* verify = std::get_if<ArtifactVerifyArgs>(&args)) {
    return Verify(*verify, store, state_dir);
  }
  if (const auto* rm = std::get_if<ArtifactRmArgs>(&args)) {
    return Rm(*rm, store);
  }
  return Prune(std::get<ArtifactPruneArgs>(args), store);
}

}  // namespace casemate::cli
