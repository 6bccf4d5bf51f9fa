// Traffic: what a client may send, made up at random: legal messages of every edition, and messages
// with something wrong in one place. For the fuzz targets' mutators and the property tests. One
// thread.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "tests/fuzz/random.h"

namespace casemate::fuzz {

// Which edition the requests are for.
enum class Era { kLegacy, kModern };

class Traffic {
 public:
  explicit Traffic(std::uint32_t seed) : random(seed) {}

  // Legal ones.
  nlohmann::json Initialize(const nlohmann::json& id, std::string_view version);
  nlohmann::json Request(const nlohmann::json& id, Era era);
  static nlohmann::json Cancel(const nlohmann::json& id);
  // An id that requests may have.
  nlohmann::json Id();

  // Anything that is JSON, mostly close to a message; now and then a batch.
  nlohmann::json Anything();
  // Changes one place of it.
  void Alter(nlohmann::json& message);
  // Changes one line of `lines` (each a message, or not): alters it, repeats it, moves it, takes it
  // away, cancels it, or puts another one there.
  std::string AlterLines(std::string_view lines);

  Random random;

 private:
  nlohmann::json Params(const std::string& method);
  nlohmann::json Arguments();
  nlohmann::json Value();
  nlohmann::json OddId();
  nlohmann::json Loose();
  nlohmann::json* Place(nlohmann::json& message);
};

inline constexpr std::string_view kLegacyVersions[] = {"2024-11-05", "2025-03-26", "2025-06-18",
                                                       "2025-11-25"};

}  // namespace casemate::fuzz
