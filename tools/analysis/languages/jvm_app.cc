// From a build of the JVM to the application: framework, ports, health, variables.
//
// Traits: "java.packaging" (JvmBuild::packaging), "java.main_class", "java.port_variable" (a
// variable of the environment that sets the port), "java.server" ("tomcat9", "tomcat10", "liberty",
// "wildfly", "weblogic": what a war is deployed to), "java.tool" ("maven", …), "java.wrapper"
// ("1").
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <tuple>

#include <nlohmann/json.hpp>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/documents.h"
#include "tools/analysis/languages/findings.h"
#include "tools/analysis/languages/jvm.h"
#include "tools/analysis/names.h"
#include "tools/analysis/needs.h"

namespace casemate::analysis {

using nlohmann::json;

namespace {

struct JvmFramework {
  std::string_view dependency;  // begins so
  std::string_view name;
  std::string_view port;
  std::string_view variable;  // that sets its port; empty: none
  bool serves = true;
};

// Those that wrap others come first.
constexpr auto kFrameworks = std::to_array<JvmFramework>({
    {"io.quarkus:quarkus-picocli", "quarkus", "", "", false},
    {"io.quarkus:", "quarkus", "8080", "QUARKUS_HTTP_PORT"},
    {"io.micronaut.picocli:", "micronaut", "", "", false},
    {"io.micronaut:", "micronaut", "8080", "MICRONAUT_SERVER_PORT"},
    {"org.springframework.boot:spring-boot-starter-web", "spring-boot", "8080", "SERVER_PORT"},
    {"org.springframework.boot:spring-boot-starter-jersey", "spring-boot", "8080", "SERVER_PORT"},
    {"org.springframework.boot:spring-boot-starter-data-rest", "spring-boot", "8080",
     "SERVER_PORT"},
    {"org.springframework.cloud:spring-cloud-starter-gateway", "spring-boot", "8080",
     "SERVER_PORT"},
    {"org.springframework.cloud:spring-cloud-config-server", "spring-boot", "8888", "SERVER_PORT"},
    {"org.springframework.cloud:spring-cloud-starter-netflix-eureka-server", "spring-boot", "8761",
     "SERVER_PORT"},
    {"de.codecentric:spring-boot-admin-starter-server", "spring-boot", "8080", "SERVER_PORT"},
    {"com.vaadin:vaadin-spring-boot-starter", "spring-boot", "8080", "SERVER_PORT"},
    {"org.springframework.boot:spring-boot-starter", "spring-boot", "", "", false},
    {"io.ktor:ktor-server", "ktor", "8080", ""},
    {"io.dropwizard:", "dropwizard", "8080", ""},
    {"io.helidon", "helidon", "8080", "SERVER_PORT"},
    {"io.javalin:", "javalin", "8080", ""},
    {"com.sparkjava:", "spark-java", "4567", ""},
    {"org.http4k:", "http4k", "8080", ""},
    {"com.linecorp.armeria:", "armeria", "8080", ""},
    {"io.jooby:", "jooby", "8080", ""},
    {"io.ratpack:", "ratpack", "5050", ""},
    {"io.vertx:", "vertx", "8080", ""},
    {"com.typesafe.play:", "play", "9000", ""},
    {"org.playframework:", "play", "9000", ""},
    {"com.typesafe.akka:akka-http", "akka-http", "8080", ""},
    {"org.apache.pekko:pekko-http", "pekko-http", "8080", ""},
    {"org.http4s:http4s-", "http4s", "8080", ""},
    {"dev.zio:zio-http", "zio-http", "8080", ""},
    {"com.lihaoyi:cask", "cask", "8080", ""},
    {"com.twitter:finatra", "finatra", "8888", ""},
    {"io.pedestal:", "pedestal", "8080", ""},
    {"luminus", "luminus", "3000", ""},
    {"compojure:", "compojure", "3000", ""},
    {"metosin:reitit", "reitit", "3000", ""},
    {"http-kit:", "http-kit", "8080", ""},
    {"ring:", "ring", "3000", ""},
    {"org.eclipse.jetty:jetty-server", "jetty", "8080", ""},
    {"io.undertow:undertow-core", "undertow", "8080", ""},
    {"io.grpc:", "grpc", "50051", ""},  // clients have it, too
});

const CodePatterns& Patterns() {
  static const CodePatterns kPatterns{
      .suffixes = {".java", ".kt", ".scala", ".clj", ".groovy"},
      .environment =
          {
              {R"re(getenv\(\s*"(\w+)"\s*\)\s*(?:\?\.\w+\(\)\s*)?\?:\s*(?:throw|error\(|fail))re",
               true},
              {R"re(getenv\(\s*"(\w+)"\s*\)\s*!!)re", true},
              {R"re(requireNonNull\(\s*System\.getenv\(\s*"(\w+)"\s*\))re", true},
              {R"re(getenv\(\s*"(\w+)"\s*\)\s*(?:\?\.\w+\(\)\s*)?\?:\s*"([^"]*)")re"},
              {R"re(getenv\(\s*"(\w+)"\s*\)\s*\?\.\w+\(\)\s*\?:\s*(\d+))re"},
              {R"re(getenv\(\)?(?:\.getOrDefault\()?\s*"(\w+)"\s*,\s*"([^"]*)"\s*\))re"},
              {R"re(getenv\(\)\.getOrDefault\(\s*"(\w+)"\s*,\s*"([^"]*)"\s*\))re"},
              {R"re(ofNullable\(\s*(?:System\.)?getenv\(\s*"(\w+)"\s*\)\s*\)[^;]{0,80}?\.orElse\(\s*"?([^")]*))re"},
              {R"re(getenv\(\s*"(\w+)"\s*\)\s*!=\s*null\s*\?[^:;]*:\s*"([^"]*)")re"},
              {R"re(getenv\(\s*"(\w+)"\s*\))re"},
              {R"re(getenv\(\)\.get\(\s*"(\w+)"\s*\))re"},
              {R"re(\(System/getenv\s+"(\w+)"\s*\))re"},
              {R"re(sys\.env\.getOrElse\(\s*"(\w+)"\s*,\s*"([^"]*)")re"},
              {R"re(sys\.env\.get\(\s*"(\w+)"\s*\))re"},
              {R"re(sys\.env\(\s*"(\w+)"\s*\))re", true},
              {R"re(@Value\(\s*"\$\{([A-Z][A-Z0-9_]*):([^}]*)\}"\s*\))re"},
              {R"re(@Value\(\s*"\$\{([A-Z][A-Z0-9_]*)\}"\s*\))re", true},
          },
      .ports =
          {
              R"re(\.listen\(\s*(\d{2,5})\b)re",
              R"re(\bport\s*=\s*(\d{2,5})\b)re",
              R"re((?i:getenv|getOrDefault|getOrElse)\W[^;\n]{0,20}"(?:\w*_)?PORT"[^;\n]{0,60}?\D(\d{2,5})\b)re",
              R"re(\bgetenv\s+"PORT"\)?\s+"?(\d{2,5})\b)re",
              R"re(\b(?:forPort|setPort|withPort|ServerSocket|InetSocketAddress|new\s+Server|\.start|\bport|addHttpListener|HttpServer\.create|bindHttp)\(\s*(?:"[\d.a-z]+"\s*,\s*)?(\d{2,5})\b)re",
              R"re((?i:\b\w*port)\s*(?::\s*Int\s*)?=\s*(?:Integer\.parseInt\()?"?(\d{2,5})\b)re",
              R"re(newServerAt\(\s*"[^"]*"\s*,\s*(\d{2,5}))re",
              R"re(port"(\d{2,5})")re",
              R"re(getInteger\(\s*"[\w.]*port"\s*,\s*(\d{2,5}))re",
              R"re(:port\s+(\d{2,5})\b)re",
          },
      .comments = {"//", "*", "/*", ";"},
  };
  return kPatterns;
}

// Placeholders of application.properties, application.yml, application.conf.
const CodePatterns& ConfigPatterns() {
  static const CodePatterns kPatterns{
      .suffixes = {},
      .environment = {{R"re(\$\{([A-Z][A-Z0-9_]*):([^}]*)\})re"},
                      {R"re(\$\{\?([A-Z][A-Z0-9_]*)\})re"},
                      {R"re(\$\{([A-Z][A-Z0-9_]*)\})re", true}},
      .ports = {},
      .comments = {"#", "//"},
  };
  return kPatterns;
}

// Values of application.properties and application.yml by their dotted names.
class Configuration {
 public:
  Configuration(const SourceTree& tree, const std::string& directory) : tree_(tree) {
    for (const char* place : {"src/main/resources", "conf", "resources", "config", ""}) {
      for (const char* name :
           {"application.properties", "application.yml", "application.yaml", "bootstrap.yml",
            "application.conf", "META-INF/microprofile-config.properties", "config.yml",
            "config.yaml"}) {
        std::string path = JoinPath(JoinPath(directory, place), name);
        if (tree.Has(path)) {
          files.push_back(std::move(path));
        }
      }
    }
  }

  // A placeholder with a default is its default; one without is nothing.
  [[nodiscard]] std::optional<Candidate> Get(std::string_view name) const {
    for (const std::string& path : files) {
      const std::string value = path.ends_with(".properties") ? InProperties(path, name)
                                : path.ends_with(".conf")     ? std::string()
                                                              : InYaml(path, name);
      static const RE2 kPlaceholder(R"(\$\{[^:}]*:([^}]*)\})");
      std::string plain;
      if (RE2::FullMatch(value, kPlaceholder, &plain)) {
        return Candidate{plain, {path, std::string(name)}, Confidence::kCertain};
      }
      if (!value.empty() && !value.starts_with("${")) {
        return Candidate{value, {path, std::string(name)}, Confidence::kCertain};
      }
    }
    return std::nullopt;
  }

  std::vector<std::string> files;

 private:
  [[nodiscard]] std::string InProperties(const std::string& path, std::string_view name) const {
    const std::string* text = tree_.Read(path);
    for (const std::string& line : SplitLines(text == nullptr ? std::string() : *text)) {
      const std::size_t sign = line.find_first_of("=:");
      if (sign != std::string::npos && Trim(std::string_view(line).substr(0, sign)) == name) {
        return std::string(Trim(std::string_view(line).substr(sign + 1)));
      }
    }
    return {};
  }
  [[nodiscard]] std::string InYaml(const std::string& path, std::string_view name) const {
    const json document = ReadYamlFile(tree_, path);
    std::string value = TextAt(document, name);
    return value.empty() ? TextOf(At(document, std::vector<std::string>{std::string(name)}))
                         : value;
  }

  const SourceTree& tree_;
};

bool IsPort(const std::string& text) {
  return !text.empty() && text.size() <= 5 && text != "0" &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

void AddConfiguredPort(const SourceTree& tree, const Configuration& configuration, App& app) {
  for (const char* name : {"server.port", "quarkus.http.port", "micronaut.server.port",
                           "ktor.deployment.port", "http.port"}) {
    const auto port = configuration.Get(name);
    if (port && IsPort(port->value)) {
      app.ports.emplace_back(port->value, port->source, port->confidence);
      return;
    }
  }
  if (app.framework.value_or(Finding()).value == "vertx") {
    for (const std::string& path : tree.Below(JoinPath(app.directory, "src/main/conf"), ".json")) {
      const std::string port =
          FirstMatch(TextOfFile(tree, path), R"re("http(?:\.server)?\.port"\s*:\s*"?(\d{2,5}))re");
      if (!port.empty()) {
        app.ports.emplace_back(port, Source{path, "http.port"}, Confidence::kCertain);
        return;
      }
    }
  }
  for (const std::string& path : configuration.files) {
    const std::string* text = tree.Read(path);
    static const RE2 kHocon(R"re((?m)^\s*(?:http\.)?port\s*[=:]\s*"?(\d{2,5})"?\s*$)re");
    // Dropwizard's and Helidon's, too: the first is the application's.
    static const RE2 kConnector(R"re((?m)^\s*(?:-\s+)?port:\s*(?:\$\{\w+:-)?(\d{2,5})\}?\s*$)re");
    std::string port;
    const bool is_hocon = path.ends_with(".conf");
    const bool is_dropwizard = app.framework.value_or(Finding()).value == "dropwizard";
    if (text != nullptr && ((is_hocon && RE2::PartialMatch(*text, kHocon, &port)) ||
                            (is_dropwizard && RE2::PartialMatch(*text, kConnector, &port)))) {
      app.ports.emplace_back(port, Source{path, "port"}, Confidence::kCertain);
      return;
    }
  }
}

void AddHealth(const JvmBuild& build, const Configuration& configuration, App& app) {
  const auto set = [&](std::string_view dependency, std::string path) {
    if (!app.health && HasDependency(build, dependency)) {
      app.health =
          Finding(std::move(path), {build.file, std::string(dependency)}, Confidence::kLikely);
    }
  };
  const auto value = [&](std::string_view name, std::string_view fallback) {
    const auto found = configuration.Get(name);
    return found ? found->value : std::string(fallback);
  };
  const bool is_elsewhere = configuration.Get("management.server.port").has_value();
  if (!is_elsewhere) {
    std::string context =
        value("server.servlet.context-path", value("spring.webflux.base-path", ""));
    context = context == "/" ? "" : context;
    set("org.springframework.boot:spring-boot-starter-actuator",
        context + value("management.endpoints.web.base-path", "/actuator") + "/health");
  }
  set("io.quarkus:quarkus-smallrye-health",
      value("quarkus.http.root-path", "") == "/"
          ? "/q/health"
          : value("quarkus.http.root-path", "") + "/q/health");
  set("io.micronaut:micronaut-management", "/health");
  set("io.helidon.webserver.observe:", "/observe/health");
  set("io.helidon.health:", "/health");
  set("org.eclipse.microprofile:microprofile", "/health");
}

const JvmFramework* AddFramework(const JvmBuild& build, bool opens_sockets, App& app) {
  for (const JvmFramework& framework : kFrameworks) {
    for (const Dependency& dependency : build.dependencies) {
      if (dependency.name.starts_with(framework.dependency) &&
          (framework.name != "grpc" || opens_sockets)) {
        app.framework =
            Finding(std::string(framework.name), dependency.source, Confidence::kCertain);
        return &framework;
      }
    }
  }
  return nullptr;
}

// Application servers by what a build says of them: dependencies, plugins, bills of materials.
struct WarServer {
  std::string_view sign;  // begins so
  std::string_view server;
  std::string_view framework;
  std::string_view run;  // empty: it has no usual one
  std::string_view port;
};
constexpr auto kWarServers = std::to_array<WarServer>({
    {"io.openliberty.", "liberty", "liberty", "server run defaultServer", "9080"},
    {"net.wasdev.wlp", "liberty", "liberty", "server run defaultServer", "9080"},
    {"com.ibm.websphere.appserver", "liberty", "liberty", "server run defaultServer", "9080"},
    {"com.oracle.weblogic", "weblogic", "weblogic", "", "7001"},
    {"org.jboss.eap", "wildfly", "jboss-eap", "standalone.sh -b 0.0.0.0", "8080"},
    {"org.jboss.bom", "wildfly", "jboss-eap", "standalone.sh -b 0.0.0.0", "8080"},
    {"org.wildfly.", "wildfly", "wildfly", "standalone.sh -b 0.0.0.0", "8080"},
    {"org.jboss.as.plugins:", "wildfly", "wildfly", "standalone.sh -b 0.0.0.0", "8080"},
});

// Parts of Jakarta EE that Tomcat has not.
bool NeedsWholePlatform(const JvmBuild& build) {
  for (const char* api : {"jakarta.platform:", "javax:javaee-",
                          "jakarta.ejb:", "javax.ejb:", "jakarta.jms:", "javax.jms:"}) {
    if (HasDependency(build, api)) {
      return true;
    }
  }
  return false;
}

// The port that the server's own configuration, or what deploys to it, states.
std::optional<Finding> ServerPort(const SourceTree& tree, const JvmBuild& build) {
  const std::string config = JoinPath(build.directory, "src/main/liberty/config/server.xml");
  static const RE2 kEndpoint(R"re(httpPort="(\d{2,5})")re");
  static const RE2 kOption(R"(-Djboss\.https?\.port=(\d{2,5}))");
  for (const auto& [path, pattern, field] :
       {std::tuple{config, &kEndpoint, "httpPort"}, std::tuple{build.file, &kOption, "javaOpts"}}) {
    const std::string* text = tree.Read(path);
    std::string port;
    if (text != nullptr && RE2::PartialMatch(*text, *pattern, &port)) {
      return Finding(port, {path, field}, Confidence::kCertain);
    }
  }
  return std::nullopt;
}

// What a war is deployed to when it cannot be started by itself.
void AddServer(const SourceTree& tree, const JvmBuild& build, App& app) {
  if (build.packaging != "war" || !build.run.empty()) {
    return;
  }
  const auto* const known =
      std::find_if(kWarServers.begin(), kWarServers.end(), [&](const WarServer& server) {
        return HasDependency(build, server.sign) ||
               std::any_of(build.signs.begin(), build.signs.end(),
                           [&](const std::string& sign) { return sign.starts_with(server.sign); });
      });
  const Source source{build.file, "packaging"};
  std::string port = "8080";
  if (known != kWarServers.end()) {
    app.traits["java.server"] = known->server;
    if (!known->run.empty()) {
      app.run = Finding(std::string(known->run), source, Confidence::kLikely);
    }
    if (!app.framework) {
      app.framework = Finding(std::string(known->framework), source, Confidence::kCertain);
    }
    port = known->port;
  } else if (NeedsWholePlatform(build)) {
    app.traits["java.server"] = "wildfly";
    app.run = Finding("standalone.sh -b 0.0.0.0", {}, Confidence::kGuess);
  } else {
    app.traits["java.server"] = HasDependency(build, "jakarta.") ? "tomcat10" : "tomcat9";
    app.run = Finding("catalina.sh run", source, Confidence::kLikely);
  }
  app.kind = AppKind::kService;
  if (auto stated = ServerPort(tree, build); stated && app.ports.empty()) {
    app.ports.push_back(*std::move(stated));
  }
  if (app.ports.empty()) {
    app.ports.emplace_back(port, Source{}, Confidence::kGuess);
  }
}

void AddServing(const SourceTree& tree, const JvmBuild& build, App& app) {
  const Configuration configuration(tree, build.directory);
  static const RE2 kListens(
      R"(ServerSocket\(|HttpServer\.create|\.createHttpServer|ServerBuilder\s*\.forPort|ServerBuilder\s*\.forAddress)");
  std::vector<std::string> files;
  for (const std::string& place : build.sources) {
    for (const char* suffix : {".java", ".kt", ".scala", ".clj"}) {
      const auto more = tree.Below(place, suffix);
      files.insert(files.end(), more.begin(), more.end());
    }
  }
  std::erase_if(files, [&](const std::string& file) {
    return IsBesideTheProject(
        std::string_view(file).substr(build.directory.empty() || !file.starts_with(build.directory)
                                          ? 0
                                          : build.directory.size() + 1));
  });
  const bool opens_sockets = std::any_of(files.begin(), files.end(), [&](const auto& file) {
    const std::string* text = tree.Read(file);
    return text != nullptr && RE2::PartialMatch(*text, kListens);
  });
  const JvmFramework* framework = AddFramework(build, opens_sockets, app);
  const bool serves = framework != nullptr ? framework->serves : opens_sockets;
  app.kind = serves ? AppKind::kService : AppKind::kProgram;
  if (serves) {
    AddConfiguredPort(tree, configuration, app);
    AddHealth(build, configuration, app);
  }
  CodeFacts configured = ScanFiles(tree, configuration.files, ConfigPatterns());
  AddCodeFacts(std::move(configured), app);
  CodeFacts facts = ScanFiles(tree, files, Patterns());
  const bool is_configured =
      !app.ports.empty() || (framework != nullptr && !framework->variable.empty());
  if (is_configured || !serves) {
    facts.ports.clear();  // a number in the code is then rather something else
  }
  if (!serves) {
    facts.health.reset();
  }
  std::erase_if(facts.ports,
                [](const Finding& port) { return IsPortOfAnotherService(port.value); });
  AddCodeFacts(std::move(facts), app);
  if (serves && app.ports.empty() && framework != nullptr) {
    app.ports.emplace_back(std::string(framework->port), Source{}, Confidence::kGuess);
  }
  if (framework != nullptr && !framework->variable.empty()) {
    app.traits["java.port_variable"] = framework->variable;
  }
}

// The class that `file` starts, with its package. Kotlin puts functions of no class into one that
// is named after the file.
std::string MainClassIn(const std::string& file, const std::string& text) {
  static const RE2 kPackage(R"((?m)^\s*package\s+([\w.]+))");
  std::string name;
  if (RE2::PartialMatch(text, kPackage, &name)) {
    name += '.';
  }
  const std::string_view base = NameOf(file);
  name += base.substr(0, base.rfind('.'));
  const bool is_top_level = file.ends_with(".kt") && text.find("@JvmStatic") == std::string::npos;
  name += is_top_level ? "Kt" : "";
  return name;
}

}  // namespace

bool HasDependency(const JvmBuild& build, std::string_view prefix) {
  return std::any_of(build.dependencies.begin(), build.dependencies.end(),
                     [&](const Dependency& other) { return other.name.starts_with(prefix); });
}

std::string UpTo(std::string_view directory, std::string_view workspace) {
  std::string up;
  while (directory != workspace && !directory.empty()) {
    up += "../";
    directory = ParentOf(directory);
  }
  return up;
}

std::string JavaRelease(std::string_view text) {
  static const RE2 kRelease(R"((?:VERSION_)?(?:1[._])?(\d{1,2})(?:[._+-].*)?)");
  std::string release;
  return RE2::FullMatch(std::string(text), kRelease, &release) ? release : std::string();
}

void AddJavaPins(const SourceTree& tree, const std::string& directory, Choice& choice) {
  static const RE2 kVersion(R"((?:[a-z][a-z-]*-)*(\d[\w.+]*?)(?:\.fx)?(?:-[a-z]+)?)");
  const auto add = [&](const std::string& text, Source source) {
    std::string version;
    if (RE2::FullMatch(text, kVersion, &version)) {
      choice.Add(version.starts_with("1.8") ? "8" : version, std::move(source));
    }
  };
  for (const char* name : {".java-version", ".jdk-version"}) {
    if (const auto place = FindUpwards(tree, directory, name)) {
      add(FirstLine(tree, JoinPath(*place, name)), {JoinPath(*place, name), ""});
    }
  }
  if (const auto place = FindUpwards(tree, directory, ".sdkmanrc")) {
    const std::string path = JoinPath(*place, ".sdkmanrc");
    static const RE2 kJava(R"((?m)^\s*java\s*=\s*(\S+))");
    std::string version;
    if (const std::string* text = tree.Read(path);
        text != nullptr && RE2::PartialMatch(*text, kJava, &version)) {
      add(version, {path, "java"});
    }
  }
  if (const auto pinned = ToolVersion(tree, directory, {"java"})) {
    add(pinned->value, pinned->source);
  }
  if (const auto place = FindUpwards(tree, directory, "system.properties")) {
    const std::string path = JoinPath(*place, "system.properties");
    static const RE2 kRuntime(R"((?m)^\s*java\.runtime\.version\s*[=:]\s*(\S+))");
    std::string version;
    if (const std::string* text = tree.Read(path);
        text != nullptr && RE2::PartialMatch(*text, kRuntime, &version)) {
      add(version, {path, "java.runtime.version"});
    }
  }
}

std::string FindMainClass(const SourceTree& tree, const std::string& directory) {
  static const RE2 kMain(
      R"((?m)public\s+static\s+void\s+main\s*\(|static\s+public\s+void\s+main\s*\(|^(?:suspend\s+)?fun\s+main\s*\(|def\s+main\s*\(\s*args|extends\s+(?:IO)?App\b)");
  std::string found;
  for (const char* place : {"src/main/java", "src/main/kotlin", "src/main/scala", "src"}) {
    for (const std::string& file : tree.Below(JoinPath(directory, place), "")) {
      if (!file.ends_with(".kt") && !file.ends_with(".java") && !file.ends_with(".scala")) {
        continue;
      }
      const std::string* text = tree.Read(file);
      if (text == nullptr || file.find("/test/") != std::string::npos ||
          !RE2::PartialMatch(*text, kMain)) {
        continue;
      }
      std::string name = MainClassIn(file, *text);
      if (!found.empty() && found != name) {
        return {};
      }
      found = std::move(name);
    }
    if (!found.empty()) {
      return found;
    }
  }
  return found;
}

Claimed DescribeJvm(const SourceTree& tree, JvmBuild build) {
  Claimed claimed;
  App& app = claimed.app;
  app.directory = build.directory;
  app.workspace = build.workspace;
  app.language = Finding(build.language, {build.file, ""}, Confidence::kCertain);
  if (!build.can_run) {
    claimed.is_library = true;
    return claimed;
  }
  app.name =
      Finding(PlainName(build.name, build.directory), {build.file, "name"}, Confidence::kCertain);
  AddJavaPins(tree, build.directory, build.version);
  app.version = build.version.Best();
  app.package_manager = Finding(build.tool, {build.file, ""}, Confidence::kCertain);
  app.package_manager_version = build.tool_version;
  app.lock_file = build.lock_file;
  app.install = build.install;
  app.build = build.build;
  if (build.sources.empty()) {
    build.sources.push_back(JoinPath(build.directory, "src"));
  }
  AddServing(tree, build, app);
  if (!build.output.empty()) {
    app.output = Finding(build.output, {build.file, ""}, Confidence::kLikely);
  }
  if (!build.run.empty()) {
    app.run = Finding(build.run, {build.file, ""}, Confidence::kLikely);
  }
  AddServer(tree, build, app);
  app.dependencies = build.dependencies;
  AddNeeds(Ecosystem::kMaven, app);
  app.traits["java.packaging"] = build.packaging;
  app.traits["java.tool"] = build.tool;
  if (build.has_wrapper) {
    app.traits["java.wrapper"] = "1";
  }
  if (!build.main_class.empty()) {
    app.traits["java.main_class"] = build.main_class;
  }
  claimed.claim = app.kind == AppKind::kService ? Claim::kFramework : Claim::kRunnable;
  return claimed;
}

}  // namespace casemate::analysis
