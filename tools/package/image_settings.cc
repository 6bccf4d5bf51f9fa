#include "tools/package/image_settings.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "tools/package/graph.h"

namespace casemate::package {
namespace {

// What this program was built for; its init is, too.
#if defined(__x86_64__)
constexpr std::string_view kOwnArchitecture = "amd64";
#elif defined(__aarch64__)
constexpr std::string_view kOwnArchitecture = "arm64";
#else
constexpr std::string_view kOwnArchitecture = "";
#endif

bool AsksOverNetwork(const std::optional<HealthCheck>& check) {
  return check && check->kind != HealthCheck::Kind::kCommand;
}

std::vector<const Application*> AppsOf(const Manifest& manifest, const Container& container) {
  std::vector<const Application*> apps;
  for (const std::string& name : container.applications) {
    if (const Application* app = manifest.FindApplication(name)) {
      apps.push_back(app);
    }
  }
  return apps;
}

// Whose check holds for an image with one application.
std::optional<HealthCheck> CheckOf(const Container& container,
                                   const std::vector<const Application*>& apps) {
  if (container.health_check || apps.size() != 1) {
    return container.health_check;
  }
  return apps.front()->health_check;
}

container::InitHealth InitHealthOf(const std::optional<HealthCheck>& check) {
  using Kind = container::InitHealth::Kind;
  container::InitHealth health;
  if (!check) {
    health.kind = Kind::kProcess;
    return health;
  }
  health.kind = check->kind == HealthCheck::Kind::kHttp  ? Kind::kHttp
                : check->kind == HealthCheck::Kind::kTcp ? Kind::kTcp
                                                         : Kind::kCommand;
  health.port = check->port;
  health.path = check->path;
  health.command = check->command;
  health.interval_s = check->interval_s;
  health.timeout_s = check->timeout_s;
  health.retries = check->retries;
  health.start_period_s = check->start_period_s;
  return health;
}

container::InitApp InitAppOf(const Application& app, const Container& container) {
  container::InitApp made;
  made.name = app.name;
  made.argv = app.command;
  made.directory = PlaceOf(app);
  made.env.assign(app.environment.begin(), app.environment.end());
  for (const std::string& before : app.depends_on) {
    if (std::ranges::find(container.applications, before) != container.applications.end()) {
      made.depends_on.push_back(before);
    }
  }
  made.health = InitHealthOf(app.health_check);
  if (!container.stop_signal.empty()) {
    made.stop_signal = container.stop_signal;
  }
  return made;
}

// The command of a container with at most one application.
std::vector<std::string> CommandOf(const Container& container,
                                   const std::vector<const Application*>& apps) {
  if (!container.command.empty() || apps.empty() || !container.entrypoint.empty()) {
    return container.command;
  }
  return apps.front()->command;
}

oci::ImageHealthCheck ImageCheckOf(const HealthCheck& check) {
  return {check.command, check.interval_s, check.timeout_s, check.start_period_s, check.retries};
}

// The engine asks the init, which asks as each application's own check says.
oci::ImageHealthCheck AskInit(const std::vector<const Application*>& apps) {
  oci::ImageHealthCheck asked;
  asked.command = {std::string(container::kInitPath), "health"};
  asked.interval_s = 10;
  for (const Application* app : apps) {
    if (app->health_check) {
      asked.interval_s = std::min(asked.interval_s, app->health_check->interval_s);
      asked.start_period_s = std::max(asked.start_period_s, app->health_check->start_period_s);
    }
  }
  return asked;
}

}  // namespace

std::string PlaceOf(const Application& app) {
  return std::string(kAppRoot) + (app.path.empty() ? "" : "/" + app.path);
}

Result<std::optional<container::InitConfig>> InitOf(const Manifest& manifest,
                                                    const Container& container) {
  const auto apps = AppsOf(manifest, container);
  const auto check = CheckOf(container, apps);
  if (apps.size() <= 1 && !AsksOverNetwork(check)) {
    return std::optional<container::InitConfig>();
  }
  if (manifest.packaging.architecture != kOwnArchitecture) {
    return InvalidArgument(
        "packaging.architecture",
        "expected " + Quoted(kOwnArchitecture) + ", the only one that the init of " +
            Quoted(container.name) + " is there for (several applications, or a " +
            "health check by http or tcp), got " + Quoted(manifest.packaging.architecture));
  }
  if (apps.empty() || (apps.size() == 1 && !container.entrypoint.empty())) {
    return InvalidArgument("containers[" + container.name + "].health_check",
                           "expected `command` for a container with an entrypoint of its own or "
                           "without an application, got `http` or `tcp`");
  }
  container::InitConfig init;
  const auto order = BuildOrder(manifest);
  if (!order) {
    return order.error();
  }
  for (const std::string& name : *order) {
    if (std::ranges::find(container.applications, name) != container.applications.end()) {
      init.apps.push_back(InitAppOf(*manifest.FindApplication(name), container));
    }
  }
  if (apps.size() == 1) {
    init.apps[0].health = InitHealthOf(check);
    init.apps[0].argv = CommandOf(container, apps);
    if (!container.working_directory.empty()) {
      init.apps[0].directory = container.working_directory;
    }
  }
  return std::optional(std::move(init));
}

oci::ImageSettings SettingsOf(const Manifest& manifest, const Container& container,
                              const Identity& identity, bool init) {
  const auto apps = AppsOf(manifest, container);
  oci::ImageSettings settings;
  settings.architecture = manifest.packaging.architecture;
  settings.created_s = manifest.packaging.source_date_epoch;
  settings.user = container.user.value_or(std::string(kDefaultUser));
  settings.working_directory = container.working_directory;
  if (settings.working_directory.empty()) {
    settings.working_directory = apps.size() == 1 ? PlaceOf(*apps.front())
                                 : apps.empty()   ? ""
                                                  : std::string(kAppRoot);
  }
  settings.entrypoint = container.entrypoint;
  settings.environment = container.environment;
  if (init) {
    settings.entrypoint = {std::string(container::kInitPath)};
    settings.has_command = true;
    settings.health_check = AskInit(apps);
  } else {
    settings.command = CommandOf(container, apps);
    settings.has_command = !settings.command.empty();
    if (const auto check = CheckOf(container, apps)) {
      settings.health_check = ImageCheckOf(*check);
    }
    for (const Application* app : apps) {
      settings.environment.insert(app->environment.begin(), app->environment.end());
    }
  }
  settings.ports = container.ports;
  for (const Application* app : apps) {
    if (app->port && std::ranges::find(settings.ports, *app->port) == settings.ports.end()) {
      settings.ports.push_back(*app->port);
    }
  }
  settings.volumes = container.volumes;
  settings.labels = container.labels;
  settings.labels.emplace("casemate.identity", identity.Id());
  settings.labels.emplace("org.opencontainers.image.title", container.name);
  if (!manifest.version.empty()) {
    settings.labels.emplace("org.opencontainers.image.version", manifest.version);
  }
  settings.stop_signal = init ? "SIGTERM" : container.stop_signal;
  return settings;
}

}  // namespace casemate::package
