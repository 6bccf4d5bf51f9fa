// Fuzz target: a policy file. It is read or refused, a refusal is one line of text, and what is
// read decides.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "policies/engine/yaml_policy.h"
#include "tests/fuzz/found.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace casemate;
  using nlohmann::json;
  const auto policy =
      policies::LoadYamlPolicy({reinterpret_cast<const char*>(data), size}, "policy.yaml");
  if (!policy) {
    const std::string why = Describe(policy.error());
    if (why.empty() || !IsValidUtf8(why) || why.find('\n') != std::string::npos) {
      fuzz::Found("a refusal that is not one line of text: " + why);
    }
    return 0;
  }
  static const json kArgs = {{"command", {"ls", "-l"}},
                             {"workspace", "/w/x"},
                             {"host", "10.0.0.1"},
                             {"limits", {{"pids", 3}}}};
  static const json kContext = {{"workspace_root", "/w"}, {"profile", "default"}};
  for (const char* tool : {"run", "job_status", ""}) {
    const policies::Decision decision =
        (*policy)->Decide({tool, {}, kArgs, kContext, policies::NoHistory()});
    const bool asks = decision.effect == policies::Effect::kAsk;
    if (decision.grant.has_value() != (decision.effect == policies::Effect::kAllow) ||
        decision.asked.has_value() != asks || decision.approval.has_value() != asks) {
      fuzz::Found("a grant without permission, or none with it");
    }
    if (decision.effect != policies::Effect::kDeny && !(*policy)->MayEverAllow(tool, {})) {
      fuzz::Found("it allows what it never would");
    }
  }
  return 0;
}
