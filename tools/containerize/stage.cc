#include "tools/containerize/stage.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace casemate::containerize {

namespace {

constexpr std::size_t kLineWidth = 100;
constexpr std::string_view kPlainPath =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./@+~";
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kOlderNames = {
    {{"libicu72", "libicu67"}, {"libssl3", "libssl1.1"}, {"libffi8", "libffi7"}}};
// What the writer refuses.
constexpr std::string_view kUnwritable = "\x01";

// A value of ENV: in quotes when a blank would end it. A dollar is meant as Dockerfiles mean it.
std::string EnvValue(const std::string& value) {
  if (!value.empty() && value.find_first_of(" \t\"'\\#") == std::string::npos) {
    return value;
  }
  std::string quoted = "\"";
  for (const char c : value) {
    quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
  }
  return quoted + '"';
}

}  // namespace

std::string JsonWords(const std::vector<std::string>& words) {
  std::string text = "[";
  for (const std::string& word : words) {
    text += (text.size() > 1 ? ", " : "") +
            nlohmann::json(word).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return text + "]";
}

Stage::Stage(std::string image, std::string name, std::string why)
    : image_(std::move(image)), name_(std::move(name)), why_(std::move(why)) {}

void Stage::Add(std::string text, std::string_view why) {
  instructions_.push_back({std::move(text), std::string(why), {}});
  ends_with_run_ = false;
}

void Stage::Ignore(std::string rule) {
  instructions_.back().ignored = std::move(rule);
}

void Stage::WorkDir(const std::string& path) {
  if (path != work_dir_) {
    work_dir_ = path;
    Add("WORKDIR " + path);
  }
}

void Stage::Env(const std::vector<std::pair<std::string, std::string>>& variables,
                std::string_view why) {
  std::string text;
  for (const auto& [name, value] : variables) {
    text += (text.empty() ? "ENV " : " \\\n    ") + name + "=" + EnvValue(value);
  }
  if (!text.empty()) {
    Add(std::move(text), why);
  }
}

void Stage::Run(std::string_view command, std::string_view why,
                const std::vector<std::string>& caches, const std::vector<std::string>& mounts) {
  std::string text;
  for (const std::string& cache : caches) {
    const std::string_view place = std::string_view(cache).substr(0, cache.find(",sharing="));
    if (place.find_first_not_of(kPlainPath) != std::string_view::npos) {
      Add(std::string(kUnwritable));
      return;
    }
    text += "--mount=type=cache,target=" + cache + " \\\n    ";
  }
  for (const std::string& mount : mounts) {
    text += "--mount=" + mount + " \\\n    ";
  }
  if (ends_with_run_ && last_mounts_ == text && !command.starts_with('[')) {
    Instruction& last = instructions_.back();
    last.text += " \\\n    && " + std::string(command);
    last.why += (last.why.empty() || why.empty() ? "" : " ") + std::string(why);
    return;
  }
  Add("RUN " + text + std::string(command), why);
  last_mounts_ = text;
  ends_with_run_ = true;
}

void Stage::Copy(const std::vector<std::string>& from, const std::string& to, std::string_view why,
                 const CopyOptions& options) {
  if (from.empty()) {
    return;
  }
  std::string text = "COPY ";
  text += options.stage.empty() ? "" : "--from=" + options.stage + " ";
  text += options.owner.empty() ? "" : "--chown=" + options.owner + " ";
  // Names of a project's own may hold anything: patterns and variables cannot be written as what
  // they are, all else can as JSON.
  const auto is_pattern = [](const std::string& path) {
    return path.find_first_of("$*?[]\\\n") != std::string::npos;
  };
  if (is_pattern(to) || std::any_of(from.begin(), from.end(), is_pattern)) {
    Add(std::string(kUnwritable));
    return;
  }
  const auto is_special = [](const std::string& path) {
    return path.find_first_not_of(kPlainPath) != std::string::npos || path.starts_with('-');
  };
  if (is_special(to) || std::any_of(from.begin(), from.end(), is_special)) {
    std::vector<std::string> words = from;
    words.push_back(to);
    Add(text + JsonWords(words), why);
    return;
  }
  std::size_t column = text.size();
  for (const std::string& path : from) {
    if (column + path.size() > kLineWidth && column > 10) {
      text += "\\\n    ";
      column = 4;
    }
    text += path + " ";
    column += path.size() + 1;
  }
  Add(text + to, why);
}

void Stage::Packages(std::vector<std::string> names, std::string_view why) {
  if (image_.find("bullseye") != std::string::npos) {
    // The analysis names packages of bookworm.
    for (std::string& name : names) {
      for (const auto& [newer, older] : kOlderNames) {
        name = name == newer ? std::string(older) : name;
      }
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.empty()) {
    return;
  }
  std::string text = "RUN apt-get update \\\n    && apt-get install -y --no-install-recommends";
  for (const std::string& name : names) {
    text += names.size() > 3 ? " \\\n       " : " ";
    text += name;
  }
  Add(text + " \\\n    && rm -rf /var/lib/apt/lists/*", why);
  // Debian replaces a package by the one with the security fix: a pinned one would be gone.
  Ignore("DL3008");
}

}  // namespace casemate::containerize
