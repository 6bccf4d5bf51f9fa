// MCP over standard input and output: start, memory, latency and throughput, by one client driver
// for both servers, whose rounds alternate.
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "tests/bench/child.h"
#include "tests/bench/peer.h"
#include "tests/bench/stats.h"

namespace casemate::bench {
namespace {

constexpr int kStarts = 11;
constexpr int kPings = 2'000;
constexpr int kLists = 300;
constexpr int kRounds = 5;  // of each pipelined figure; the median counts
constexpr std::string_view kReplyMark = "\"id\":";

std::unique_ptr<Child> StartServer(const Peer& peer) {
  auto server =
      std::make_unique<Child>(peer.stdio, std::vector<std::string>(), Child::Stderr::kQuiet);
  server->Write(InitializeRequest() + "\n");
  server->ReadLine();
  return server;
}

// Sends one request and waits for its answer; notifications in between are passed over.
void Ask(Child& server, int id, std::string_view method) {
  server.Write(Request(id, method) + "\n");
  while (server.ReadLine().find(kReplyMark) == std::string::npos) {
  }
}

double LatencyUs(Child& server, std::string_view method, int count, double p) {
  std::vector<double> us;
  for (int id = 1; id <= count; ++id) {
    us.push_back(1e3 * TimeMs([&] { Ask(server, id, method); }));
  }
  return Percentile(us, p);
}

// How often the mark is in a stream that comes in pieces.
class MarkCounter {
 public:
  std::size_t Add(std::string_view piece) {
    const std::string seam = tail_ + std::string(piece.substr(0, kReplyMark.size() - 1));
    count_ += Count(seam) + Count(piece);
    tail_ = piece.size() >= kReplyMark.size()
                ? std::string(piece.substr(piece.size() - kReplyMark.size() + 1))
                : seam.substr(seam.size() - std::min(seam.size(), kReplyMark.size() - 1));
    return count_;
  }

 private:
  static std::size_t Count(std::string_view text) {
    std::size_t found = 0;
    for (std::size_t at = text.find(kReplyMark); at != std::string_view::npos;
         at = text.find(kReplyMark, at + kReplyMark.size())) {
      ++found;
    }
    return found;
  }
  std::string tail_;
  std::size_t count_ = 0;
};

// Requests a second when all are sent without waiting for answers.
double Throughput(Child& server, int count, const std::function<std::string(int)>& request) {
  std::string requests;
  for (int id = 1; id <= count; ++id) {
    requests += request(id) + "\n";
  }
  const double ms = TimeMs([&] {
    std::jthread writer([&] { server.Write(requests); });
    MarkCounter replies;
    while (replies.Add(server.Read()) < static_cast<std::size_t>(count)) {
    }
  });
  return count * 1e3 / ms;
}

// A line there and back through cat(1): what pipes and the scheduler take, whoever answers.
double EchoUs() {
  Child echo({"cat"}, {}, Child::Stderr::kQuiet);
  std::vector<double> us;
  for (int i = 0; i < 2 * kPings; ++i) {
    us.push_back(1e3 * TimeMs([&] {
                   echo.Write(Request(i, "ping") + "\n");
                   echo.ReadLine();
                 }));
  }
  return Percentile({us.begin() + kPings, us.end()}, 0.5);
}

struct Figures {
  std::vector<double> first_reply_ms;
  std::vector<double> pings_per_s;
  std::vector<double> lists_per_s;
  std::vector<double> modern_per_s;
  double rss_mib = 0;
  double anonymous_mib = 0;
  double ping_p50_us = 0;
  double ping_p99_us = 0;
  double list_p50_us = 0;
};

void MeasureStart(const Peer& peer, Figures& figures) {
  std::unique_ptr<Child> server;
  figures.first_reply_ms.push_back(TimeMs([&] { server = StartServer(peer); }));
}

void MeasureOne(Child& server, Figures& figures) {
  figures.rss_mib = static_cast<double>(server.StatusKb("VmRSS:")) / 1024;
  figures.anonymous_mib = static_cast<double>(server.StatusKb("RssAnon:")) / 1024;
  LatencyUs(server, "ping", kPings, 0.5);  // warms up
  figures.ping_p50_us = LatencyUs(server, "ping", kPings, 0.5);
  figures.ping_p99_us = LatencyUs(server, "ping", kPings, 0.99);
  figures.list_p50_us = LatencyUs(server, "tools/list", kLists, 0.5);
}

void MeasurePipelined(const Peer& peer, Child& server, Figures& figures) {
  const int scale = peer.is_casemate ? 5 : 1;  // each takes about a second
  figures.pings_per_s.push_back(
      Throughput(server, 40'000 * scale, [](int id) { return Request(id, "ping"); }));
  figures.lists_per_s.push_back(
      Throughput(server, 2'000 * scale, [](int id) { return Request(id, "tools/list"); }));
  if (peer.is_casemate) {
    figures.modern_per_s.push_back(
        Throughput(server, 100'000, [](int id) { return ModernRequest(id, "server/discover"); }));
  }
}

double Median(const std::vector<double>& values) {
  return values.empty() ? 0 : Percentile(values, 0.5);
}

}  // namespace

void BenchStdio(const Options& options) {
  const ScratchDirectory state;
  std::vector<Peer> peers = {Casemate(options, state)};
  if (!options.node.empty()) {
    peers.push_back(Everything(options));
  }
  std::vector<Figures> figures(2);
  for (int i = 0; i < kStarts; ++i) {
    for (std::size_t peer = 0; peer < peers.size(); ++peer) {
      MeasureStart(peers[peer], figures[peer]);
    }
  }
  std::vector<std::unique_ptr<Child>> servers;
  for (std::size_t peer = 0; peer < peers.size(); ++peer) {
    servers.push_back(StartServer(peers[peer]));
    MeasureOne(*servers[peer], figures[peer]);
  }
  for (int i = 0; i < kRounds; ++i) {
    for (std::size_t peer = 0; peer < peers.size(); ++peer) {
      MeasurePipelined(peers[peer], *servers[peer], figures[peer]);
    }
  }
  const Figures& ours = figures[0];
  const Figures& theirs = figures[1];
  const double their_pings = Median(theirs.pings_per_s);
  Print("MCP over stdio",
        {{"first_reply_ms", "start to first reply, p50", Median(ours.first_reply_ms), "ms",
          Median(theirs.first_reply_ms), "<= 0.05"},
         {"rss_mib", "resident after the first reply", ours.rss_mib, "MiB", theirs.rss_mib,
          "<= 10 MiB"},
         {"anonymous_mib", "of it not file-backed", ours.anonymous_mib, "MiB", theirs.anonymous_mib,
          ""},
         {"echo_p50_us", "a line through cat(1), p50", EchoUs(), "us", 0, "the floor of a ping"},
         {"ping_p50_us", "ping, p50", ours.ping_p50_us, "us", theirs.ping_p50_us, ""},
         {"ping_p99_us", "ping, p99", ours.ping_p99_us, "us", theirs.ping_p99_us, ""},
         {"list_p50_us", "tools/list, p50", ours.list_p50_us, "us", theirs.list_p50_us, ""},
         {"pings_per_s", "pings, pipelined", Median(ours.pings_per_s), "/s", their_pings, ">= 10"},
         {"lists_per_s", "tools/list, pipelined", Median(ours.lists_per_s), "/s",
          Median(theirs.lists_per_s), ""},
         {"modern_per_s", "2026-07-28 server/discover (peer: pings)", Median(ours.modern_per_s),
          "/s", their_pings, ">= 5"}},
        options);
}

}  // namespace casemate::bench
