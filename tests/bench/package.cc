// What packaging costs: hashing 50,000 sources against `git add`, an image of 200 MB of mixed files
// against buildah, and packaging again, of the same and after a change, against packaging anew. In
// interleaved rounds; the trees follow from a fixed seed.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "tests/bench/child.h"
#include "tests/bench/stats.h"
#include "tools/package/sources.h"

namespace casemate::bench {

namespace {

constexpr int kMostRounds = 7;
constexpr std::uint64_t kSeed = 20'261'122;
constexpr int kFilesEach = 25;  // in a directory
constexpr std::size_t kWords = 4096;
constexpr std::size_t kLineBytes = 90;

// Contents as projects have them: the engine's numbers are the same everywhere, those of the
// distributions of the standard library are not.
class Contents {
 public:
  Contents() : random_(kSeed) {
    for (std::size_t i = 0; i < kWords; ++i) {
      std::string word;
      for (std::uint64_t left = 2 + Below(9); left > 0; --left) {
        word += static_cast<char>('a' + Below(26));
      }
      words_.push_back(std::move(word));
    }
  }

  std::uint64_t Below(std::uint64_t end) { return random_() % end; }

  // Few words are frequent.
  std::string Text(std::size_t bytes) {
    std::string text;
    std::size_t line = 0;
    while (text.size() < bytes) {
      text += words_[std::min({Below(kWords), Below(kWords), Below(kWords)})];
      text += text.size() - line > kLineBytes ? '\n' : ' ';
      line = text.back() == '\n' ? text.size() : line;
    }
    return text;
  }

  // Records of which a part is always the same, a part small, a part of any value: half of it
  // goes when it is compressed, as with programs.
  std::string Binary(std::size_t bytes) {
    std::string data;
    while (data.size() < bytes) {
      data += "\x7f\x45\x4c\x46\x02\x01\x01\x03\x48\x89\xe5\x48\x83\xec\x20\x90";
      Append(random_(), data);
      Append(random_(), data);
      Append(random_() & 0x0000'00ff'0000'0fff, data);
      Append(random_() & 0x0000'0000'0000'ffff, data);
    }
    return data;
  }

 private:
  static void Append(std::uint64_t value, std::string& data) {
    for (int byte = 0; byte < 8; ++byte) {
      data += static_cast<char>(value >> (8 * byte));
    }
  }

  std::mt19937_64 random_;
  std::vector<std::string> words_;
};

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  if (!file.flush()) {
    Die("cannot write " + path);
  }
}

std::string PathOf(const std::string& root, int file) {
  return root + "/d" + std::to_string(file / kFilesEach / 40) + "/p" +
         std::to_string(file / kFilesEach) + "/f" + std::to_string(file) + ".txt";
}

void WriteTexts(const std::string& root, int count, std::size_t most_bytes, Contents& contents) {
  for (int i = 0; i < count; ++i) {
    const std::string path = PathOf(root, i);
    if (i % kFilesEach == 0) {
      std::filesystem::create_directories(path.substr(0, path.rfind('/')));
    }
    WriteFile(path, contents.Text(200 + contents.Below(most_bytes)));
  }
}

// A project of one container on nothing, with all of `tree` in it.
std::string MakeProject(const std::string& directory) {
  std::filesystem::create_directories(directory + "/tree");
  WriteFile(
      directory + "/casemate.json",
      R"({"manifest_version": "1.0", "project": {"name": "bench"}, "containers": [)"
      R"({"name": "bench", "base": "scratch", "files": [{"from": "tree", "to": "/data"}]}]})");
  WriteFile(directory + "/Dockerfile", "FROM scratch\nCOPY tree /data\n");
  return directory;
}

// Silent, and without the limit of RunQuietly: builders take their time.
void RunSilently(std::vector<std::string> argv) {
  argv.insert(argv.begin(), {"sh", "-c", "exec \"$@\" >/dev/null 2>&1", "sh"});
  RunToEnd(argv);
}

// What is done before the clock starts, and what is measured.
struct Contender {
  std::function<void()> prepare;
  std::function<void()> work;
};

// Medians in ms; one more round before warms the caches of the kernel.
std::vector<double> Measure(const std::vector<Contender>& contenders, int rounds) {
  std::vector<std::vector<double>> all(contenders.size());
  for (int round = 0; round <= rounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      if (contenders[i].prepare) {
        contenders[i].prepare();
      }
      const double took = TimeMs(contenders[i].work);
      if (round > 0) {
        all[i].push_back(took);
      }
    }
  }
  std::vector<double> medians;
  for (std::vector<double>& values : all) {
    medians.push_back(Percentile(std::move(values), 0.5));
  }
  return medians;
}

void HashInProcess(const std::string& root) {
  const UniqueFd directory(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (const auto sources = package::Sources::Scan(directory.get(), {}, {}); !sources) {
    Die(sources.error().message);
  }
}

// A place for everything of one run.
class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options), rounds_(std::min(options.rounds, kMostRounds)) {
    // Casemate works as another user when root starts it, and must come through.
    std::filesystem::permissions(place_.path(), std::filesystem::perms{0755});
    WriteFile(config_, "version: 1\n");
  }

