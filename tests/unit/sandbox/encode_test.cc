// EncodeSpec: the wire form is complete, aligned and bounded.
#include "sandbox/native/encode.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>

#include "sandbox/native/launcher/wire.h"
#include "sandbox/native/sealed_memfd.h"
#include "tests/unit/sandbox/fixtures.h"

namespace casemate::sandbox::test {
namespace {

constexpr std::uint64_t kMiB = 1U << 20;

struct Decoded {
  std::string bytes;
  wire::LaunchSpec header;

  // Checks the NUL that the launcher relies on.
  [[nodiscard]] std::string Text(wire::StringRef ref) const {
    REQUIRE(std::uint64_t{ref.offset} + ref.length < bytes.size());
    CHECK(bytes[ref.offset + ref.length] == '\0');
    return bytes.substr(ref.offset, ref.length);
  }
  template <typename Element>
  [[nodiscard]] std::vector<Element> List(wire::ListRef ref) const {
    CHECK(ref.offset % 8 == 0);
    REQUIRE(ref.offset + ref.count * sizeof(Element) <= bytes.size());
    std::vector<Element> elements(ref.count);
    std::memcpy(elements.data(), bytes.data() + ref.offset, ref.count * sizeof(Element));
    return elements;
  }
  [[nodiscard]] std::vector<std::string> Texts(wire::ListRef ref) const {
    std::vector<std::string> texts;
    for (const auto& each : List<wire::StringRef>(ref)) {
      texts.push_back(Text(each));
    }
    return texts;
  }
};

Decoded Encode(const SandboxSpec& spec, const std::string& filter = "01234567") {
  auto bytes = EncodeSpec(spec, filter);
  REQUIRE(bytes);
  Decoded decoded{*bytes, {}};
  REQUIRE(decoded.bytes.size() >= sizeof decoded.header);
  std::memcpy(&decoded.header, decoded.bytes.data(), sizeof decoded.header);
  return decoded;
}

}  // namespace

TEST_CASE("an encoded spec holds what the spec holds") {
  auto builder = Builder({"echo", "", "ä"});
  builder.Env("A", "1").File({"d/f", std::string("x\0y", 3), 0755}).File({"/run/casemate/m", ""});
  const SandboxSpec spec = Built(std::move(builder));
  const Decoded decoded = Encode(spec);
  CHECK(decoded.header.magic == wire::kMagic);
  CHECK(decoded.header.version == wire::kWireVersion);
  CHECK(decoded.header.total_bytes == decoded.bytes.size());
  CHECK(decoded.Texts(decoded.header.argv) == spec.argv);
  CHECK(decoded.Texts(decoded.header.env) == spec.env);
  CHECK(decoded.Text(decoded.header.seccomp) == "01234567");
  CHECK(decoded.header.seccomp.offset % 8 == 0);
  const auto files = decoded.List<wire::FileEntry>(decoded.header.files);
  REQUIRE(files.size() == 2);
  CHECK(decoded.Text(files[0].path) == "/workspace/d/f");
  CHECK(decoded.Text(files[0].content) == std::string("x\0y", 3));
  CHECK(files[0].mode == 0755);
  CHECK(decoded.Text(files[1].path) == "/run/casemate/m");
}

TEST_CASE("limits are converted to the kernel's units") {
  auto limits = EverydayLimits();
  limits.memory_mb = 1024;
  limits.disk_mb = 512;
  const Decoded big = Encode(Built(Builder({"true"}, limits)));
  CHECK(big.header.memory_bytes == 1024 * kMiB);
  CHECK(big.header.disk_bytes == 512 * kMiB);
  CHECK(big.header.disk_inodes == 512 * kMiB / 4096);
  CHECK(big.header.tmp_bytes == 64 * kMiB);
  CHECK(big.header.shm_bytes == 16 * kMiB);
  CHECK(big.header.file_bytes == 512 * kMiB);
  CHECK(big.header.open_files <= 1024);
  CHECK(big.header.open_files > 0);
}

TEST_CASE("a limit on disk I/O must hold whoever stated it, and is in bytes") {
  CHECK(Encode(Built(Builder({"true"}))).header.io_bytes_s == 0);
  auto limits = EverydayLimits();
  limits.io_mb_s = 3;
  const Decoded limited = Encode(Built(Builder({"true"}, limits)));
  CHECK(limited.header.io_bytes_s == 3 * kMiB);
  CHECK(limited.header.must_hold == wire::kLayerCgroupIo);
}

TEST_CASE("a limit on CPU time that must hold is marked, and only then") {
  CHECK(Encode(Built(Builder({"true"}))).header.must_hold == 0);
  auto builder = Builder({"true"});
  builder.MustHoldCpus();
  CHECK(Encode(Built(std::move(builder))).header.must_hold == wire::kLayerCgroupCpu);
}

TEST_CASE("the shares of a small sandbox stay within its memory") {
  auto limits = EverydayLimits();
  limits.memory_mb = 16;
  limits.disk_mb = 1;
  const Decoded small = Encode(Built(Builder({"true"}, limits)));
  CHECK(small.header.tmp_bytes == 4 * kMiB);
  CHECK(small.header.shm_bytes == 2 * kMiB);
  CHECK(small.header.disk_inodes == 1024);
  CHECK(small.header.file_bytes == 4 * kMiB);
}

TEST_CASE("a host workspace is named by path, device and inode") {
  SandboxSpecBuilder builder(
      TestPolicy::GrantOf(EverydayLimits(), policies::WorkspaceAccess::kHostWrite));
  builder.Command({"true"}).HostWorkspace(UniqueFd(open("/usr", O_PATH | O_CLOEXEC)), "/usr",
                                          WorkspaceKind::kReadWrite);
  const Decoded decoded = Encode(Built(std::move(builder)));
  struct stat info{};
  REQUIRE(stat("/usr", &info) == 0);
  CHECK(decoded.header.workspace_dev == info.st_dev);
  CHECK(decoded.header.workspace_ino == info.st_ino);
  CHECK(decoded.Text(decoded.header.workspace_path) == "/usr");
  CHECK(decoded.header.workspace == static_cast<std::uint32_t>(WorkspaceKind::kReadWrite));
}

TEST_CASE("a workspace that is no directory is refused") {
  SandboxSpecBuilder builder(
      TestPolicy::GrantOf(EverydayLimits(), policies::WorkspaceAccess::kHostWrite));
  builder.Command({"true"}).HostWorkspace(UniqueFd(open("/dev/null", O_PATH | O_CLOEXEC)),
                                          "/dev/null", WorkspaceKind::kReadWrite);
  const auto encoded = EncodeSpec(Built(std::move(builder)), "01234567");
  REQUIRE_FALSE(encoded);
  CHECK(encoded.error().field == "args.workspace");
}

TEST_CASE("an encoded spec is bounded") {
  auto builder = Builder({"true"});
  const std::string part(wire::kMaxSpecBytes / 2, 'x');
  builder.File({"a", part}).File({"b", part});
  const auto encoded = EncodeSpec(Built(std::move(builder)), "01234567");
  REQUIRE_FALSE(encoded);
  CHECK(encoded.error().code == ErrorCode::kResourceExhausted);
}

TEST_CASE("a sealed memfd cannot be changed") {
  auto fd = MakeSealedMemfd("casemate-test", "data", MemfdUse::kData);
  REQUIRE(fd);
  CHECK(write(fd->get(), "x", 1) == -1);
  CHECK(errno == EPERM);
  CHECK(ftruncate(fd->get(), 0) == -1);
  CHECK(fcntl(fd->get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == -1);
  CHECK((fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) != 0);
}

}  // namespace casemate::sandbox::test
