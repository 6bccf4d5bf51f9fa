// The launcher's side of a launch request, compiled into the tests so that sanitizers see it:
// whatever a request holds, it is refused, or all of it lies within what was sent.
#include "sandbox/native/launcher/request.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>

#include "sandbox/native/encode.h"
#include "sandbox/native/launcher/receive.h"
#include "sandbox/native/sealed_memfd.h"
#include "tests/unit/sandbox/fixtures.h"

namespace casemate::sandbox::test {
namespace {

using launcher::kMaxRequestFds;
using launcher::Request;

std::string Encoded(bool hold = false) {
  auto builder = Builder({"sh", "-c", "echo on"});
  builder.Env("NAME", "value").File({"dd/f", std::string("x\0y", 3), 0755}).File({"g", ""});
  auto bytes = EncodeSpec(Built(std::move(builder)), std::string(64, '\x06'), hold);
  REQUIRE(bytes);
  return *std::move(bytes);
}

template <typename Header>
std::string With(std::string bytes, void (*change)(Header&)) {
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  change(header);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

UniqueFd NullDevice() {
  return UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC));
}

UniqueFd Sealed(std::string_view bytes) {
  auto sealed = MakeSealedMemfd("casemate-test", bytes, MemfdUse::kData);
  REQUIRE(sealed);
  return *std::move(sealed);
}

// What Load says of the spec in `memfd` with `others` further descriptors.
int Loaded(UniqueFd memfd, Request* request, std::size_t others = kMaxRequestFds - 2) {
  UniqueFd fds[kMaxRequestFds];
  fds[0] = std::move(memfd);
  for (std::size_t i = 1; i <= others; ++i) {
    fds[i] = NullDevice();
  }
  return request->Load(fds, others + 1);
}
int Loaded(std::string_view bytes, std::size_t others = kMaxRequestFds - 2) {
  Request request;
  return Loaded(Sealed(bytes), &request, others);
}

bool IsWithin(const Request& request, wire::StringRef ref, std::size_t size) {
  return std::uint64_t{ref.offset} + ref.length < size && request.Text(ref)[ref.length] == '\0';
}
bool AreWithin(const Request& request, wire::ListRef list, std::size_t size) {
  for (std::uint32_t i = 0; i < list.count; ++i) {
    if (!IsWithin(request, request.Argument(list, i), size)) {
      return false;
    }
  }
  return true;
}
// Of a request that was accepted: all that later steps read.
bool IsSound(const Request& request, std::size_t size) {
  const wire::LaunchSpec& spec = request.spec();
  if (!AreWithin(request, spec.argv, size) || !AreWithin(request, spec.env, size) ||
      !IsWithin(request, spec.seccomp, size) || spec.argv.count == 0) {
    return false;
  }
  for (std::uint32_t i = 0; i < spec.files.count; ++i) {
    const std::string_view path = request.Bytes(request.File(i).path);
    if (!IsWithin(request, request.File(i).path, size) ||
        !IsWithin(request, request.File(i).content, size) ||
        !(path.starts_with("/workspace/") || path.starts_with("/run/casemate/")) ||
        path.find("/../") != std::string_view::npos) {
      return false;
    }
  }
  return true;
}

std::size_t OpenDescriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

struct Channel {
  Channel() {
    int ends[2] = {-1, -1};
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    one.Reset(ends[0]);
    other.Reset(ends[1]);
  }
  UniqueFd one;
  UniqueFd other;
};

}  // namespace

TEST_CASE("a launch request holds what was encoded") {
  const std::string bytes = Encoded();
  Request request;
  REQUIRE(Loaded(Sealed(bytes), &request) == 0);
  REQUIRE(request.spec().argv.count == 3);
  CHECK(request.Bytes(request.Argument(request.spec().argv, 2)) == "echo on");
  REQUIRE(request.spec().files.count == 2);
  CHECK(request.Bytes(request.File(0).path) == "/workspace/dd/f");
  CHECK(request.Bytes(request.File(0).content) == std::string_view("x\0y", 3));
  CHECK(IsSound(request, bytes.size()));
}

