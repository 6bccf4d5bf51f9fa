// The services inside a container: which process serves what on which ports. Nothing is connected
// to and nothing is started inside; what processes say of themselves is taken as their claim. Where
// it cannot tell, the kind is "unknown", with the port. IdentifyServices is pure; FindServices
// reads /proc. Both may be called from several threads.
#pragma once

#include <string>
#include <vector>

#include "sandbox/container/engine/types.h"
#include "sandbox/container/services/listeners.h"
#include "sandbox/container/services/processes.h"
#include "sandbox/container/services/signatures.h"

namespace casemate::container {

struct ServicePort {
  int port = 0;
  std::string protocol;        // "tcp", "udp"
  bool loopback_only = false;  // reachable only from within the container's network
};

struct Service {
  std::string kind = "unknown";  // of a signature
  std::string name;              // "PostgreSQL"; of unknown ones the program, or "unknown"
  std::string category = "other";
  std::vector<ServicePort> ports;         // ascending
  std::vector<std::string> unix_sockets;  // paths inside
  int pid = 0;                            // its first process, as the host counts; 0: not known
  int inner_pid = 0;                      // as the container counts; 0: not known
  double confidence = 0;                  // below 1: no outsider can be sure; unknown ones have 0
  std::vector<std::string> evidence;      // in words, the strongest first
};

// A guess by an image's name and a port has this, by either alone has none.
inline constexpr double kConfidenceOfImageAndPort = 0.4;

struct Observation {
  std::vector<Process> processes;  // empty: not known
  Listeners listeners;             // of its network namespace
  bool listeners_known = false;    // false: `declared` is all there is
  bool holders_known = false;      // who holds a socket could be seen for every process
  bool shares_network = false;     // with the host or another container
  std::vector<Port> declared;      // ports of the image or the engine's answer
  std::string image;
};

// By ascending port, those without one last.
std::vector<Service> IdentifyServices(const Observation& observation, const SignatureTable& table);

struct ServiceReport {
  std::vector<Service> services;
  std::vector<Process> processes;
  Listeners listeners;
  int zombies = 0;
  // Why something could not be seen, for people; empty: all was.
  std::vector<std::string> blind_spots;
};

// Looks into a container that runs; of others the report is empty. `top`: what the engine says of
// its processes (ProcessesFromTop), used where /proc does not show them. Takes some 10 ms where
// there is much memory: the kernel walks all connections of the machine for the list of one
// container's.
ServiceReport FindServices(const ContainerDetails& details, const ProcessTable& processes,
                           const SignatureTable& table, const std::vector<Process>& top = {});

}  // namespace casemate::container
