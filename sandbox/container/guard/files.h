// The files that a command finds at its start. Below the working directory no symbolic link is
// followed: a workspace may hold some that lead elsewhere.
#pragma once

namespace casemate::container::guard {

// Reads FileHead, path and content from `fd` and writes the file. false: errno says why.
bool TakeFile(int fd);

}  // namespace casemate::container::guard
