// The resource providers of what a server can tell about itself: casemate://docs/{page},
// casemate://profiles/{name}, casemate://audit/{seq}. Thread-safe.
#pragma once

#include <memory>

#include "policies/audit/audit_log.h"
#include "tools/resource.h"

namespace casemate::tools {

// Markdown pages for agents and people. Facts: {kind: "docs"}.
std::unique_ptr<ResourceProvider> MakeDocsResource();
// A sandbox profile as JSON, as `profile_list` shows it. Facts: {kind: "profile"}.
std::unique_ptr<ResourceProvider> MakeProfileResource();
// One record of the audit trail as JSON. Never listed: each look adds a record. Facts: {kind:
// "audit", own: whether it records something of the principal}. Borrows `audit`.
std::unique_ptr<ResourceProvider> MakeAuditResource(policies::AuditLog& audit);

}  // namespace casemate::tools
