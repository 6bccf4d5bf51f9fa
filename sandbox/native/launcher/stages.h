// Names of the set-up steps, for reports and error messages. Pure; shared by the launcher and the
// server's side.
#pragma once

#include "sandbox/native/launcher/wire.h"

namespace casemate::sandbox {

// Never null; "unknown step" for a value that is not in the table.
const char* StageName(wire::Stage stage);

}  // namespace casemate::sandbox
