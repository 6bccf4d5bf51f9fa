#include "mcp/server/request_state.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace casemate::mcp {
namespace {

using nlohmann::json;

const RequestStates::Binding kCall{"local", "tools/call", "digest"};

std::string Problem(RequestStates& states, const RequestStates::Binding& binding,
                    const std::string& state) {
  const auto opened = states.Open(binding, state);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::kInvalidArgument);
  CHECK(opened.error().field == "params.requestState");
  CHECK_FALSE(opened.error().remedy.empty());
  return opened.error().message;
}

TEST_CASE("a request state brings its content back, once") {
  RequestStates states;
  const std::string state = *states.Seal(kCall, {{"name", {{"action", "accept"}}}});
  const auto opened = states.Open(kCall, state);
  REQUIRE(opened);
  CHECK((*opened)["name"]["action"] == "accept");
  CHECK(Problem(states, kCall, state).find("used before") != std::string::npos);
}

TEST_CASE("a request state is good for the same call of the same principal only") {
  RequestStates states;
  for (const auto& other : {RequestStates::Binding{"eve", "tools/call", "digest"},
                            RequestStates::Binding{"local", "prompts/get", "digest"},
                            RequestStates::Binding{"local", "tools/call", "other"}}) {
    const std::string state = *states.Seal(kCall, json::object());
    CHECK(Problem(states, other, state).find("another call") != std::string::npos);
    CHECK(states.Open(kCall, state));  // and was not used up by the attempt
  }
}

TEST_CASE("no byte of a request state can be changed") {
  RequestStates states;
  const std::string state = *states.Seal(kCall, json::object());
  for (std::size_t i = 0; i < state.size(); ++i) {
    std::string altered = state;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(states.Open(kCall, altered));
  }
  CHECK_FALSE(states.Open(kCall, state + "0"));
  CHECK_FALSE(states.Open(kCall, ""));
  CHECK_FALSE(states.Open(kCall, std::string(2'000'000, 'x')));
  RequestStates other;  // another process
  CHECK(Problem(other, kCall, state).find("another server") != std::string::npos);
}

}  // namespace
}  // namespace casemate::mcp
