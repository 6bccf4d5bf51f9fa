#include "clients/cli/package_command.h"

#include <CLI/CLI.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "clients/cli/call_outcome.h"
#include "clients/cli/command_line.h"
#include "clients/cli/containers_commands.h"
#include "tools/package/manifest.h"

namespace casemate::cli {
namespace {

using nlohmann::json;

struct FreeText {
  void operator()(char* text) const {
    std::free(text);  // NOLINT(cppcoreguidelines-no-malloc,cppcoreguidelines-owning-memory)
  }
};

struct Place {
  std::string directory;  // absolute, without links
  std::string manifest;   // in it
};

Result<Place> PlaceOf(const std::string& path) {
  const std::unique_ptr<char, FreeText> real(realpath(path.c_str(), nullptr));
  struct stat info{};
  if (real == nullptr || stat(real.get(), &info) != 0) {
    return ErrnoError("cannot open " + Quoted(path), errno);
  }
  const std::string whole = real.get();
  if (S_ISDIR(info.st_mode)) {
    return Place{whole, std::string(package::kManifestFile)};
  }
  const std::size_t slash = whole.rfind('/');
  return Place{slash == 0 ? "/" : whole.substr(0, slash), whole.substr(slash + 1)};
}

// What is under way, a line each, for people who wait.
class Lines : public tools::ProgressSink {
 public:
  void Report(double /*progress*/, std::optional<double> /*total*/,
              std::string_view message) override {
    std::cerr << EscapeControls(message, false) << '\n';
  }
};

std::string_view WordsOf(const json& container) {
  if (!container.contains("reproduced")) {
    return "";
  }
  return container["reproduced"].get<bool>() ? "  reproduced" : "  NOT reproduced";
}

void PrintDrift(const json& drift) {
  for (const json& file : drift.value("files", json::array())) {
    std::cout << "  " << file["change"].get<std::string>() << "  "
              << EscapeControls(file["path"].get<std::string>(), false) << "  "
              << file["attributes"].dump() << '\n';
  }
  for (const json& each : drift.value("config", json::array())) {
    std::cout << "  config " << each["pointer"].get<std::string>() << ": "
              << each["before"].get<std::string>() << " → " << each["after"].get<std::string>()
              << '\n';
  }
}

int Print(const PackageArgs& args, const tools::ToolResult& result, int signal) {
  if (args.json) {
    std::cout << result.structured.dump(2) << '\n' << std::flush;
  }
  if (result.is_error) {
    PrintError(result.structured.value("error", json::object()), result.text);
    return signal != 0 ? kExitSignalBase + signal : kExitFailure;
  }
  int code = kExitOk;
  for (const json& each : result.structured["containers"]) {
    code = each.value("reproduced", true) ? code : kExitFailure;
  }
  if (args.json) {
    return code;
  }
  for (const json& each : result.structured["containers"]) {
    std::cout << each["reference"].get<std::string>() << "  "
              << each["image_digest"].get<std::string>()
              << (each["cached"].get<bool>() ? "  unchanged" : "") << WordsOf(each) << '\n';
    PrintDrift(each.value("drift", json::object()));
    for (const json& note : each["notes"]) {
      std::cerr << "note: " << note.get<std::string>() << '\n';
    }
  }
  for (const json& each : result.structured["pushed"]) {
    std::cout << "pushed " << each["reference"].get<std::string>() << '\n';
  }
  std::cout << std::flush;
  return code;
}

}  // namespace

void AddPackage(CLI::App& app, PackageArgs& args) {
  app.add_option("path", args.path,
                 "A manifest, or the directory that holds casemate.json; default: this one");
  app.add_option("--container", args.containers, "One of the manifest's; repeatable; default: all")
      ->allow_extra_args(false);
  app.add_option("--format", args.format,
                 "Media types: oci, or docker, from which Podman takes health checks")
      ->check(CLI::IsMember({"oci", "docker"}));
  app.add_flag("--no-cache", args.no_cache, "Make all of it anew");
  app.add_flag("--verify", args.verify,
               "Make all of it twice and tell drift by file; exit 1 if there is any");
  app.add_flag("--push", args.push,
               "Push to the manifest's registry; `packages.push` must allow it");
  app.add_flag("--json", args.json, "Print JSON");
}

int PackageCommand(const PackageArgs& args, const WithProjectCalls& with_calls) {
  const auto place = PlaceOf(args.path);
  if (!place) {
    std::cerr << "casemate: " << Describe(place.error()) << '\n';
    return kExitUsage;
  }
  json call = {{"workspace", place->directory}, {"manifest", place->manifest},
               {"format", args.format},         {"no_cache", args.no_cache},
               {"verify", args.verify},         {"push", args.push}};
  if (!args.containers.empty()) {
    call["containers"] = args.containers;
  }
  Result<tools::ToolResult> done = Error{ErrorCode::kInternal, "no call was made", {}, {}, 0};
  int signal = 0;
  const auto stood = with_calls(place->directory, [&](ToolCalls& calls) {
    Lines lines;
    done = calls.Call("build", call, {.progress = args.json ? nullptr : &lines});
    signal = calls.signal();
  });
  if (!stood || !done) {
    std::cerr << "casemate: " << Describe(stood ? done.error() : stood.error()) << '\n';
    return kExitFailure;
  }
  return Print(args, *done, signal);
}

}  // namespace casemate::cli
