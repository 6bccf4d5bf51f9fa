// Streamable HTTP: latency and throughput on keep-alive connections against the peer, and what a
// thousand streams that are held cost.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "tests/bench/child.h"
#include "tests/bench/http_client.h"
#include "tests/bench/peer.h"
#include "tests/bench/stats.h"

namespace casemate::bench {
namespace {

constexpr int kPings = 2'000;
constexpr int kConnections = 8;
constexpr int kStreams = 1'000;
constexpr int kRounds = 5;

struct HttpServer {
  std::unique_ptr<Child> child;
  std::uint16_t port = 0;
};

HttpServer StartServer(const Peer& peer) {
  if (peer.is_casemate) {
    HttpServer server{
        std::make_unique<Child>(peer.http, std::vector<std::string>(), Child::Stderr::kPiped), 0};
    const std::string said = server.child->ReadErrorUntil("/mcp");
    constexpr std::string_view kPrefix = "http://127.0.0.1:";
    server.port = static_cast<std::uint16_t>(
        std::strtoul(said.c_str() + said.find(kPrefix) + kPrefix.size(), nullptr, 10));
    return server;
  }
  HttpServer server;
  server.port = FreePort();
  server.child = std::make_unique<Child>(
      peer.http, std::vector<std::string>{"PORT=" + std::to_string(server.port)},
      Child::Stderr::kQuiet);
  while (!Answers(server.port)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return server;
}

// One client with a session of its own.
class Client {
 public:
  explicit Client(std::uint16_t port) : http_(port) {
    const auto answer = http_.Post(InitializeRequest(), "");
    headers_ = "Mcp-Session-Id: " + answer.Header("mcp-session-id") +
               "\r\nMCP-Protocol-Version: 2025-11-25\r\n";
    http_.Post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", headers_);
  }

  void Ping() {
    const auto answer = http_.Post(Request(++id_, "ping"), headers_);
    if (answer.body.find("\"id\":" + std::to_string(id_)) == std::string::npos) {
      Die("no answer to a ping: " + answer.head + answer.body);
    }
  }
  [[nodiscard]] const std::string& headers() const { return headers_; }

 private:
  HttpClient http_;
  std::string headers_;
  int id_ = 0;
};

std::vector<double> PingsUs(Client& client, int count) {
  std::vector<double> us;
  for (int i = 0; i < count; ++i) {
    us.push_back(1e3 * TimeMs([&] { client.Ping(); }));
  }
  return us;
}

// Requests a second of several connections that each wait for their answers.
double Throughput(std::vector<Client>& clients, int each) {
  const double ms = TimeMs([&] {
    std::vector<std::jthread> threads;
    for (Client& client : clients) {
      threads.emplace_back([&client, each] {
        for (int i = 0; i < each; ++i) {
          client.Ping();
        }
      });
    }
  });
  return static_cast<double>(clients.size()) * each * 1e3 / ms;
}

struct Figures {
  double ping_p50_us = 0;
  double ping_p99_us = 0;
  std::vector<double> pings_per_s;
};

void BenchStreams(const Options& options, HttpServer& server) {
  Client client(server.port);
  PingsUs(client, kPings);
  const double before = Percentile(PingsUs(client, kPings), 0.99);
  const long rss_before = server.child->StatusKb("VmRSS:");
  std::vector<Client> clients;
  std::vector<HttpClient> streams;
  for (int i = 0; i < kStreams; ++i) {  // the general stream of a session of its own each
    clients.emplace_back(server.port);
    streams.emplace_back(server.port);
    const auto answer = streams.back().OpenStream(clients.back().headers());
    if (answer.Header("content-type") != "text/event-stream") {
      Die("no stream: " + answer.head);
    }
  }
  const long rss_after = server.child->StatusKb("VmRSS:");
  const double held = Percentile(PingsUs(client, kPings), 0.99);
  Print("1000 sessions with a stream held",
        {{"streams_ping_p99_us", "ping, p99, beside them", held, "us", before, "peer: without"},
         {"stream_kib", "memory per session, 2 connections",
          static_cast<double>(rss_after - rss_before) / kStreams, "KiB", 0, ""}},
        options);
}

}  // namespace

void BenchHttp(const Options& options) {
  const ScratchDirectory state;
  std::vector<Peer> peers = {Casemate(options, state)};
  if (!options.node.empty()) {
    peers.push_back(Everything(options));
  }
  std::vector<Figures> figures(2);
  std::vector<HttpServer> servers;
  std::vector<std::vector<Client>> clients(peers.size());
  for (std::size_t peer = 0; peer < peers.size(); ++peer) {
    servers.push_back(StartServer(peers[peer]));
    for (int i = 0; i < kConnections; ++i) {
      clients[peer].emplace_back(servers[peer].port);
    }
    PingsUs(clients[peer].front(), kPings);  // warms up
    const auto us = PingsUs(clients[peer].front(), kPings);
    figures[peer].ping_p50_us = Percentile(us, 0.5);
    figures[peer].ping_p99_us = Percentile(us, 0.99);
  }
  for (int i = 0; i < kRounds; ++i) {
    for (std::size_t peer = 0; peer < peers.size(); ++peer) {
      figures[peer].pings_per_s.push_back(
          Throughput(clients[peer], peers[peer].is_casemate ? 4'000 : 500));
    }
  }
  const auto median = [](const std::vector<double>& values) {
    return values.empty() ? 0 : Percentile(values, 0.5);
  };
  const Figures& ours = figures[0];
  const Figures& theirs = figures[1];
  Print("MCP over HTTP keep-alive",
        {{"http_ping_p50_us", "ping, p50", ours.ping_p50_us, "us", theirs.ping_p50_us, ""},
         {"http_ping_p99_us", "ping, p99", ours.ping_p99_us, "us", theirs.ping_p99_us, ""},
         {"http_pings_per_s", "pings, 8 connections", median(ours.pings_per_s), "/s",
          median(theirs.pings_per_s), ""}},
        options);
  clients.clear();
  BenchStreams(options, servers.front());
}

}  // namespace casemate::bench
