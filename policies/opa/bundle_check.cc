#include "policies/opa/bundle_check.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace casemate::policies {
namespace {

using nlohmann::json;

constexpr const char* kCapabilitiesPath = "/run/casemate/capabilities.json";
constexpr std::size_t kMostSaid = 2000;

// Older versions of opa do not say of all of these that they are nondeterministic.
constexpr std::array<std::string_view, 5> kOutward = {
    "http.send", "opa.runtime", "net.lookup_ip_addr", "rand.intn", "uuid.rfc4122"};
constexpr std::array<std::string_view, 2> kKept = {"time.now_ns", "io.jwt.decode_verify"};

bool IsOutward(const json& builtin) {
  const std::string name = builtin.value("name", "");
  if (std::ranges::find(kOutward, name) != kOutward.end()) {
    return true;
  }
  return builtin.value("nondeterministic", false) && std::ranges::find(kKept, name) == kKept.end();
}

// What opa said, as one line for people.
std::string Said(const OpaSandbox::Output& output) {
  std::string text = ToValidUtf8(output.err + output.out);
  if (text.size() > kMostSaid) {
    text = ToValidUtf8(text.substr(0, kMostSaid)) + "…";
  }
  while (text.ends_with('\n')) {
    text.pop_back();
  }
  return EscapeControls(text, true);
}

Error Refused(const Bundle& bundle, const std::string& what, const OpaSandbox::Output& output,
              const std::string& remedy) {
  return {ErrorCode::kInvalidArgument, bundle.path() + ": " + what + ": " + Said(output),
          "rego.bundle", remedy, 0};
}

// "Version: 0.70.0" at the beginning, then the capabilities.
Result<std::pair<std::string, std::string>> AskProgram(OpaSandbox& sandbox,
                                                       std::int64_t deadline_ns,
                                                       const std::stop_token& stop) {
  auto said = sandbox.Call(R"("$opa" version && exec "$opa" capabilities --current)", "/tmp", {},
                           deadline_ns, stop);
  if (!said) {
    return std::move(said).error();
  }
  constexpr std::string_view kLabel = "Version: ";
  const std::size_t end = said->out.find('\n');
  const std::size_t brace = said->out.find('{');
  if (said->exit_code != 0 || !said->out.starts_with(kLabel) || brace == std::string::npos) {
    return Error{ErrorCode::kUnavailable,
                 "expected `opa version` and its capabilities, got: " + Said(*said), "rego.opa",
                 "name a program `opa` of version 0.70 or newer", 0};
  }
  return std::pair(EscapeControls(said->out.substr(kLabel.size(), end - kLabel.size()), false),
                   said->out.substr(brace));
}

Result<void> CheckAndTest(OpaSandbox& sandbox, const Bundle& bundle,
                          const std::string& capabilities, std::int64_t deadline_ns,
                          const std::stop_token& stop) {
  const std::string loaded =
      std::string(" --capabilities ") + kCapabilitiesPath + " --bundle " + bundle.argument();
  std::vector<sandbox::InjectedFile> files = BundleFiles(bundle, {});
  files.push_back({kCapabilitiesPath, capabilities, 0444});
  auto checked = sandbox.Call("exec \"$opa\" check --strict" + loaded, bundle.directory(), files,
                              deadline_ns, stop);
  if (!checked) {
    return std::move(checked).error();
  }
  if (checked->exit_code != 0) {
    return Refused(bundle, "`opa check --strict` refuses it", *checked,
                   "correct the file that it names; what reaches outside (http.send and the like) "
                   "is not allowed in policy");
  }
  auto tested = sandbox.Call("exec \"$opa\" test" + loaded, bundle.directory(), std::move(files),
                             deadline_ns, stop);
  if (!tested) {
    return std::move(tested).error();
  }
  if (tested->exit_code != 0) {
    return Refused(bundle, "its tests fail", *tested, "correct the policy or the test");
  }
  return {};
}

}  // namespace

std::vector<sandbox::InjectedFile> BundleFiles(const Bundle& bundle, const std::string& key) {
  std::vector<sandbox::InjectedFile> files = bundle.files();
  if (!key.empty()) {
    files.push_back({kKeyPath, key, 0444});
  }
  return files;
}

Result<std::string> RestrictedCapabilities(std::string_view capabilities) {
  auto parsed = ParseJson(capabilities);
  if (!parsed) {
    return std::move(parsed).error();
  }
  const auto builtins = parsed->is_object() ? parsed->find("builtins") : parsed->end();
  if (!parsed->is_object() || builtins == parsed->end() || !builtins->is_array() ||
      !std::ranges::all_of(*builtins, [](const json& each) {
        return each.is_object() && each.contains("name") && each.at("name").is_string();
      })) {
    return Error{ErrorCode::kUnavailable,
                 "expected the capabilities of opa: {builtins: […]}",
                 "rego.opa",
                 {},
                 0};
  }
  json kept = json::array();
  std::ranges::copy_if(*builtins, std::back_inserter(kept),
                       [](const json& each) { return !IsOutward(each); });
  *builtins = std::move(kept);
  (*parsed)["allow_net"] = json::array();
  return DumpJson(*parsed);
}

Result<void> VerifySignature(OpaSandbox& sandbox, const Bundle& bundle, const std::string& key,
                             std::int64_t deadline_ns, const std::stop_token& stop) {
  auto verified = sandbox.Call(std::string("exec \"$opa\" build --output /tmp/built.tar.gz") +
                                   kVerification + " --bundle " + bundle.argument(),
                               bundle.directory(), BundleFiles(bundle, key), deadline_ns, stop);
  if (!verified) {
    return std::move(verified).error();
  }
  if (verified->exit_code != 0) {
    return Refused(bundle, "its signature cannot be verified", *verified,
                   "sign it with the key that belongs to `rego.verification_key`: "
                   "casemate policy bundle sign DIR --key PRIVATE.pem");
  }
  return {};
}

Result<std::string> CheckBundle(OpaSandbox& sandbox, const Bundle& bundle, const std::string& key,
                                std::int64_t deadline_ns, const std::stop_token& stop) {
  auto program = AskProgram(sandbox, deadline_ns, stop);
  if (!program) {
    return std::move(program).error();
  }
  auto capabilities = RestrictedCapabilities(program->second);
  if (!capabilities) {
    return std::move(capabilities).error();
  }
  // Before anything of it is read as code.
  if (!key.empty()) {
    if (auto verified = VerifySignature(sandbox, bundle, key, deadline_ns, stop); !verified) {
      return verified.error();
    }
  }
  if (auto checked = CheckAndTest(sandbox, bundle, *capabilities, deadline_ns, stop); !checked) {
    return checked.error();
  }
  return std::move(program->first);
}

}  // namespace casemate::policies
