// The lifeline: a file that the launcher holds a record lock on for as long as it lives. Unlike the
// end of a pipe, no process that it clones can come to hold that lock, not even for the moment
// until it closes what it inherited. Functions return 0 or an errno.
#pragma once

#include "base/unique_fd.h"

namespace casemate::launcher {

// In the launcher, which keeps it and never opens or closes another descriptor of that file.
int MakeLifeline(UniqueFd* lifeline);

// In a child: asks for SIGKILL at the launcher's death, and fails if it is dead already.
int DieWithLauncher(int lifeline);

}  // namespace casemate::launcher
