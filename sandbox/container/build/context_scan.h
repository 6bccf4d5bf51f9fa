// ContextScanner: one walk that finds what belongs to a build context. Used once, by one thread.
#pragma once

#include <dirent.h>
#include <sys/stat.h>

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/container/build/context.h"
#include "sandbox/container/build/dockerignore.h"

namespace casemate::container {

class ContextScanner {
 public:
  ContextScanner(const ContextOptions& options, const std::stop_token& stop, BuildContext& made)
      : limits_(options.limits), stop_(stop), made_(made) {}

  // What `made` holds already: the root, the Dockerfile and the files that are added.
  Result<void> Run();

 private:
  struct Place {  // a directory that is walked
    std::string path;
    IgnoreMatches matches;
    int depth = 0;
  };
  // Its names in byte order, with what the kernel says of each.
  struct Name {
    std::string name;
    struct stat status;
  };

  Result<void> ReadRules();
  // A file of the context, by links that stay in it; nullopt: there is none.
  [[nodiscard]] Result<std::optional<std::string>> ReadText(const std::string& name) const;
  Result<void> ReadDockerfile();
  Result<void> Walk(const Place& place);
  Result<void> Visit(const Place& place, const Name& name);
  Result<void> VisitDirectory(const Name& name, bool excluded, const Place& inner);
  [[nodiscard]] Result<std::vector<Name>> List(const std::string& directory);
  Result<void> Add(BuildContext::Entry entry, std::int64_t bytes);
  void Count(std::string_view path, std::int64_t bytes);
  // Sent although rules exclude it: the engine needs it.
  [[nodiscard]] bool IsKept(std::string_view path) const;
  [[nodiscard]] bool IsAdded(std::string_view path) const;
  [[nodiscard]] Result<void> CheckSize() const;
  [[nodiscard]] Result<void> CheckDockerfile() const;

  const ContextLimits& limits_;
  const std::stop_token& stop_;
  BuildContext& made_;
  IgnoreRules rules_;
  std::vector<BuildContext::Entry> held_;  // excluded directories around the one that is walked
  std::size_t seen_ = 0;
  std::string unreadable_;  // the directory that could not be listed
};

}  // namespace casemate::container