TEST_CASE("a launch request that is not sealed or not whole is refused") {
  const std::string bytes = Encoded();
  UniqueFd open_to_all(memfd_create("casemate-test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  REQUIRE(write(open_to_all.get(), bytes.data(), bytes.size()) ==
          static_cast<ssize_t>(bytes.size()));
  Request request;
  CHECK(Loaded(std::move(open_to_all), &request) == EPERM);
  CHECK(Loaded(NullDevice(), &request) == EINVAL);  // no memfd
  CHECK(Loaded(std::string()) == EMSGSIZE);
  CHECK(Loaded(bytes.substr(0, sizeof(wire::LaunchSpec) - 1)) == EMSGSIZE);
  CHECK(Loaded(bytes.substr(0, bytes.size() - 1)) == EINVAL);
  CHECK(Loaded(bytes + "x") == EINVAL);
}

TEST_CASE("a launch request with one thing wrong is refused") {
  using Spec = wire::LaunchSpec;
  const std::string good = Encoded();
  const auto refused = [&](void (*change)(Spec&)) { return Loaded(With<Spec>(good, change)); };
  CHECK(refused([](Spec&) {}) == 0);
  CHECK(refused([](Spec& spec) { spec.magic ^= 1; }) == EPROTO);
  CHECK(refused([](Spec& spec) { spec.version += 1; }) == EPROTO);
  CHECK(refused([](Spec& spec) { spec.workspace = 4; }) == EINVAL);
  CHECK(refused([](Spec& spec) { spec.workspace = 1; }) == EBADF);  // no directory came
  CHECK(refused([](Spec& spec) { spec.hold = 1; }) == EBADF);       // no socket came
  CHECK(refused([](Spec& spec) { spec.argv.count = 0; }) == EINVAL);
  CHECK(refused([](Spec& spec) { spec.argv.count = ~0U; }) == EINVAL);
  CHECK(refused([](Spec& spec) { spec.argv.offset = ~7U; }) == EINVAL);
  CHECK(refused([](Spec& spec) { spec.argv.offset += 4; }) == EINVAL);  // not aligned
  CHECK(refused([](Spec& spec) { spec.env.offset = spec.total_bytes; }) == EINVAL);
  CHECK(refused([](Spec& spec) { spec.files.count = ~0U; }) == EINVAL);
  CHECK(refused([](Spec& spec) { spec.seccomp.length = 0; }) == EINVAL);
  CHECK(refused([](Spec& spec) { spec.seccomp.length -= 1; }) == EINVAL);
  CHECK(refused([](Spec& spec) { spec.seccomp.length = ~7U; }) == EINVAL);
  CHECK(refused([](Spec& spec) { spec.pids = 0; }) == EINVAL);
  CHECK(refused([](Spec& spec) { spec.memory_bytes = ~0ULL; }) == EINVAL);
  CHECK(refused([](Spec& spec) { spec.cpu_millis = 1ULL << 40; }) == EINVAL);
  CHECK(refused([](Spec& spec) { spec.io_bytes_s = 1ULL << 51; }) == EINVAL);
  CHECK(refused([](Spec& spec) { spec.io_bytes_s = 1ULL << 20; }) == 0);
  CHECK(Loaded(good, kMaxRequestFds - 3) == EINVAL);  // a descriptor is missing
  CHECK(Loaded(good, kMaxRequestFds - 1) == EBADF);   // one that it has no use for
  CHECK(Loaded(Encoded(true), kMaxRequestFds - 1) == 0);
}

TEST_CASE("a launch request cannot write outside of the sandbox's own places") {
  const std::string good = Encoded();
  constexpr std::string_view kPath = "/workspace/dd/f";
  const auto place = good.find(kPath);
  REQUIRE(place != std::string::npos);
  for (const std::string_view path : {"/workspace/../f", "/workspace/./ff", "/workspace//fff",
                                      "/workspace/ddf/", "/workspacex/dff", "workspace/ddd/f"}) {
    INFO(path);
    REQUIRE(path.size() == kPath.size());
    std::string bad = good;
    bad.replace(place, path.size(), path);
    CHECK(Loaded(bad) == EINVAL);
  }
  std::string cut = good;
  cut[place + kPath.size() - 2] = '\0';  // would end the path early
  CHECK(Loaded(cut) == EINVAL);
}

TEST_CASE("a damaged launch request is refused or sound") {
  const std::string good = Encoded();
  std::mt19937 random(1);  // NOLINT(bugprone-random-generator-seed): the same each time
  const auto below = [&](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
  };
  int accepted = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string bytes = good;
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
      // Mostly where the offsets and counts are.
      const std::size_t place = below(below(4) == 0 ? bytes.size() : sizeof(wire::LaunchSpec));
      const char values[] = {0, 1, 8, '\x7f', '\xff', static_cast<char>(below(256))};
      bytes[place] = values[below(std::size(values))];
    }
    Request request;
    if (Loaded(Sealed(bytes), &request) == 0) {
      ++accepted;
      REQUIRE(IsSound(request, bytes.size()));
    }
  }
  CHECK(accepted > 0);
  CHECK(accepted < 5000);
}

