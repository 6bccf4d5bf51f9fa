// What a container's image says of how it is run: the settings of its configuration, and the init
// where there are several applications or a health check that asks over the network. Pure.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "sandbox/container/init_config/init_config.h"
#include "sandbox/container/oci/image.h"
#include "tools/package/identity.h"
#include "tools/package/manifest.h"

namespace casemate::package {

inline constexpr std::string_view kAppRoot = "/app";

// "/app/services/api": where an application lies in images.
std::string PlaceOf(const Application& app);

// nullopt: the container needs no init. Errors: kInvalidArgument for an architecture that this
// program has no init for.
Result<std::optional<container::InitConfig>> InitOf(const Manifest& manifest,
                                                    const Container& container);

// `init`: it has one. Nothing but manifest and sources decides what these are: the commit is in the
// provenance.
oci::ImageSettings SettingsOf(const Manifest& manifest, const Container& container,
                              const Identity& identity, bool init);

}  // namespace casemate::package
