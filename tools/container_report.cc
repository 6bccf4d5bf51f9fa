#include "tools/container_report.h"

#include <sys/statvfs.h>

#include <utility>

#include "base/clock.h"
#include "tools/container_inside.h"
#include "tools/container_log_lines.h"
#include "tools/stop_after.h"

namespace casemate::tools {
namespace {

using container::ContainerDetails;
using container::Engine;

constexpr LogBounds kLastLines{50, std::size_t{64} << 10};
constexpr std::chrono::milliseconds kLogPatience{5'000};

std::vector<std::string> LastLines(const Engine& engine, const ContainerDetails& details,
                                   const std::stop_token& stop) {
  LogLines lines(kLastLines, std::nullopt, nullptr);
  container::LogRequest request;
  request.tail = static_cast<std::int64_t>(kLastLines.lines);
  const StopAfter patience(stop, kLogPatience);
  // Without a log the state alone tells; some log drivers cannot be read.
  [[maybe_unused]] const auto read = engine.Logs(
      details.summary.id, request,
      [&](container::StdStream stream, std::string_view bytes) {
        lines.Take(stream, bytes);
        return true;
      },
      patience.token());
  lines.Finish();
  return {lines.lines().begin(), lines.lines().end()};
}

void FindDisk(const Engine& engine, container::DiagnosisInput& input) {
  struct statvfs disk{};
  const std::string& root = engine.info().root_directory;
  if (!root.empty() && statvfs(root.c_str(), &disk) == 0) {
    input.disk_free_bytes = static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize);
    input.disk_total_bytes = static_cast<std::int64_t>(disk.f_blocks * disk.f_frsize);
  }
}

}  // namespace

std::vector<container::Diagnosis> DiagnoseNow(const Engine& engine, const ContainerDetails& details,
                                              const std::optional<container::Usage>& usage,
                                              int zombies, const std::stop_token& stop) {
  const auto lines = LastLines(engine, details, stop);
  container::DiagnosisInput input;
  input.details = &details;
  input.usage = usage;
  input.log_lines = lines;
  input.zombies = zombies;
  input.now_ms = WallClockMs();
  FindDisk(engine, input);
  return container::Diagnose(input);
}

ContainerReport GatherReport(const Engine& engine, ContainerMeter& meter,
                             const container::SignatureTable* signatures, ContainerDetails details,
                             const std::stop_token& stop) {
  ContainerReport report;
  report.details = std::move(details);
  ContainerDetails& about = report.details;
  if (auto image = engine.InspectImage(about.summary.image_id, {.stop = stop})) {
    report.image = *std::move(image);
    // Ours are made by the image's id, which tells people nothing.
    if (about.summary.image.starts_with("sha256:") && !report.image->tags.empty()) {
      about.summary.image = report.image->tags.front();
    }
  }
  report.measured = meter.Measure(engine, about, stop);
  if (about.pid > 0) {
    report.services = LookInside(about, signatures);
  }
  const auto usage = report.measured ? std::optional(report.measured->usage) : std::nullopt;
  report.findings = DiagnoseNow(engine, about, usage, report.services.zombies, stop);
  report.now_ms = WallClockMs();
  return report;
}

}  // namespace casemate::tools