  void Hash() {
    const std::string root = MakeProject(place_.path() + "/sources");
    WriteTexts(root + "/tree", 50'000, 5'000, contents_);
    RunSilently({"git", "-C", root, "init", "--quiet"});
    const std::string index = root + "/.git/index";
    const auto medians = Measure({{{}, [&] { HashInProcess(root); }},
                                  {{}, [&] { RunSilently(HashOf(root)); }},
                                  {[&] { std::filesystem::remove(index); },
                                   [&] { RunSilently({"git", "-C", root, "add", "--all"}); }}},
                                 rounds_);
    Print("hash of 50,000 sources",
          {{"hash_library_ms", "the library; peer: git add -A", medians[0], "ms", medians[2],
            "<= 1 x"},
           {"hash_ms", "casemate manifest hash; peer: the same", medians[1], "ms", medians[2],
            "<= 1 x"}},
          options_);
    std::filesystem::remove_all(root);
  }

  // 100 MB of texts, 100 MB of binaries.
  void Large() {
    const std::string project = MakeProject(place_.path() + "/large");
    WriteTexts(project + "/tree", 4'000, 50'000, contents_);
    for (int i = 0; i < 40; ++i) {
      WriteFile(project + "/tree/b" + std::to_string(i), contents_.Binary(2'500'000));
    }
    Writer(project);
    Again(project, "large", "200 MB");
    std::filesystem::remove_all(project);
  }

  void Small() {
    const std::string project = MakeProject(place_.path() + "/small");
    WriteTexts(project + "/tree", 2'000, 5'000, contents_);
    Again(project, "small", "2,000 files");
  }

  // What is left of packaging where there is nothing to package.
  void Least() {
    const std::string project = MakeProject(place_.path() + "/least");
    WriteFile(project + "/tree/f", "f\n");
    Again(project, "least", "one file");
  }

 private:
  [[nodiscard]] std::vector<std::string> HashOf(const std::string& project) const {
    return {options_.casemate, "manifest", "hash", project};
  }

  void Package(const std::string& project, const std::string& state, bool use_cache) const {
    std::vector<std::string> argv = {options_.casemate, "package", "--config", config_,
                                     "--state-dir",     state,     project};
    if (!use_cache) {
      argv.emplace_back("--no-cache");
    }
    RunSilently(std::move(argv));
  }

