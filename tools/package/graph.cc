#include "tools/package/graph.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/text.h"

namespace casemate::package {
namespace {

// Depth first; what is on the way is gray, and meeting that again is a cycle.
class Sorter {
 public:
  explicit Sorter(const Manifest& manifest) : manifest_(manifest) {}

  Result<std::vector<std::string>> Sort() {
    for (const Application& app : manifest_.applications) {
      if (auto done = Visit(app); !done) {
        return done.error();
      }
    }
    return std::move(order_);
  }

 private:
  // NOLINTNEXTLINE(misc-no-recursion): a manifest has at most 256, and a circle is an error
  Result<void> Visit(const Application& app) {
    if (done_[app.name]) {
      return {};
    }
    const bool is_on_way = std::ranges::find(way_, app.name) != way_.end();
    way_.push_back(app.name);
    if (is_on_way) {
      return Cycle();
    }
    for (const std::string& name : app.depends_on) {
      if (const Application* other = manifest_.FindApplication(name)) {
        if (auto done = Visit(*other); !done) {
          return done;
        }
      }
    }
    way_.pop_back();
    done_[app.name] = true;
    order_.push_back(app.name);
    return {};
  }

  // The way ends with a name that is on it already.
  [[nodiscard]] Error Cycle() const {
    const auto begin = std::ranges::find(way_, way_.back());
    const std::vector<std::string> cycle(begin, way_.end());
    const auto app = std::ranges::find(manifest_.applications, cycle.front(), &Application::name);
    return InvalidArgument(
        "applications[" + std::to_string(app - manifest_.applications.begin()) + "].depends_on",
        "expected no cycle, got " + Join(cycle, " → "));
  }

  const Manifest& manifest_;
  std::vector<std::string> order_;
  std::vector<std::string> way_;
  std::map<std::string, bool> done_;
};

Result<void> CheckStated(const Manifest& manifest, const std::vector<std::string>& stated) {
  const auto position = [&](const std::string& name) { return std::ranges::find(stated, name); };
  for (const Application& app : manifest.applications) {
    if (position(app.name) == stated.end()) {
      return InvalidArgument("packaging.build_order",
                             "expected all applications, " + Quoted(app.name) + " is missing");
    }
    for (const std::string& before : app.depends_on) {
      if (position(before) > position(app.name)) {
        return InvalidArgument(
            "packaging.build_order",
            "expected " + Quoted(before) + " before " + Quoted(app.name) + ", which depends on it");
      }
    }
  }
  return {};
}

std::string DotText(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  }
  return quoted + '"';
}

}  // namespace

Result<std::vector<std::string>> BuildOrder(const Manifest& manifest) {
  auto sorted = Sorter(manifest).Sort();
  const auto& stated = manifest.packaging.build_order;
  if (!sorted || stated.empty()) {
    return sorted;
  }
  if (auto fits = CheckStated(manifest, stated); !fits) {
    return fits.error();
  }
  return stated;
}

std::string GraphDot(const Manifest& manifest) {
  std::string text = "digraph " + DotText(manifest.name) + " {\n";
  for (std::size_t i = 0; i < manifest.containers.size(); ++i) {
    const Container& container = manifest.containers[i];
    text += "  subgraph " + DotText("cluster_" + std::to_string(i)) +
            " {\n    label=" + DotText(container.name) + ";\n";
    for (const std::string& app : container.applications) {
      text += "    " + DotText(app) + ";\n";
    }
    text += "  }\n";
  }
  for (const Application& app : manifest.applications) {
    text += "  " + DotText(app.name) + ";\n";
    for (const std::string& before : app.depends_on) {
      text += "  " + DotText(app.name) + " -> " + DotText(before) + ";\n";
    }
  }
  return text + "}\n";
}

Result<std::string> GraphText(const Manifest& manifest) {
  const auto order = BuildOrder(manifest);
  if (!order) {
    return order.error();
  }
  std::string text;
  for (std::size_t i = 0; i < order->size(); ++i) {
    const Application* app = manifest.FindApplication((*order)[i]);
    text += std::to_string(i + 1) + ". " + app->name;
    text += app->depends_on.empty() ? "" : "  after " + Join(app->depends_on, ", ");
    std::vector<std::string> in;
    for (const Container& container : manifest.containers) {
      if (std::ranges::find(container.applications, app->name) != container.applications.end()) {
        in.push_back(container.name);
      }
    }
    text += in.empty() ? "  in no container" : "  in " + Join(in, ", ");
    text += '\n';
  }
  return text;
}

}  // namespace casemate::package
