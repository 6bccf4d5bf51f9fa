// The generated /etc: names of the sandbox's own users and host, and the few host files that the
// loader and interpreters read. The host's passwd, hosts, resolv.conf and the rest stay outside.

#include "sandbox/native/launcher/mounts.h"
#include "sandbox/native/launcher/text.h"

namespace casemate::launcher {
namespace {

struct Generated {
  const char* path;
  const char* text;
};

constexpr Generated kGenerated[] = {
    {"etc/passwd",
     "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
     "casemate:x:1000:1000:casemate:/workspace:/bin/sh\n"
     "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"etc/group", "root:x:0:\ncasemate:x:1000:\nnogroup:x:65534:\n"},
    {"etc/hosts", "127.0.0.1 localhost casemate\n::1 localhost\n"},
    {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"},
    {"etc/hostname", "casemate\n"},
};

int BindEtcEntry(const EtcEntry& entry) {
  char source[NAME_MAX + 8];
  FormatInto(source, sizeof(source), "/etc/%s", entry.name);
  const char* target = source + 1;
  const int made = entry.is_directory ? MakeDirectory(target, 0755) : MakeFile(target, "", 0644);
  if (made != 0) {
    return made;
  }
  // Optional: a package may have been removed since the launcher started.
  const int error = BindReadOnly(source, target);
  return error == ENOENT ? 0 : error;
}

}  // namespace

int MakeEtc(ChildContext& context) {
  if (const int error = MakeDirectory("etc", 0755); error != 0) {
    return error;
  }
  for (const Generated& file : kGenerated) {
    if (const int error = MakeFile(file.path, file.text, 0644); error != 0) {
      return error;
    }
  }
  for (std::size_t i = 0; i < context.host.etc_count; ++i) {
    if (const int error = BindEtcEntry(context.host.etc[i]); error != 0) {
      return error;
    }
  }
  return context.host.localtime[0] == '\0' ? 0 : MakeLink(context.host.localtime, "etc/localtime");
}

}  // namespace casemate::launcher
