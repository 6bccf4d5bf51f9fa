// casemate://docs/{page}: the documentation, for agents.
#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/docs_pages.h"
#include "tools/documents.h"
#include "tools/named_resource.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::string_view kPrefix = "casemate://docs/";
constexpr const char* kTemplate = "casemate://docs/{page}";
constexpr const char* kMimeType = "text/markdown";

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kDescriptions = {{
    {"tools", "Arguments, results and errors of the tools."},
    {"sandbox", "What confines a command, and what it sees."},
    {"containers", "Docker and Podman: configuration, rights, command line."},
    {"policy", "How calls are allowed or refused; how to write rules."},
    {"audit", "What is recorded, and how to verify it."},
    {"configuration", "Settings of the server."},
    {"protocol", "Supported editions of MCP."},
}};

std::vector<std::string_view> PageNames() {
  std::vector<std::string_view> names;
  for (const DocPage& page : DocPages()) {
    names.push_back(page.name);
  }
  return names;
}

// The first line without its "# ".
std::string TitleOf(const DocPage& page) {
  const std::string_view line = page.text.substr(0, page.text.find('\n'));
  return std::string(line.substr(std::min(line.size(), line.find_first_not_of("# "))));
}

class DocsResource : public ResourceProvider {
 public:
  [[nodiscard]] bool Owns(std::string_view uri) const override { return uri.starts_with(kPrefix); }

  [[nodiscard]] std::vector<ResourceSpec> List(
      const policies::Principal& /*principal*/) const override {
    std::vector<ResourceSpec> specs;
    for (const DocPage& page : DocPages()) {
      ResourceSpec spec;
      spec.uri = std::string(kPrefix) + std::string(page.name);
      spec.name = "docs/" + std::string(page.name);
      spec.title = TitleOf(page);
      const auto* described =
          std::ranges::find(kDescriptions, page.name, [](const auto& row) { return row.first; });
      spec.description = described == kDescriptions.end() ? "" : std::string(described->second);
      spec.mime_type = kMimeType;
      spec.size = static_cast<std::int64_t>(page.text.size());
      specs.push_back(std::move(spec));
    }
    return specs;
  }

  [[nodiscard]] std::vector<ResourceTemplateSpec> Templates() const override {
    return {{kTemplate, "docs", "Documentation", "A page of the documentation.", kMimeType}};
  }

  [[nodiscard]] json Facts(std::string_view /*uri*/,
                           const policies::Principal& /*principal*/) const override {
    return {{"kind", "docs"}};
  }

  [[nodiscard]] Result<ResourceContents> Read(
      std::string_view uri, const policies::Principal& /*principal*/) const override {
    const std::string_view name = NameInUri(uri, kPrefix);
    const auto pages = DocPages();
    const auto page = std::ranges::find(pages, name, &DocPage::name);
    if (page == pages.end()) {
      return NoSuchName("a page of the documentation", name, PageNames());
    }
    return ResourceContents{std::string(uri), kMimeType, std::string(page->text), false};
  }

  [[nodiscard]] std::vector<std::string> Complete(
      std::string_view /*uri_template*/, std::string_view /*variable*/, std::string_view prefix,
      const policies::Principal& /*principal*/) const override {
    return NamesWithPrefix(PageNames(), prefix);
  }
};

}  // namespace

std::unique_ptr<ResourceProvider> MakeDocsResource() {
  return std::make_unique<DocsResource>();
}

}  // namespace casemate::tools
