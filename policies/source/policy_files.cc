#include "policies/source/policy_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "policies/source/git_commit.h"
#include "policies/source/shipped.h"

namespace casemate::policies {

namespace {

namespace fs = std::filesystem;

PolicyText TextOf(const ShippedPolicy& shipped) {
  return {std::string(shipped.text), std::string(kShippedPrefix) + std::string(shipped.name),
          "shipped:" + std::string(shipped.name)};
}

Result<PolicyText> FindShipped(const std::string& name) {
  std::vector<std::string_view> names;
  for (const ShippedPolicy& shipped : ShippedPolicies()) {
    if (shipped.name == name) {
      return TextOf(shipped);
    }
    names.push_back(shipped.name);
  }
  Error error;
  error.code = ErrorCode::kNotFound;
  error.message = "no policy `" + EscapeControls(ToValidUtf8(name.substr(0, 64)), false) +
                  "` ships with Casemate";
  if (const auto nearest = NearestName(name, names)) {
    error.message += "; did you mean `" + *nearest + "`?";
  }
  error.remedy = "name one of " + Join(std::vector<std::string>(names.begin(), names.end()), ", ") +
                 ", or a file such as ./" + name + ".yaml";
  return error;
}

std::string Absolute(const std::string& path) {
  std::error_code failure;
  const fs::path absolute = fs::absolute(path, failure);
  return failure ? path : absolute.lexically_normal().string();
}

std::string Canonical(const std::string& path) {
  std::error_code failure;
  const fs::path canonical = fs::weakly_canonical(path, failure);
  return failure ? path : canonical.string();
}

// Neither the file nor its directory, in which it could be replaced; nor, of a link, that of the
// file that it leads to.
Result<void> RefuseWritableByAll(const std::string& path) {
  for (const fs::path& part : {fs::path(path), fs::path(Absolute(path)).parent_path(),
                               fs::path(Canonical(path)).parent_path()}) {
    struct stat status{};
    if (::stat(part.c_str(), &status) != 0 || (status.st_mode & S_IWOTH) == 0 ||
        (S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0)) {
      continue;
    }
    return Error{ErrorCode::kPermissionDenied, part.string() + " may be written to by everybody",
                 "", "chmod o-w " + part.string(), 0};
  }
  return {};
}

Result<PolicyText> ReadText(const std::string& path) {
  if (auto safe = RefuseWritableByAll(path); !safe) {
    return safe.error();
  }
  auto text = ReadFile(path, kMaxPolicyBytes);
  if (!text) {
    return text.error();
  }
  std::error_code failure;
  const fs::path canonical = fs::canonical(path, failure);
  return PolicyText{*std::move(text), path, failure ? path : canonical.string()};
}

}  // namespace

Result<PolicyText> FindPolicy(const std::string& name, const std::string& directory) {
  if (name.empty()) {
    return TextOf(ShippedPolicies().front());
  }
  if (IsShippedName(name)) {
    return FindShipped(name);
  }
  return ReadText(directory.empty() ? name : (fs::path(directory) / name).string());
}

PolicyReader FileReader() {
  return [](const std::string& name, const PolicyText& from) {
    return FindPolicy(name, fs::path(from.origin).parent_path().string());
  };
}

Result<std::unique_ptr<YamlPolicy>> LoadPolicy(const PolicySource& source,
                                               std::vector<std::string>* files,
                                               std::vector<Error>* problems) {
  // As it was named, and as what that leads to now: a link on the way may be repointed.
  const auto note = [&](const std::string& path) {
    for (const std::string& one : {Absolute(path), Canonical(path)}) {
      if (files != nullptr && std::ranges::find(*files, one) == files->end()) {
        files->push_back(one);
      }
    }
  };
  if (!source.name.empty() && !IsShippedName(source.name)) {
    note(source.name);  // also if it is not there: it may come back
  }
  auto text = FindPolicy(source.name, "");
  if (!text) {
    if (problems != nullptr) {
      *problems = {text.error()};
    }
    return text.error();
  }
  PolicyOptions options;
  options.reader = [&, reader = FileReader()](const std::string& name, const PolicyText& from) {
    if (!IsShippedName(name)) {
      note((fs::path(from.origin).parent_path() / name).string());
    }
    return reader(name, from);
  };
  options.known_tools = source.known_tools;
  options.problems = problems;
  if (text->origin.starts_with('/')) {
    options.commit = CommitOf(text->origin);
  }
  return LoadYamlPolicy(*text, options);
}

}  // namespace casemate::policies
