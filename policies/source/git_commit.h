// The commit that a file's repository is at, read from its .git directory
// (gitrepository-layout(5)): HEAD, a loose or packed ref, worktrees. Runs nothing; thread-safe.
#pragma once

#include <string>

namespace casemate::policies {

// 40 or 64 hex digits; empty: `file` lies in no repository, or in one without a commit. Says
// nothing about whether the file was changed since: its own hash does.
std::string CommitOf(const std::string& file);

}  // namespace casemate::policies
