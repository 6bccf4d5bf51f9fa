// Whole reads and writes on blocking descriptors. errno says why one failed; EPIPE for an end that
// came too early.
#pragma once

#include <cstddef>

namespace casemate::container::guard {

bool ReadAll(int fd, void* into, std::size_t size);
bool WriteAll(int fd, const void* from, std::size_t size);

}  // namespace casemate::container::guard
