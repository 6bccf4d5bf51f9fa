#include <algorithm>

#include "tools/analysis/names.h"
#include "tools/containerize/recipes/recipes.h"
#include "tools/containerize/versions.h"

namespace casemate::containerize {

namespace {

using analysis::JoinPath;

constexpr std::string_view kPort = "8080";
constexpr std::string_view kPages = "/usr/share/nginx/html";

// Frameworks whose pages are routes of one page, where no file of that name is there.
bool IsSinglePage(const Project& project) {
  const analysis::App& app = project.app();
  if (!app.framework) {
    return false;
  }
  const std::string& name = app.framework->value;
  for (const std::string_view routed :
       {"vite", "react", "create-react-app", "vue", "vue-cli", "angular", "svelte", "react-router",
        "ember", "blazor-wasm", "yew", "flutter", "preact", "solid", "elm"}) {
    if (name == routed) {
      return true;
    }
  }
  return false;
}

std::string Configuration(bool is_single_page) {
  const std::string standby = is_single_page ? "/index.html" : "=404";
  const std::string file = R"(worker_processes auto;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events { worker_connections 1024; }
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log /dev/stdout;
  client_body_temp_path /tmp/client; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  sendfile on; server_tokens off; gzip on;
  gzip_types text/css text/javascript application/javascript application/json image/svg+xml;
  server {
    absolute_redirect off;
    listen )" + std::string(kPort) +
                           R"(;
    root )" + std::string(kPages) +
                           R"(;
    location / { try_files $uri $uri/ $uri.html )" +
                           standby + R"(; }
  }
})";
  std::string text = "printf \"%s\\\\n\"";
  for (const std::string& line : analysis::SplitLines(file)) {
    text += " \\\n        '" + line + "'";
  }
  return text + " \\\n        > /etc/nginx/nginx.conf";
}

}  // namespace

void ServeFiles(Recipe& recipe, const Project& project, std::string_view directory) {
  Stage last("nginx:1.28-alpine-slim", "", "A small web server for files.");
  last.Run(Configuration(IsSinglePage(project)),
           IsSinglePage(project)
               ? "It listens where a user who is not root may, writes only to /tmp, and answers "
                 "paths that are "
                 "no files with the first page: they are routes in the browser."
               : "It listens where a user who is not root may, and writes only to /tmp.");
  last.WorkDir(std::string(kPages));
  // What the image brings is a page of its own.
  last.Run("rm -rf ./*", "The page that the image brings.");
  const std::string from = project.FromDirectory(directory);
  if (recipe.stages.empty()) {
    const std::string path = JoinPath(project.Directory(), directory == "." ? "" : from);
    last.Copy({path.empty() ? "." : directory == "." ? path : from}, "./", "The site.");
  } else {
    last.Copy({JoinPath(kRoot, from)}, "./", "The site.", {.stage = "build"});
  }
  recipe.port = {std::string(kPort), false};
  recipe.probe = ProbeTool::kBusybox;
  recipe.stop_signal = "SIGQUIT";
  recipe.entrypoint.clear();
  recipe.arguments = {"nginx", "-g", "daemon off;"};
  recipe.stages.push_back(std::move(last));
}

Recipe StaticSiteRecipe(const Project& project) {
  const analysis::App& app = project.app();
  Recipe recipe;
  const std::string output = app.output ? app.output->value : ".";
  if (app.build.empty()) {
    ServeFiles(recipe, project, output);
    return recipe;
  }
  const std::string framework = project.Framework();
  const std::string version = NumbersOf(project.Version());
  if (framework == "hugo") {
    Stage build("hugomods/hugo:exts-" + (version.empty() ? "0.147.0" : version), "build",
                project.VersionSource("a current release") + ".");
    build.WorkDir(std::string(kRoot));
    build.Copy({"."}, "./");
    RunAll(build, project, app.build, {}, {});
    recipe.stages.push_back(std::move(build));
  } else if (framework == "zola") {
    // Its image has no shell.
    Stage build("ghcr.io/getzola/zola:v" + (version.empty() ? "0.19.2" : version), "build",
                project.VersionSource("a current release") + ".");
    build.WorkDir(std::string(kRoot));
    build.Copy({"."}, "./");
    build.Run("[\"zola\", \"build\"]", "Its image has no shell.");
    recipe.stages.push_back(std::move(build));
  } else if (framework == "mdbook") {
    Stage build("rust:1-bookworm", "build", "mdBook is a program in Rust.");
    build.Run("cargo install --locked mdbook" + (version.empty() ? "" : " --version " + version),
              {}, {"/usr/local/cargo/registry"});
    build.WorkDir(std::string(kRoot));
    build.Copy({"."}, "./");
    RunAll(build, project, app.build, {}, {});
    recipe.stages.push_back(std::move(build));
  } else {
    recipe.problem =
        "there is no image known that has " + (framework.empty() ? "its generator" : framework);
    return recipe;
  }
  recipe.ignored.push_back(project.FromDirectory(output));
  ServeFiles(recipe, project, output);
  return recipe;
}

}  // namespace casemate::containerize
