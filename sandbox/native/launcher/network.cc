#include "sandbox/native/launcher/network.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>

namespace casemate::launcher {

int BringUpLoopback(ChildContext& /*context*/) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) {
    return LastError();
  }
  ifreq request = {};
  std::memcpy(request.ifr_name, "lo", sizeof("lo"));
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  return ErrorOf(::ioctl(socket.get(), SIOCSIFFLAGS, &request));
}

int SetHostname(ChildContext& /*context*/) {
  constexpr char kName[] = "casemate";
  return ErrorOf(::sethostname(kName, sizeof(kName) - 1));
}

}  // namespace casemate::launcher
