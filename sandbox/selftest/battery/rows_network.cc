// Network and IPC. Addresses outside are tried from inside the sandbox only: the control of each is
// a listener of ours on the host's loopback, and after each attack nobody may have reached it.
#include "sandbox/selftest/battery/row.h"

namespace casemate::escape {
namespace {

Row Tcp(const std::string& name, const std::string& host, const std::string& port,
        const std::string& expect) {
  return {.name = name,
          .attack = {"connect_tcp", host, port},
          .expect = expect,
          .control = {"connect_tcp", "127.0.0.1", "{tcp4}"}};
}

std::vector<Row> PublicRows() {
  std::vector<Row> rows = {
      Tcp("connect 1.1.1.1", "1.1.1.1", "443", "blocked ENETUNREACH"),
      Tcp("connect [2606:4700:4700::1111]", "2606:4700:4700::1111", "443", "blocked ENETUNREACH"),
      Tcp("connect metadata 169.254.169.254", "169.254.169.254", "80", "blocked ENETUNREACH"),
      Tcp("connect metadata 168.63.129.16", "168.63.129.16", "80", "blocked ENETUNREACH"),
      Tcp("connect metadata 100.100.100.200", "100.100.100.200", "80", "blocked ENETUNREACH"),
      Tcp("connect metadata [fd00:ec2::254]", "fd00:ec2::254", "80", "blocked ENETUNREACH"),
      {.name = "fast_open 1.1.1.1",
       .attack = {"fast_open", "1.1.1.1", "443"},
       .expect = "blocked ENETUNREACH",
       .control = {"fast_open", "127.0.0.1", "{tcp4}"}},
      {.name = "udp 8.8.8.8 (DNS)",
       .attack = {"send_udp", "8.8.8.8", "53"},
       .expect = "blocked ENETUNREACH",
       .control = {"send_udp", "127.0.0.1", "{udp4}"}},
      {.name = "ping 1.1.1.1",
       .attack = {"ping", "1.1.1.1"},
       .expect = "blocked socket:EPROTONOSUPPORT",
       .control = {"--own-namespaces", "ping", "127.0.0.1", "prepare"}},
  };
  return rows;
}

std::vector<Row> HostRows() {
  std::vector<Row> rows = {
      Tcp("connect loopback 127.0.0.1", "127.0.0.1", "{tcp4}", "blocked ECONNREFUSED"),
      Tcp("connect loopback 0.0.0.0", "0.0.0.0", "{tcp4}", "blocked ECONNREFUSED"),
      Tcp("connect loopback [::ffff:127.0.0.1]", "::ffff:127.0.0.1", "{tcp4}",
          "blocked ECONNREFUSED"),
      Tcp("connect the host's own address", "{lan}", "{tcp4}",
          "blocked ENETUNREACH | blocked ECONNREFUSED"),
      {.name = "connect loopback [::1]",
       .attack = {"connect_tcp", "::1", "{tcp6}"},
       .expect = "blocked ECONNREFUSED",
       .control_unavailable = "blocked socket:EAFNOSUPPORT | blocked EADDRNOTAVAIL",
       .why = "this machine has no IPv6"},
      {.name = "udp loopback (nobody receives)",
       .attack = {"send_udp", "127.0.0.1", "{udp4}"},
       .expect = "succeeded"},  // into its own loopback; the invariant shows that it ends there
      {.name = "abstract_socket",
       .attack = {"abstract_socket", "{name}"},
       .expect = "blocked ECONNREFUSED"},
      {.name = "path_socket", .attack = {"path_socket", "{socket}"}, .expect = "blocked ENOENT"},
      {.name = "path_socket docker",
       .attack = {"path_socket", "/run/docker.sock"},
       .expect = "blocked ENOENT",
       .control = {"path_socket", "{socket}"}},
      {.name = "path_socket dbus",
       .attack = {"path_socket", "/run/dbus/system_bus_socket"},
       .expect = "blocked ENOENT",
       .control = {"path_socket", "{socket}"}},
      {.name = "path_socket in the workspace",
       .attack = {"path_socket", "./service.sock"},
       .expect = "blocked EACCES | blocked EPERM",
       .not_promised = "a service that listens in a host workspace is part of it; Landlock stops "
                       "connect(2) by path from ABI 9 on"},
      {.name = "sysv_shm", .attack = {"sysv_shm", "{key}"}, .expect = "blocked ENOENT"},
      {.name = "posix_mq", .attack = {"posix_mq", "{name}"}, .expect = "blocked ENOENT"},
  };
  return rows;
}

Row Family(const std::string& name, const std::string& unavailable, const std::string& why) {
  return {.name = name,
          .attack = {name},
          .expect = "blocked EAFNOSUPPORT",
          .control_unavailable = unavailable,
          .why = why};
}

std::vector<Row> FamilyRows() {
  constexpr const char* kNone = "blocked EAFNOSUPPORT | blocked EPROTONOSUPPORT";
  constexpr const char* kWhy = "this kernel is built without it";
  std::vector<Row> rows = {Family("af_alg", kNone, kWhy),
                           Family("af_vsock", kNone, kWhy),
                           Family("af_packet", kNone, kWhy),
                           Family("af_xdp", kNone, kWhy),
                           Family("netlink_netfilter", kNone, kWhy),
                           Family("netlink_xfrm", kNone, kWhy),
                           Family("netlink_audit", kNone, kWhy)};
  for (std::size_t netlink = 4; netlink < rows.size(); ++netlink) {
    rows[netlink].expect = "blocked EPROTONOSUPPORT";
  }
  rows[2].control = {"--own-namespaces", "af_packet"};
  rows[3].control = {"--own-namespaces", "af_xdp"};
  rows.push_back({.name = "raw_socket",
                  .attack = {"raw_socket"},
                  .expect = "blocked EPERM",
                  .control = {"--own-namespaces", "raw_socket"}});
  return rows;
}

}  // namespace

std::vector<Row> NetworkRows() {
  std::vector<Row> rows = PublicRows();
  for (const auto& more : {HostRows(), FamilyRows()}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

}  // namespace casemate::escape
