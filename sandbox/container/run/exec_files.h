// Files for a command in a container that exists. They are written as the container's own user by
// its own shell, so that nothing is written where that user could not write, into a new directory
// in which the command then runs: nothing that the container has is touched, and the directory goes
// with the command. Blocking; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/event_fd.h"
#include "base/result.h"
#include "sandbox/container/run/exec_place.h"
#include "sandbox/native/spec.h"

namespace casemate::container {

// A new name below /tmp, which nobody can guess.
std::string NewFilesDirectory();

// What a POSIX shell reads to make `directory` and the files in it; their paths are relative and
// climb nowhere. Any bytes pass.
std::string FilesScript(const std::string& directory, std::span<const sandbox::InjectedFile> files);

enum class FilesEnd { kWritten, kCancelled, kTimedOut };
// Errors: kInvalidArgument for "args.files" when the container has no shell or no room, with its
// words; those of the engine.
Result<FilesEnd> WriteFiles(const ExecPlace& place, const std::string& directory,
                            std::span<const sandbox::InjectedFile> files, const EventFd& stop,
                            std::int64_t deadline_ns);
// Whatever is there of it; what cannot be removed stays.
void RemoveFiles(const ExecPlace& place, const std::string& directory);

}  // namespace casemate::container
