#include "tools/artifacts/image_packages.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "tools/analysis/names.h"
#include "tools/analysis/source_tree.h"
#include "tools/artifacts/sbom.h"

namespace casemate::artifacts {
namespace {

using analysis::Trim;
using Fields = std::map<std::string_view, std::string_view>;

constexpr std::string_view kDpkgStatus = "var/lib/dpkg/status";
constexpr std::string_view kDpkgParts = "var/lib/dpkg/status.d/";  // of distroless images
constexpr auto kApk =
    std::to_array<std::string_view>({"lib/apk/db/installed", "usr/lib/apk/db/installed"});
constexpr auto kRelease = std::to_array<std::string_view>({"etc/os-release", "usr/lib/os-release"});
constexpr auto kRpm = std::to_array<std::string_view>(
    {"var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages", "var/lib/rpm/Packages.db",
     "usr/lib/sysimage/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/Packages.db"});

template <std::size_t count>
bool Has(const std::array<std::string_view, count>& paths, std::string_view path) {
  return std::ranges::find(paths, path) != paths.end();
}

bool IsDpkg(std::string_view path) {
  return path == kDpkgStatus || (path.starts_with(kDpkgParts) && !path.ends_with(".md5sums") &&
                                 path.find('/', kDpkgParts.size()) == std::string_view::npos);
}

// Blocks of "Name: value" lines, apart by empty lines; what goes on in further lines is passed
// over.
void ForEachStanza(std::string_view text, std::string_view separator,
                   const std::function<void(const Fields&)>& stanza) {
  Fields fields;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (Trim(line).empty()) {
      stanza(fields);
      fields.clear();
      continue;
    }
    const std::size_t mark = line.find(separator);
    if (line.front() != ' ' && line.front() != '\t' && mark != std::string_view::npos) {
      fields[line.substr(0, mark)] = Trim(line.substr(mark + separator.size()));
    }
  }
  stanza(fields);
}

std::string Field(const Fields& fields, std::string_view name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : std::string(found->second);
}

std::string Tag(const Distribution& distribution) {
  return distribution.id.empty() || distribution.version.empty()
             ? distribution.id
             : distribution.id + "-" + distribution.version;
}

void ReadDpkg(const std::string& path, std::string_view text, const Distribution& distribution,
              PackageList& packages) {
  ForEachStanza(text, ":", [&](const Fields& fields) {
    const std::string status = Field(fields, "Status");
    if (!status.empty() && !status.ends_with(" installed")) {
      return;  // only its configuration is left, or it is half there
    }
    PackageUrl url{"deb", distribution.id.empty() ? "debian" : distribution.id,
                   Field(fields, "Package"), Field(fields, "Version")};
    url.qualifiers = {{"arch", Field(fields, "Architecture")}, {"distro", Tag(distribution)}};
    packages.Add(Package{std::move(url), {}, false}, path);
  });
}

void ReadApk(const std::string& path, std::string_view text, const Distribution& distribution,
             PackageList& packages) {
  ForEachStanza(text, ":", [&](const Fields& fields) {
    PackageUrl url{"apk", distribution.id.empty() ? "alpine" : distribution.id, Field(fields, "P"),
                   Field(fields, "V")};
    url.qualifiers = {{"arch", Field(fields, "A")}, {"distro", Tag(distribution)}};
    packages.Add(Package{std::move(url), {}, false}, path);
  });
}

std::string Unquoted(std::string text) {
  const bool is_quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                         text.back() == text.front();
  return is_quoted ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

bool IsPackageDatabase(std::string_view path) {
  return IsDpkg(path) || Has(kApk, path) || Has(kRelease, path) || Has(kRpm, path);
}

Distribution DistributionOf(const std::map<std::string, std::string>& files) {
  Distribution distribution;
  for (const std::string_view path : kRelease) {
    const auto file = files.find(std::string(path));
    if (file == files.end() || file->second.size() > kMaxImageFileBytes ||
        !distribution.id.empty()) {
      continue;
    }
    ForEachStanza(file->second, "=", [&](const Fields& fields) {
      const std::string id = Unquoted(Field(fields, "ID"));
      const bool is_fit = !id.empty() && id.size() <= PackageList::kMaxNameBytes &&
                          std::ranges::all_of(id, [](char c) {
                            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
                                   c == '_' || c == '-';
                          });
      if (is_fit && distribution.id.empty()) {
        distribution = {id, Unquoted(Field(fields, "VERSION_ID")),
                        Unquoted(Field(fields, "PRETTY_NAME")), std::string(path)};
        distribution.version.resize(
            std::min(distribution.version.size(), PackageList::kMaxNameBytes));
        distribution.name.resize(std::min(distribution.name.size(), PackageList::kMaxNameBytes));
      }
    });
  }
  return distribution;
}

void ReadImagePackages(const std::map<std::string, std::string>& files,
                       const Distribution& distribution, PackageList& packages) {
  for (const auto& [path, text] : files) {
    if (!IsPackageDatabase(path)) {
      continue;
    }
    if (Has(kRpm, path)) {
      packages.Note(path + " in the image is a database of RPM, which was not read");
    } else if (text.size() > kMaxImageFileBytes) {
      packages.Note(path + " in the image is too long, and was not read");
    } else if (IsDpkg(path)) {
      ReadDpkg(path, text, distribution, packages);
    } else if (Has(kApk, path)) {
      ReadApk(path, text, distribution, packages);
    }
  }
}

}  // namespace casemate::artifacts
