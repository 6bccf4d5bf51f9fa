#include "sandbox/native/launcher/receive.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "sandbox/native/launcher/syscalls.h"

namespace casemate::launcher {
namespace {

void TakeDescriptors(msghdr* header, UniqueFd* fds, std::size_t* count) {
  for (cmsghdr* part = CMSG_FIRSTHDR(header); part != nullptr; part = CMSG_NXTHDR(header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const std::size_t received = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < received; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      UniqueFd owned(fd);
      if (*count < kMaxRequestFds) {
        fds[(*count)++] = std::move(owned);
      }
    }
  }
}

}  // namespace

bool IsIncarnationName(const char* name) {
  constexpr std::size_t kMaxLength = sizeof(wire::ControlMessage::incarnation) - 1;
  std::size_t length = 0;
  for (; length <= kMaxLength && name[length] != '\0'; ++length) {
    const char c = name[length];
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (!allowed) {
      return false;
    }
  }
  return length >= 1 && length <= kMaxLength;
}

ssize_t ReceiveWithFds(int socket, void* data, std::size_t size, UniqueFd* fds, std::size_t* count,
                       bool* whole) {
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxRequestFds * sizeof(int))];
  iovec bytes = {data, size};
  msghdr header = {};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof(control);
  ssize_t length = 0;
  do {
    length = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (length < 0 && errno == EINTR);
  if (length > 0) {
    TakeDescriptors(&header, fds, count);
  }
  *whole =
      length == static_cast<ssize_t>(size) && (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  return length;
}

int SendWithFds(int socket, const void* data, std::size_t size, const int* fds, std::size_t count) {
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxRequestFds * sizeof(int))] = {};
  iovec bytes = {const_cast<void*>(data), size};
  msghdr header = {};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  if (count > 0) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
  }
  return ErrorOf(::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT));
}

Received ReceiveControl(int socket, wire::ControlMessage* message, UniqueFd* fds,
                        std::size_t* count) {
  bool whole = false;
  if (ReceiveWithFds(socket, message, sizeof(*message), fds, count, &whole) <= 0) {
    return Received::kEnd;
  }
  if (!whole || message->magic != wire::kMagic || message->version != wire::kWireVersion) {
    return Received::kMalformed;
  }
  switch (message->kind) {
    case wire::ControlKind::kLaunch:
      return Received::kMessage;
    case wire::ControlKind::kRoots:
    case wire::ControlKind::kOpen:
      return *count == 1 ? Received::kMessage : Received::kMalformed;
    case wire::ControlKind::kReap:
      return IsIncarnationName(message->incarnation) ? Received::kMessage : Received::kMalformed;
  }
  return Received::kMalformed;
}

}  // namespace casemate::launcher
