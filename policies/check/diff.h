// What changes between two policies: in their text, and for the calls that their examples and tests
// state. Pure; thread-safe.
#pragma once

#include <span>

#include <nlohmann/json_fwd.hpp>

#include "policies/check/suite_yaml.h"
#include "policies/engine/yaml_policy.h"

namespace casemate::policies {

// {version, before, after: revisions;
//  rules: {added: [{id, where, effect}], removed: […], changed: [{id, where, changes: [{what,
//  before,
//    after}]}]}; layers: {added: [name], removed: [name], changed: [{layer, changes}]};
//  calls: how many were judged by both;
//  flips: [{where, call, before: {effect, rule}, after: …}],
//  rights: [{where, call, wider: [{what, before, after}], narrower: […]}]}
nlohmann::json DiffPolicies(const YamlPolicy& before, const YamlPolicy& after,
                            std::span<const TestSuite> suites);

}  // namespace casemate::policies
