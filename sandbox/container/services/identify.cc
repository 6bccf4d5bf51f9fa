// IdentifyServices: processes are put together to services by who started whom, then each listening
// socket is given to one.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "sandbox/container/services/find_services.h"

namespace casemate::container {
namespace {

constexpr double kHighest = 0.98;
constexpr double kBonusHolds = 0.06;       // it holds a socket that listens
constexpr double kBonusCustomary = 0.02;   // on a port that is customary for it
constexpr double kMalusNoPort = 0.3;       // it should listen and does not
constexpr double kMalusSharedGuess = 0.3;  // the socket may be another container's
constexpr int kFirstEphemeral = 32768;     // UDP from here on: mostly clients waiting for answers
constexpr int kBeyondPorts = 65536;
constexpr std::string_view kEngineDns = "127.0.0.11";

// Processes of one program, from the one that started the others on.
struct Group {
  const Process* root = nullptr;
  CommandLine command;
  std::optional<SignatureMatch> match;
  std::set<int> pids;
  std::set<int> uids;
  std::vector<const Listener*> listeners;
  std::vector<std::string> evidence;
  bool holds = false;      // seen to hold one of them
  bool customary = false;  // one of them is customary
  bool guessed_shared = false;

  [[nodiscard]] bool wrapper() const { return !match && IsWrapper(command); }
  [[nodiscard]] bool Customary(int port) const {
    return match &&
           std::ranges::find(match->signature->ports, port) != match->signature->ports.end();
  }
};

std::string PortName(const Listener& listener) {
  return listener.protocol + " port " + std::to_string(listener.port);
}

class Identification {
 public:
  Identification(const Observation& observation, const SignatureTable& table)
      : observation_(observation), table_(table) {}

  std::vector<Service> Run() {
    MakeGroups();
    for (const Listener& listener : observation_.listeners.sockets) {
      if (IsServer(listener)) {
        Give(listener);
      }
    }
    std::vector<Service> services;
    for (const Group& group : groups_) {
      if (IsService(group)) {
        services.push_back(ToService(group));
      }
    }
    AddUnclaimed(services);
    std::ranges::sort(services, {}, [](const Service& service) {
      return std::tuple(service.ports.empty() ? kBeyondPorts : service.ports.front().port,
                        service.kind, service.pid);
    });
    return services;
  }

 private:
  void MakeGroups();
  void Give(const Listener& listener);
  void GiveUnheld(const Listener& listener);
  void Assign(Group& group, const Listener& listener, std::string evidence);
  [[nodiscard]] bool IsService(const Group& group) const;
  [[nodiscard]] Service ToService(const Group& group) const;
  void AddUnclaimed(std::vector<Service>& services) const;
  [[nodiscard]] Service ByPortOnly(int port, std::string_view protocol) const;

  static bool IsServer(const Listener& listener) {
    return listener.protocol != "udp" || listener.port < kFirstEphemeral;
  }

