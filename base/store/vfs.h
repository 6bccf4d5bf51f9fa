// How SQLite reaches its files: as its own way for Unix does, but by the very path that it was
// given. Its own follows every link on the way itself, which leads back through directories that
// this process may not enter, where the path begins at an open one (/proc/self/fd/N).
#pragma once

namespace casemate {

// The name to open databases with; null when SQLite has no ways at all, which is its default then.
const char* PlainVfs();

}  // namespace casemate
