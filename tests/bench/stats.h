// Percentiles, and the figures of one benchmark as text and as JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace casemate::bench {

double Percentile(std::vector<double> values, double p);  // nearest rank
// How long `work` takes, in ms.
double TimeMs(const std::function<void()>& work);

// Medians in ms of each contender, which take turns.
std::vector<double> MediansMs(const std::vector<std::function<void()>>& contenders, int rounds);

struct Options {
  std::string casemate = "build/release/casemate";
  // The peer: Node and the folder of @modelcontextprotocol/server-everything; empty: without it.
  std::string node;
  std::string everything;
  std::string opa;  // empty: where the server looks for it
  int rounds = 300;
  bool json = false;
};

// A directory of our own for the servers' state; removed with all in it.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// One measured figure.
struct Figure {
  std::string key;   // of the JSON
  std::string name;  // of the text
  double value = 0;
  std::string unit;
  double peer = 0;  // the same of the peer; 0: not measured
  std::string target;
};
void Print(const std::string& title, const std::vector<Figure>& figures, const Options& options);

// A sandboxed call against fork+exec and bubblewrap (calls.cc).
void BenchCalls(const Options& options);
// Two clients at once, and a flood of output (load.cc).
void BenchLoad(const Options& options);
// The protocol over stdio and HTTP against the peer (stdio.cc, http.cc).
void BenchStdio(const Options& options);
void BenchHttp(const Options& options);
// Decisions of both policy engines (policy.cc).
void BenchPolicy(const Options& options);
// Commands in containers, and their status, against Docker's command line (containers.cc).
void BenchContainers(const Options& options);
// The analysis of a large project against listing its files (analysis.cc).
void BenchAnalysis(const Options& options);
// Packaging against Git and buildah, and again against anew (package.cc).
void BenchPackage(const Options& options);

}  // namespace casemate::bench
