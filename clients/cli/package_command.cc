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

int Print(const PackageArgs& args, const tools::ToolResult& result, int signal) {
  if (args.json) {
    std::cout << result.structured.dump(2) << '\n' << std::flush;
  }
  if (result.is_error) {
    PrintError(result.structured.value("error", json::object()), result.text);
    return signal != 0 ? kExitSignalBase + signal : kExitFailure;
  }
  if (args.json) {
    return kExitOk;
  }
  for (const json& each : result.structured["containers"]) {
    std::cout << each["reference"].get<std::string>() << "  "
              << each["image_digest"].get<std::string>()
              << (each["cached"].get<bool>() ? "  unchanged" : "") << '\n';
    for (const json& note : each["notes"]) {
      std::cerr << "note: " << note.get<std::string>() << '\n';
    }
  }
  for (const json& each : result.structured["pushed"]) {
    std::cout << "pushed " << each["reference"].get<std::string>() << '\n';
  }
  std::cout << std::flush;
  return kExitOk;
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
  json call = {{"workspace", place->directory},
               {"manifest", place->manifest},
               {"format", args.format},
               {"no_cache", args.no_cache},
               {"push", args.push}};
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
