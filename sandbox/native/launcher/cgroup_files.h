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

// False when the file is missing or holds something else.
bool ReadNumber(int base, const char* group, const char* file, std::uint64_t* value);
// The number after `key` at the start of a line.
bool ReadField(int base, const char* group, const char* file, const char* key,
               std::uint64_t* value);

// The processes in the group, one pid a line, as a stream that the caller closes; null when the
// group is gone.
std::FILE* OpenProcessList(int base, const char* group);

// Kills every process in `name` and the groups right below it and removes these groups. False: some
// are still busy. True also when there is none.
bool RemoveGroupTree(int parent, const char* name);

}  // namespace casemate::launcher
