// Files and directories of control groups, addressed by the directory above and the group's name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>

namespace casemate::launcher {

inline constexpr std::size_t kRunNameBytes = 32;

// "run-<id>".
void RunName(std::uint64_t id, char (&name)[kRunNameBytes]);

// A descriptor, or -1 with errno set.
int OpenGroupFile(int base, const char* group, const char* file, int flags);

// 0 or an errno.
int WriteGroupFile(int base, const char* group, const char* file, const char* text);
int WriteNumber(int base, const char* group, const char* file, std::uint64_t value);

// False when the file cannot be read. What does not fit is left out.
bool ReadGroupFile(int base, const char* group, const char* file, char* text, std::size_t bytes);
// The number that `text` holds, or, with a `key`, the one after it at the start of a line. False:
// there is none.
bool NumberIn(const char* text, const char* key, std::uint64_t* value);
// The same in a file.
bool ReadNumber(int base, const char* group, const char* file, const char* key,
                std::uint64_t* value);

// The processes in the group, one pid a line, as a stream that the caller closes; null when the
// group is gone.
std::FILE* OpenProcessList(int base, const char* group);

// Kills every process in `name` and the groups right below it and removes these groups. False: some
// are still busy. True also when there is none.
bool RemoveGroupTree(int parent, const char* name);

}  // namespace casemate::launcher
