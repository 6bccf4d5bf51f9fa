// What a grant allows with containers: nothing, unless a rule names it. A closed set of names, one
// for each opening, so that one search finds all of them. Value type.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace casemate::policies {

enum class ContainerRight : std::uint8_t {
  kUse,                // run a command in a container that exists, or change its state
  kCreate,             // make one from an allowed image
  kUnpinned,           // from an image that the configuration does not pin by digest
  kNetwork,            // with a network other than `none`
  kPorts,              // with ports published on the host
  kRoot,               // as user 0
  kWritableRoot,       // with a root file system that can be written to
  kCapabilities,       // with some of the capabilities that engines give by default
  kPrivilegedTargets,  // use one that is as good as root on the host
  kUnlimited,          // use one where a limit of the grant cannot be held
  kReclaim,            // restart or prune for container_optimize
};
inline constexpr std::array<std::string_view, 11> kContainerRightNames = {
    "use",           "create",       "unpinned",           "network",   "ports",  "root",
    "writable_root", "capabilities", "privileged_targets", "unlimited", "reclaim"};

class ContainerRights {
 public:
  static constexpr ContainerRights All() {
    ContainerRights all;
    all.bits_ = (1U << kContainerRightNames.size()) - 1;
    return all;
  }
  [[nodiscard]] constexpr bool Has(ContainerRight right) const { return (bits_ & Bit(right)) != 0; }
  constexpr void Add(ContainerRight right) { bits_ |= Bit(right); }
  [[nodiscard]] constexpr bool none() const { return bits_ == 0; }
  // Those of both.
  [[nodiscard]] constexpr ContainerRights operator&(const ContainerRights& other) const {
    ContainerRights both;
    both.bits_ = bits_ & other.bits_;
    return both;
  }
  bool operator==(const ContainerRights&) const = default;

 private:
  static constexpr std::uint32_t Bit(ContainerRight right) {
    return 1U << static_cast<std::uint32_t>(right);
  }
  std::uint32_t bits_ = 0;
};

std::string_view ToString(ContainerRight right);
// nullopt: there is no such right.
std::optional<ContainerRight> ContainerRightOf(std::string_view name);

}  // namespace casemate::policies
