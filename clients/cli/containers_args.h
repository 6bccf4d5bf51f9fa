// The arguments of `casemate containers`. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace casemate::cli {

struct ContainersListArgs {
  bool all = false;
  bool watch = false;
  bool json = false;
};
struct ContainersStatusArgs {
  std::string name;
  bool json = false;
};
struct ContainersLogsArgs {
  std::string name;
  std::optional<std::int64_t> tail;
  std::string since;
  std::string grep;
  bool follow = false;
  bool json = false;
};
struct ContainersExecArgs {
  std::string name;
  std::optional<std::int64_t> timeout_s;
  std::vector<std::string> env;            // NAME=value
  std::vector<std::string> before_dashes;  // that should have followed them
  std::vector<std::string> command;        // what follows --, word for word
  bool read_stdin = false;
};
struct ContainersOptimizeArgs {
  std::string name;              // empty: all containers
  std::vector<std::string> yes;  // "all", kinds and ids of actions
  bool json = false;
};

struct ContainersArgs {
  std::variant<ContainersListArgs, ContainersStatusArgs, ContainersLogsArgs, ContainersExecArgs,
               ContainersOptimizeArgs>
      work;
};

}  // namespace casemate::cli