  const Observation& observation_;
  const SignatureTable& table_;
  std::vector<Group> groups_;
  std::unordered_map<int, std::size_t> group_of_;  // by pid
  std::vector<const Listener*> unclaimed_;
};

// Adds the ports of `listeners`: one for IPv4 and IPv6, open if one of them is.
void AddPorts(const std::vector<const Listener*>& listeners, Service& service) {
  std::map<std::pair<int, std::string>, bool> ports;
  for (const Listener* listener : listeners) {
    if (listener->protocol == "unix") {
      service.unix_sockets.push_back(listener->address);
      continue;
    }
    const auto [at, is_new] =
        ports.emplace(std::pair(listener->port, listener->protocol), IsLoopback(*listener));
    at->second = at->second && (is_new || IsLoopback(*listener));
  }
  for (const auto& [port, loopback] : ports) {
    service.ports.push_back(
        {.port = port.first, .protocol = port.second, .loopback_only = loopback});
  }
}

void Identification::MakeGroups() {
  struct Read {
    const Process* process;
    CommandLine command;
    std::optional<SignatureMatch> match;
  };
  std::map<int, Read> reads;
  for (const Process& process : observation_.processes) {
    if (!process.zombie()) {
      CommandLine command = ReadCommandLine(process);
      auto match = table_.Match(command);
      reads.emplace(process.pid, Read{&process, std::move(command), std::move(match)});
    }
  }
  const auto same = [](const Read& a, const Read& b) {
    return a.match && b.match ? a.match->signature->kind == b.match->signature->kind
                              : !a.match && !b.match && a.command.program == b.command.program;
  };
  std::map<int, std::size_t> by_root;
  for (const auto& [pid, read] : reads) {
    const Read* root = &read;
    // Bounded: a table that was read while it changed could name its own child as a parent.
    for (std::size_t steps = 0; steps < reads.size(); ++steps) {
      const auto parent = reads.find(root->process->parent);
      if (parent == reads.end() || !same(parent->second, read)) {
        break;
      }
      root = &parent->second;
    }
    const auto [at, is_new] = by_root.emplace(root->process->pid, groups_.size());
    if (is_new) {
      Group& group = groups_.emplace_back();
      group.root = root->process;
      group.command = root->command;
      group.match = root->match;
    }
    groups_[at->second].pids.insert(pid);
    groups_[at->second].uids.insert(read.process->uid);
    group_of_[pid] = at->second;
  }
}

void Identification::Assign(Group& group, const Listener& listener, std::string evidence) {
  group.listeners.push_back(&listener);
  group.evidence.push_back(std::move(evidence));
  group.customary = group.customary || group.Customary(listener.port);
}

void Identification::Give(const Listener& listener) {
  // Several hold it when it was inherited: the one whose kind is known is meant, not the wrapper
  // that opened it.
  Group* holder = nullptr;
  for (const int pid : listener.pids) {
    const auto found = group_of_.find(pid);
    Group* group = found == group_of_.end() ? nullptr : &groups_[found->second];
    if (group != nullptr && (holder == nullptr || (group->match && !holder->match))) {
      holder = group;
    }
  }
  if (holder != nullptr) {
    holder->holds = true;
    Assign(*holder, listener,
           listener.protocol == "unix" ? "listens on " + listener.address
                                       : "holds " + PortName(listener));
  } else if (listener.protocol != "unix" && listener.address != kEngineDns) {
    GiveUnheld(listener);
  }
}

void Identification::GiveUnheld(const Listener& listener) {
  if (observation_.shares_network && observation_.holders_known) {
    return;  // certainly not ours: the host's, or another container's
  }
  std::vector<Group*> customary;
  std::vector<Group*> possible;
  for (Group& group : groups_) {
    if (group.Customary(listener.port)) {
      customary.push_back(&group);
    }
    // A socket belongs to who made it, and many servers give up root afterwards.
    const bool user_fits = listener.uid <= 0 || group.uids.contains(listener.uid);
    const bool can_serve = !group.wrapper() && !(group.match && group.match->signature->no_ports);
    if (can_serve && user_fits) {
      possible.push_back(&group);
    }
  }
  const bool may_guess = !observation_.holders_known;
  if (may_guess && customary.size() == 1) {
    customary.front()->guessed_shared = observation_.shares_network;
    Assign(*customary.front(), listener, PortName(listener) + " listens and is customary for it");
  } else if (may_guess && possible.size() == 1 && !observation_.shares_network) {
    Assign(*possible.front(), listener,
           PortName(listener) + " listens and nothing else there could hold it");
  } else if (!observation_.shares_network) {
    unclaimed_.push_back(&listener);
  }
}

bool Identification::IsService(const Group& group) const {
  if (!group.listeners.empty()) {
    return true;
  }
  if (!group.match || IsWrapper(group.command)) {
    return false;
  }
  // Without a view of the sockets a runtime may serve or not: told, with less confidence.
  return !group.match->signature->runtime || !observation_.listeners_known;
}

Service Identification::ToService(const Group& group) const {
  Service service;
  service.pid = group.root->pid;
  service.inner_pid = group.root->inner_pid;
  service.name = group.command.program.empty() ? "unknown" : group.command.program;
  if (group.match) {
    const Signature& signature = *group.match->signature;
    service.kind = signature.kind;
    service.name = signature.name;
    service.category = signature.category;
    service.confidence = group.match->confidence + (group.holds ? kBonusHolds : 0) +
                         (group.customary ? kBonusCustomary : 0) -
                         (group.guessed_shared && !group.holds ? kMalusSharedGuess : 0);
    service.evidence.push_back(group.match->evidence);
    if (group.listeners.empty() && !signature.no_ports) {
      service.confidence -= kMalusNoPort;
      service.evidence.emplace_back(observation_.listeners_known
                                        ? "no listening socket is known to be its own"
                                        : "what listens there cannot be seen");
    }
    if (const Signature* image = table_.ByImage(observation_.image);
        image != nullptr && image->kind == signature.kind) {
      service.evidence.push_back("the image is `" + observation_.image + "`");
    }
    service.confidence = std::min(service.confidence, kHighest);
  } else {
    service.evidence.push_back("no signature knows the program `" + service.name + "`");
  }
  service.evidence.insert(service.evidence.end(), group.evidence.begin(), group.evidence.end());
  AddPorts(group.listeners, service);
  return service;
}

Service Identification::ByPortOnly(int port, std::string_view protocol) const {
  Service service;
  service.name = "unknown";
  const Signature* image = table_.ByImage(observation_.image);
  const std::vector<const Signature*> candidates = table_.ByPort(port);
  const bool image_fits =
      image != nullptr && std::ranges::any_of(candidates, [&](const Signature* candidate) {
        return candidate->kind == image->kind;
      });
  if (image_fits) {
    service.kind = image->kind;
    service.name = image->name;
    service.category = image->category;
    service.confidence = kConfidenceOfImageAndPort;
    service.evidence.push_back("the image is `" + observation_.image + "`");
    service.evidence.push_back(std::string(protocol) + " port " + std::to_string(port) +
                               " is customary for it");
  } else if (!candidates.empty()) {
    std::string names;
    constexpr std::size_t kMaxNames = 3;
    for (std::size_t i = 0; i < std::min(candidates.size(), kMaxNames); ++i) {
      names += (i == 0 ? "" : ", ") + candidates[i]->name;
    }
    service.evidence.push_back(std::string(protocol) + " port " + std::to_string(port) +
                               " is customary for " + names +
                               "; a port alone does not tell what listens");
  } else {
    service.evidence.push_back("which process listens on " + std::string(protocol) + " port " +
                               std::to_string(port) + " cannot be seen");
  }
  return service;
}

void Identification::AddUnclaimed(std::vector<Service>& services) const {
  std::map<std::pair<int, std::string>, std::vector<const Listener*>> by_port;
  for (const Listener* listener : unclaimed_) {
    by_port[{listener->port, listener->protocol}].push_back(listener);
  }
  for (const auto& [port, listeners] : by_port) {
    Service service = ByPortOnly(port.first, port.second);
    AddPorts(listeners, service);
    services.push_back(std::move(service));
  }
  if (observation_.listeners_known) {
    return;
  }
  // The declared ports say what should listen, not what does.
  std::set<std::pair<int, std::string>> declared;
  for (const Port& port : observation_.declared) {
    declared.emplace(port.port, port.protocol);
  }
  for (const auto& [port, protocol] : declared) {
    const auto customary = std::ranges::find_if(services, [&](const Service& service) {
      const std::vector<const Signature*> candidates = table_.ByPort(port);
      return std::ranges::any_of(
          candidates, [&](const Signature* candidate) { return candidate->kind == service.kind; });
    });
    const std::string evidence =
        protocol + " port " + std::to_string(port) + " is declared; whether it listens is not seen";
    Service* service = customary == services.end() ? nullptr : &*customary;
    if (service == nullptr) {
      service = &services.emplace_back(ByPortOnly(port, protocol));
    }
    service->ports.push_back({.port = port, .protocol = protocol, .loopback_only = false});
    service->evidence.push_back(evidence);
  }
}

}  // namespace

std::vector<Service> IdentifyServices(const Observation& observation, const SignatureTable& table) {
  return Identification(observation, table).Run();
}

}  // namespace casemate::container