TEST_CASE("a request is handed on whole, and its descriptors end with it") {
  const std::size_t before = OpenDescriptors();
  {
    Channel channel;
    Request sent;
    REQUIRE(Loaded(Sealed(Encoded()), &sent) == 0);
    REQUIRE(sent.Send(channel.one.get(), -1) == 0);
    Request received;
    UniqueFd tree;
    REQUIRE(received.Receive(channel.other.get(), &tree) == 0);
    CHECK_FALSE(tree.valid());
    CHECK(received.out.valid());
    CHECK(received.Bytes(received.Argument(received.spec().argv, 0)) == "sh");
    channel.one.Reset();
    Request none;
    CHECK(none.Receive(channel.other.get(), &tree) == ECANCELED);
  }
  CHECK(OpenDescriptors() == before);
}

TEST_CASE("control messages are taken whole or not at all, and no descriptor is lost") {
  const std::size_t before = OpenDescriptors();
  const auto received = [](const void* data, std::size_t size, std::size_t descriptors) {
    Channel channel;
    UniqueFd null_device = NullDevice();
    const std::vector<int> fds(descriptors, null_device.get());
    std::string control(CMSG_SPACE(descriptors * sizeof(int)), '\0');
    iovec bytes = {const_cast<void*>(data), size};
    msghdr header{};
    header.msg_iov = &bytes;
    header.msg_iovlen = 1;
    if (descriptors > 0) {
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
      std::memcpy(CMSG_DATA(rights), fds.data(), descriptors * sizeof(int));
    }
    REQUIRE(sendmsg(channel.one.get(), &header, MSG_NOSIGNAL) == static_cast<ssize_t>(size));
    wire::ControlMessage message;
    UniqueFd taken[kMaxRequestFds];
    std::size_t count = 0;
    const auto how = launcher::ReceiveControl(channel.other.get(), &message, taken, &count);
    CHECK(count <= kMaxRequestFds);
    return how;
  };
  using launcher::Received;
  wire::ControlMessage good;
  const std::string longer(sizeof good + 1, '\0');
  CHECK(received(&good, sizeof good, 0) == Received::kMessage);
  CHECK(received(&good, sizeof good, kMaxRequestFds) == Received::kMessage);
  CHECK(received(&good, sizeof good, kMaxRequestFds + 1) == Received::kMalformed);
  CHECK(received(&good, sizeof good, 200) == Received::kMalformed);
  CHECK(received(&good, sizeof good - 1, 1) == Received::kMalformed);
  CHECK(received(longer.data(), longer.size(), 1) == Received::kMalformed);
  good.kind = static_cast<wire::ControlKind>(3);
  CHECK(received(&good, sizeof good, 0) == Received::kMalformed);
  good.kind = wire::ControlKind::kReap;
  CHECK(received(&good, sizeof good, 0) == Received::kMalformed);  // nobody's name
  std::strcpy(good.incarnation, "../x");
  CHECK(received(&good, sizeof good, 0) == Received::kMalformed);
  std::memset(good.incarnation, 'a', sizeof good.incarnation);  // without an end
  CHECK(received(&good, sizeof good, 0) == Received::kMalformed);
  good.incarnation[sizeof good.incarnation - 1] = '\0';
  CHECK(received(&good, sizeof good, 0) == Received::kMessage);
  CHECK(OpenDescriptors() == before);
}

}  // namespace casemate::sandbox::test
