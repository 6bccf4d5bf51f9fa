// The tables of the audit trail as we make them, and what is in the database beside: a trigger or a
// table of another form could drop or change records with the server's own hands. Not thread-safe:
// call under the Store's lock.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/store/store.h"

namespace casemate::policies {

std::span<const Migration> AuditMigrations();
// One sentence for each trigger, each view, and each table or index of the trail that is not, to
// the letter, what the migrations make.
Result<std::vector<std::string>> ForeignObjects(Store& store);

}  // namespace casemate::policies
