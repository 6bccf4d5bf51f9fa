// What a server bears: two clients that call as fast as they are answered, against two loops of
// bubblewrap; and a command that floods it with output, against cat(1) into a pipe.
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/client.h"
#include "tests/bench/floor.h"

namespace casemate::bench {
namespace {

constexpr int kClients = 2;
constexpr std::chrono::seconds kSpell{3};
constexpr int kSpells = 3;  // of each, in turn
constexpr std::size_t kFlood = std::size_t{1} << 30;
constexpr double kMiB = 1024.0 * 1024.0;

// How often a second `work(client)` is done by all clients together.
double Rate(const std::function<void(int)>& work) {
  std::atomic<int> done = 0;
  const auto end = std::chrono::steady_clock::now() + kSpell;
  {
    std::vector<std::jthread> clients;
    for (int client = 0; client < kClients; ++client) {
      clients.emplace_back([&, client] {
        while (std::chrono::steady_clock::now() < end) {
          work(client);
          ++done;
        }
      });
    }
  }
  return done / std::chrono::duration<double>(kSpell).count();
}

std::vector<Figure> TwoClients(const Options& options) {
  std::vector<std::unique_ptr<CasemateClient>> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<CasemateClient>(options));
  }
  std::vector<double> ours;
  std::vector<double> theirs;
  std::vector<double> floor;
  for (int i = 0; i < kSpells; ++i) {
    ours.push_back(Rate(
        [&](int client) { clients[static_cast<std::size_t>(client)]->Run(R"(["/bin/true"])"); }));
    theirs.push_back(Rate([](int) { RunToEnd(BwrapTrue()); }));
    floor.push_back(Rate([](int) { RunInNamespaces(); }));
  }
  return {{"runs_per_s", "runs of /bin/true, two clients", Percentile(ours, 0.5), "/s",
           Percentile(theirs, 0.5), ">= 2.5"},
          {"floor_per_s", "floor: /bin/true in namespaces, two loops", Percentile(floor, 0.5), "/s",
           Percentile(theirs, 0.5), "no target"}};
}

double CatRate() {
  Child cat({"sh", "-c", "head -c " + std::to_string(kFlood) + " /dev/zero | cat"}, {},
            Child::Stderr::kOurs);
  std::size_t seen = 0;
  const double ms = TimeMs([&] {
    while (seen < kFlood) {
      seen += cat.Read().size();
    }
  });
  return static_cast<double>(kFlood) / kMiB / (ms / 1e3);
}

std::vector<Figure> Flood(const Options& options) {
  CasemateClient client(options);
  client.Run(R"(["/bin/true"])");
  const long before_kb = client.server().StatusKb("VmHWM");
  std::vector<double> ours;
  std::vector<double> theirs;
  for (int i = 0; i < kSpells; ++i) {
    const double ms = TimeMs(
        [&] { client.Run(R"(["head","-c",")" + std::to_string(kFlood) + R"(","/dev/zero"])"); });
    ours.push_back(static_cast<double>(kFlood) / kMiB / (ms / 1e3));
    theirs.push_back(CatRate());
  }
  const auto grown_kb = static_cast<double>(client.server().StatusKb("VmHWM") - before_kb);
  return {{"flood_mib_per_s", "1 GiB of output through the cap", Percentile(ours, 0.5), "MiB/s",
           Percentile(theirs, 0.5), ">= 0.5"},
          {"flood_growth_mib", "what the server's memory grew by", grown_kb / 1024.0, "MiB", 0,
           "flat"}};
}

}  // namespace

void BenchLoad(const Options& options) {
  std::vector<Figure> figures = TwoClients(options);
  for (Figure& figure : Flood(options)) {
    figures.push_back(std::move(figure));
  }
  Print("Load (peer: bubblewrap; cat into a pipe)", figures, options);
}

}  // namespace casemate::bench
