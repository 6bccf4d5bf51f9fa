#include "sandbox/container/services/listeners.h"

#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/unit/container/fake_proc.h"

namespace casemate::container::test {
namespace {

constexpr const char* kUnixHeading = "Num       RefCount Protocol Flags    Type St Inode Path\n";

std::vector<std::string> Told(const Listeners& listeners) {
  std::vector<std::string> told;
  for (const Listener& listener : listeners.sockets) {
    told.push_back(listener.protocol + " " + listener.address + " " +
                   std::to_string(listener.port));
  }
  return told;
}

TEST_CASE("Listening sockets are told, connections are not", "[listeners]") {
  const FakeProc proc;
  proc.Add({.pid = 10});
  proc.Write("10/net/tcp", kInternetHeading + InternetRow("00000000:0050", "0A", 0, 100) +
                               InternetRow("0100007F:1538", "0A", 70, 101) +
                               InternetRow("0100007F:9C40", "01", 70, 102));
  proc.Write("10/net/tcp6", kInternetHeading +
                                InternetRow("00000000000000000000000000000000:0050", "0A", 0, 103) +
                                InternetRow("00000000000000000000000001000000:1F90", "0A", 0, 104) +
                                InternetRow("B80D0120000000000000000001000000:0016", "0A", 0, 105));
  proc.Write("10/net/udp", kInternetHeading + InternetRow("00000000:0035", "07", 5, 106) +
                               InternetRow("00000000:0036", "01", 5, 107));
  proc.Write("10/net/unix", std::string(kUnixHeading) +
                                "0000: 00000002 00000000 00010000 0001 01 201 /run/a b.sock\n"
                                "0000: 00000003 00000000 00000000 0001 03 202 /run/connected\n"
                                "0000: 00000002 00000000 00010000 0001 01 203 @abstract\n"
                                "0000: 00000002 00000000 00010000 0001 01 204\n");
  const auto listeners = ReadListeners(proc.path(), 10);
  REQUIRE(listeners);
  CHECK(Told(*listeners) == std::vector<std::string>{"tcp 0.0.0.0 80", "tcp 127.0.0.1 5432",
                                                     "tcp :: 80", "tcp ::1 8080",
                                                     "tcp 2001:db8::1 22", "udp 0.0.0.0 53",
                                                     "unix /run/a b.sock 0", "unix @abstract 0"});
  CHECK(listeners->complete);
  CHECK(listeners->sockets[1].uid == 70);
  CHECK(listeners->sockets[1].inode == 101);
  CHECK(IsLoopback(listeners->sockets[1]));
  CHECK(IsLoopback(listeners->sockets[3]));
  CHECK_FALSE(IsLoopback(listeners->sockets[0]));
}

TEST_CASE("A kernel without IPv6 or UDP has fewer files", "[listeners]") {
  const FakeProc proc;
  proc.Add({.pid = 10});
  proc.Write("10/net/tcp", kInternetHeading + InternetRow("00000000:0050", "0A", 0, 100));
  CHECK(ReadListeners(proc.path(), 10)->sockets.size() == 1);
}

TEST_CASE("Lists of which the kernel says that they are empty are not read", "[listeners]") {
  const FakeProc proc;
  proc.Add({.pid = 10});
  for (const char* name : {"tcp", "tcp6", "udp", "udp6"}) {
    const bool udp = name[0] == 'u';
    proc.Write(std::string("10/net/") + name,
               kInternetHeading + InternetRow("00000000:0050", udp ? "07" : "0A", 0, 100));
  }
  const auto count = [&](const std::string& four, const std::string& six) {
    proc.Write("10/net/sockstat", four);
    proc.Write("10/net/sockstat6", six);
    return ReadListeners(proc.path(), 10)->sockets.size();
  };
  // The made-up rows are the same over both protocols: one for TCP, one for UDP.
  CHECK(count("sockets: used 2\nTCP: inuse 0 orphan 0\nUDP: inuse 0 mem 0\n",
              "TCP6: inuse 0\nUDP6: inuse 0\n") == 0);
  CHECK(count("TCP: inuse 0\nUDP: inuse 0\n", "TCP6: inuse 1\nUDP6: inuse 0\n") == 1);
  CHECK(count("TCP: inuse 10\nUDP: inuse 0\n", "TCP6: inuse 0\nUDP6: inuse 2\n") == 2);
  CHECK(count("TCP: inuse\nUDP: x 0\n", "") == 2);  // what makes no sense is no reason to skip
  CHECK(count("", "") == 2);
}

TEST_CASE("A process that is not there is an error with a next step", "[listeners]") {
  const FakeProc proc;
  for (const int pid : {10, 0, -1}) {
    const auto listeners = ReadListeners(proc.path(), pid);
    REQUIRE_FALSE(listeners);
    CHECK(listeners.error().code == ErrorCode::kUnavailable);
    CHECK_FALSE(listeners.error().remedy.empty());
  }
}

TEST_CASE("Who holds a socket is told where it may be seen", "[listeners]") {
  const FakeProc proc;
  proc.Add({.pid = 10, .sockets = {100, 999}});
  proc.Add({.pid = 11, .parent = 10, .sockets = {7, 100, 100}});
  proc.Add({.pid = 12, .parent = 10, .shows_files = false});
  proc.Write("10/net/tcp", kInternetHeading + InternetRow("00000000:0050", "0A", 0, 100) +
                               InternetRow("00000000:0051", "0A", 0, 101));
  Listeners listeners = *ReadListeners(proc.path(), 10);
  CHECK(FindHolders(proc.path(), std::vector{11, 10, 77}, listeners));
  CHECK(listeners.sockets[0].pids == std::vector{10, 11});
  CHECK(listeners.sockets[1].pids.empty());
  CHECK_FALSE(FindHolders(proc.path(), std::vector{12}, listeners));
}

TEST_CASE("Rows that make no sense are passed over", "[listeners]") {
  const std::vector<std::string> rows = {
      "",
      "x",
      ":",
      "   0: ",
      "   0: 00000000:0050",
      std::string(300, ' '),
      std::string("   0: \0\0\0 0A", 12),
      "   0: 0000:0050 00000000:0000 0A a b c 0 0 100",
      "   0: GGGGGGGG:0050 00000000:0000 0A a b c 0 0 100",
      "   0: 00000000:10050 00000000:0000 0A a b c 0 0 100",
      "   0: 00000000:0000 00000000:0000 0A a b c 0 0 100",
      "   0: 00000000:0050 00000000:0000 0A a b c 0 0 x",
      "   0: 00000000:0050 00000000:0000 0A a b c -1 0 100",
      "   0: 00000000:0050 00000000:0000 0A a b c 0 0 99999999999999999999999"};
  for (const std::string& row : rows) {
    Listeners listeners;
    ParseInternet(kInternetHeading + row, "tcp", listeners);
    ParseInternet(kInternetHeading + row + "\n", "udp", listeners);
    ParseUnix(kUnixHeading + row, listeners);
    CHECK(listeners.sockets.empty());
  }
  Listeners listeners;
  ParseInternet("", "tcp", listeners);
  ParseUnix("", listeners);
  CHECK(listeners.sockets.empty());
}

TEST_CASE("A path of a socket cannot write to a terminal", "[listeners]") {
  Listeners listeners;
  ParseUnix(std::string(kUnixHeading) +
                "0000: 00000002 00000000 00010000 0001 01 201 /run/\x1b[2J\xff" +
                std::string(5000, 'a') + "\n",
            listeners);
  REQUIRE(listeners.sockets.size() == 1);
  const std::string& address = listeners.sockets[0].address;
  CHECK(address.starts_with("/run/\\x1b[2J"));
  CHECK(IsValidUtf8(address));
  CHECK(address.size() < 200);
}

TEST_CASE("More than fits is cut and said", "[listeners]") {
  const FakeProc proc;
  proc.Add({.pid = 10});
  std::string text = kInternetHeading;
  for (int i = 1; i <= 9000; ++i) {
    std::array<char, 8> port{};
    REQUIRE(std::snprintf(port.data(), port.size(), "%04X", i) == 4);
    text += InternetRow("00000000:" + std::string(port.data()), "0A", 0, 1000U + i);
  }
  proc.Write("10/net/tcp", text);
  const auto listeners = ReadListeners(proc.path(), 10);
  REQUIRE(listeners);
  CHECK_FALSE(listeners->complete);
  CHECK(listeners->sockets.size() == 1024);

  Listeners many;
  ParseInternet(text, "tcp", many);
  CHECK_FALSE(many.complete);
}

}  // namespace
}  // namespace casemate::container::test
