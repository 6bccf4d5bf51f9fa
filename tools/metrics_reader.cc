#include "tools/metrics_reader.h"

#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

namespace casemate::tools {

Result<std::string> MetricsReader::Read(const CallContext& context) const {
  try {
    const nlohmann::json args = nlohmann::json::object();
    const nlohmann::json facts = {{"kind", "metrics"}};
    if (auto passed = gate_.Pass(
            {"metrics_read", context.principal, context.channel, context.session, args, facts});
        !passed) {
      return std::move(passed).error();
    }
    return registry_.Render();
  } catch (const std::exception& caught) {
    return Error{ErrorCode::kInternal,
                 std::string("the metrics failed unexpectedly: ") + caught.what(),
                 {},
                 "report this as a defect of Casemate",
                 0};
  }
}

}  // namespace casemate::tools
