#include "sandbox/native/apparmor_profile.h"

#include <algorithm>
#include <filesystem>

namespace casemate::sandbox {
namespace {

constexpr std::string_view kShippedPrograms = "/usr{,/local}/bin/casemate";
constexpr std::string_view kNames[] = {"/usr/bin/casemate", "/usr/local/bin/casemate"};

bool IsPlain(std::string_view path) {
  return path.starts_with('/') && std::ranges::all_of(path, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("/._+-").find(c) != std::string_view::npos;
         });
}

// "/usr/local/bin/casemate" → "/usr/local/share/casemate/apparmor/casemate"
std::string InstalledBeside(const std::string& program) {
  return (std::filesystem::path(program).parent_path().parent_path() /
          "share/casemate/apparmor/casemate")
      .string();
}

}  // namespace

Result<std::string> AppArmorProfileFor(std::string_view program) {
  if (!IsPlain(program)) {
    Error error =
        InvalidArgument("program", "expected an absolute path of letters, digits and /._+-, got `" +
                                       std::string(program) + "`");
    error.remedy = "install casemate to such a path, for instance /usr/local/bin/casemate";
    return error;
  }
  std::string profile(ShippedAppArmorProfile());
  return profile.replace(profile.find(kShippedPrograms), kShippedPrograms.size(), program);
}

std::string LoadAppArmorProfile(const std::string& program, const std::string& root) {
  const std::string installed = InstalledBeside(program);
  const bool is_named = std::ranges::find(kNames, program) != std::end(kNames);
  const bool use_installed = is_named && std::filesystem::exists(root + installed);
  return (use_installed
              ? "sudo cp " + installed + " /etc/apparmor.d/casemate"
              : program + " doctor --apparmor-profile | sudo tee /etc/apparmor.d/casemate") +
         " && sudo apparmor_parser -r /etc/apparmor.d/casemate";
}

}  // namespace casemate::sandbox
