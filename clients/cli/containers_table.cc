#include "clients/cli/containers_table.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include <nlohmann/json.hpp>

#include "tools/container_report.h"

namespace casemate::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kGap = 2;
constexpr std::size_t kMaxShown = 4;  // of ports, and of services
constexpr double kNearLimit = 0.9;

bool BeginsCharacter(char byte) {
  constexpr unsigned kTopBits = 0xC0;
  constexpr unsigned kContinuation = 0x80;
  return (static_cast<unsigned char>(byte) & kTopBits) != kContinuation;
}

std::size_t WidthOf(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, BeginsCharacter));
}

// The first `width` characters.
std::string_view Cut(std::string_view text, std::size_t width) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (BeginsCharacter(text[i]) && ++seen > width) {
      return text.substr(0, i);
    }
  }
  return text;
}

std::string Text(const json& row, const char* name) {
  const auto found = row.find(name);
  return found != row.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// "exited (137)": the engine's words hold the code.
Cell StateCell(const json& row) {
  const std::string state = Text(row, "state");
  const std::string status = Text(row, "status");
  if (state == "running") {
    return {state, Colour::kGreen};
  }
  if (state != "exited") {
    return {state, state == "dead" ? Colour::kRed : Colour::kYellow};
  }
  const std::size_t open = status.find('(');
  const std::size_t close = status.find(')', open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos) {
    return {state, Colour::kDim};
  }
  const std::string code = status.substr(open, close - open + 1);
  return {state + " " + code, code == "(0)" ? Colour::kDim : Colour::kRed};
}

Cell HealthCell(const json& row) {
  std::string health = Text(row, "health");
  if (health.empty()) {  // of those that do not run only the engine's words are known
    const std::string status = Text(row, "status");
    health = Has(status, "(unhealthy)") ? "unhealthy" : Has(status, "(healthy)") ? "healthy" : "-";
  }
  if (health == "healthy") {
    return {health, Colour::kGreen};
  }
  if (health == "unhealthy") {
    return {health, Colour::kRed};
  }
  return {health, health == "starting" ? std::optional(Colour::kYellow) : std::nullopt};
}

std::string CpuText(const json& row) {
  if (!row.contains("cpu_percent")) {
    return "-";
  }
  std::array<char, 32> text{};
  static_cast<void>(
      std::snprintf(text.data(), text.size(), "%.1f%%", row.value("cpu_percent", 0.0)));
  return text.data();
}

Cell MemoryCell(const json& row) {
  if (!row.contains("memory_bytes")) {
    return {"-", std::nullopt};
  }
  const auto used = row.value("memory_bytes", std::int64_t{0});
  const auto limit = row.value("memory_limit_bytes", std::int64_t{0});
  std::string text = tools::BytesText(used);
  if (limit == 0) {
    return {text, std::nullopt};
  }
  text += " / " + tools::BytesText(limit);
  const bool is_near = static_cast<double>(used) >= kNearLimit * static_cast<double>(limit);
  return {text, is_near ? std::optional(Colour::kRed) : std::nullopt};
}

// Each once, at most kMaxShown of them.
template <typename Show>
std::string List(const json& row, const char* name, const Show& show) {
  std::vector<std::string> texts;
  const auto items = row.find(name);
  if (items != row.end()) {
    for (const json& item : *items) {
      std::string text = show(item);
      if (!text.empty() && std::ranges::find(texts, text) == texts.end()) {
        texts.push_back(std::move(text));
      }
    }
  }
  std::string all;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i == kMaxShown) {
      return all + " …";
    }
    all += (i == 0 ? "" : ", ") + texts[i];
  }
  return all.empty() ? "-" : all;
}

// What can be reached from outside of the container.
std::string PublishedPort(const json& port) {
  std::string text = port.get<std::string>();
  return Has(text, "->") ? text : std::string();
}

std::string ServicesText(const json& row) {
  std::string text =
      List(row, "services", [](const json& service) { return Text(service, "name"); });
  // Nothing was found where not all could be seen: that is not nothing.
  const auto blind = row.find("blind_spots");
  return text == "-" && blind != row.end() && !blind->empty() ? "?" : text;
}

}  // namespace

std::vector<std::string> TableLines(const std::vector<std::vector<Cell>>& rows, std::size_t width) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], WidthOf(row[i].text));
    }
  }
  std::vector<std::string> lines;
  for (const auto& row : rows) {
    std::string line;
    std::size_t at = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Cell& cell = row[i];
      const std::size_t room = width == 0 ? cell.text.size() : width - std::min(width, at);
      const std::string_view text = Cut(cell.text, room);
      line += cell.colour ? Paint(STDOUT_FILENO, *cell.colour, text) : std::string(text);
      const bool is_last = i + 1 == row.size() || (width > 0 && at + widths[i] + kGap >= width);
      if (is_last) {
        break;
      }
      line += std::string(widths[i] - WidthOf(text) + kGap, ' ');
      at += widths[i] + kGap;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<std::vector<Cell>> ContainerTable(const json& containers) {
  std::vector<std::vector<Cell>> rows(1);
  for (const char* name : {"NAME", "IMAGE", "STATE", "HEALTH", "CPU", "MEM", "PORTS", "SERVICES"}) {
    rows.front().push_back({name, Colour::kDim});
  }
  for (const json& row : containers) {
    rows.push_back({{Text(row, "name"), std::nullopt},
                    {Text(row, "image"), std::nullopt},
                    StateCell(row),
                    HealthCell(row),
                    {CpuText(row), std::nullopt},
                    MemoryCell(row),
                    {List(row, "ports", PublishedPort), std::nullopt},
                    {ServicesText(row), std::nullopt}});
  }
  return rows;
}

}  // namespace casemate::cli