  void BuildWithBuildah(const std::string& project, const std::string& driver) const {
    const std::vector<std::string> buildah = {"buildah",   "--root",          storage_ + "/root",
                                              "--runroot", storage_ + "/run", "--storage-driver",
                                              driver};
    std::vector<std::string> build = buildah;
    build.insert(build.end(), {"build", "--timestamp", "0", "--no-cache", "--isolation", "chroot",
                               "--signature-policy", signatures_, "--tag", "bench:1", project});
    RunSilently(std::move(build));
    std::vector<std::string> push = buildah;
    push.insert(push.end(), {"push", "--signature-policy", signatures_, "bench:1",
                             "oci:" + storage_ + "/image:1"});
    RunSilently(std::move(push));
  }

  void Drop(const std::string& directory) const { std::filesystem::remove_all(directory); }

  // nullopt: it cannot be measured here, and that was said.
  std::optional<std::string> BuildahDriver(const std::string& project) const {
    try {
      RunQuietly({"buildah", "--version"});
    } catch (const std::exception&) {
      std::cerr << "casemate_bench: package: buildah is not installed, so nothing is compared "
                   "with it\n";
      return std::nullopt;
    }
    WriteFile(signatures_, R"({"default": [{"type": "insecureAcceptAnything"}]})");
    for (const char* driver : {"overlay", "vfs"}) {
      try {
        Drop(storage_);
        BuildWithBuildah(project, driver);
        return driver;
      } catch (const std::exception&) {
        continue;
      }
    }
    std::cerr << "casemate_bench: package: buildah cannot build here, so nothing is compared with "
                 "it\n";
    return std::nullopt;
  }

  void Writer(const std::string& project) {
    const std::string state = place_.path() + "/state-writer";
    const auto driver = BuildahDriver(project);
    std::vector<Contender> contenders = {
        {[&] { Drop(state); }, [&] { Package(project, state, false); }}};
    if (driver) {
      contenders.push_back({[&] { Drop(storage_); }, [&] { BuildWithBuildah(project, *driver); }});
    }
    const auto medians = Measure(contenders, rounds_);
    Print(
        "an image of 200 MB",
        {{"write_ms", "casemate package; peer: buildah" + (driver ? ", " + *driver : std::string()),
          medians[0], "ms", driver ? medians[1] : 0, "<= 1 x"}},
        options_);
    Drop(state);
    Drop(storage_);
  }

  void Again(const std::string& project, const std::string& key, const std::string& what) {
    const std::string fresh = place_.path() + "/state-fresh";
    const std::string kept = place_.path() + "/state-" + key;
    Package(project, kept, true);
    const auto change = [&] {
      WriteFile(project + "/tree/changed", std::to_string(++changes_) + "\n");
    };
    const auto same = [&] {
      WriteFile(project + "/tree/changed", std::to_string(changes_) + "\n");
    };
    const auto medians = Measure({{[&] { Drop(fresh); }, [&] { Package(project, fresh, false); }},
                                  {change, [&] { Package(project, kept, true); }},
                                  {same, [&] { Package(project, kept, true); }},
                                  {{}, [&] { RunSilently(HashOf(project)); }}},
                                 rounds_);
    Print("packaging again: " + what,
          {{key + "_unchanged_ms", "unchanged; peer: anew", medians[2], "ms", medians[0],
            "<= 0.02 x"},
           {key + "_changed_ms", "one file changed; peer: anew", medians[1], "ms", medians[0], ""},
           {key + "_hash_ms", "of it: casemate manifest hash", medians[3], "ms", 0, ""}},
          options_);
    Drop(fresh);
    Drop(kept);
  }

  const Options& options_;
  const int rounds_;
  ScratchDirectory place_;
  const std::string config_ = place_.path() + "/config.yaml";
  const std::string storage_ = place_.path() + "/buildah";
  const std::string signatures_ = place_.path() + "/signatures.json";
  Contents contents_;
  int changes_ = 0;
};

}  // namespace

void BenchPackage(const Options& options) {
  Bench bench(options);
  bench.Hash();
  bench.Large();
  bench.Small();
  bench.Least();
}

}  // namespace casemate::bench
