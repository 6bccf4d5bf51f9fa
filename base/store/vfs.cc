#include "base/store/vfs.h"

#include <cstring>

#include <sqlite3.h>

namespace casemate {
namespace {

constexpr const char* kName = "casemate";

int FullPathname(sqlite3_vfs* /*vfs*/, const char* name, int size, char* full) {
  const std::size_t length = std::strlen(name);
  if (name[0] != '/' || length >= static_cast<std::size_t>(size)) {
    return SQLITE_CANTOPEN;
  }
  std::memcpy(full, name, length + 1);
  return SQLITE_OK;
}

const char* Register() {
  const sqlite3_vfs* standard = sqlite3_vfs_find(nullptr);
  if (standard == nullptr) {
    return nullptr;
  }
  static sqlite3_vfs plain = *standard;
  plain.zName = kName;
  plain.pNext = nullptr;
  plain.xFullPathname = FullPathname;
  return sqlite3_vfs_register(&plain, 0) == SQLITE_OK ? kName : nullptr;
}

}  // namespace

const char* PlainVfs() {
  static const char* const name = Register();
  return name;
}

}  // namespace casemate
