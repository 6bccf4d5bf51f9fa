#include "sandbox/container/build/context.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include <catch2/catch.hpp>

#include "tests/unit/container/tar_reader.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container {

namespace {

namespace fs = std::filesystem;
using test::PathsOf;
using test::ReadTar;
using test::SendAll;
using test::TarMember;
using Paths = std::vector<std::string>;

class Tree {
 public:
  Tree() { Write("Dockerfile", "FROM scratch\n"); }
  void Write(const std::string& path, std::string_view content = "x") const {
    fs::create_directories(fs::path(dir_ / path).parent_path());
    std::ofstream(dir_ / path, std::ios::binary) << content;
  }
  [[nodiscard]] std::string operator/(std::string_view path) const { return dir_ / path; }
  [[nodiscard]] Result<BuildContext> Scan(const ContextOptions& options = {},
                                          const std::stop_token& stop = {}) const {
    const UniqueFd fd(open(dir_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return BuildContext::Scan(fd.get(), options, stop);
  }
  [[nodiscard]] std::vector<TarMember> Members(const ContextOptions& options = {}) const {
    const auto context = Scan(options);
    if (!context) {
      FAIL(Describe(context.error()));
    }
    const auto tar = SendAll(*context);
    REQUIRE(tar);
    return ReadTar(*tar);
  }
  [[nodiscard]] Error Refused(const ContextOptions& options = {}) const {
    const auto context = Scan(options);
    REQUIRE_FALSE(context);
    return context.error();
  }

 private:
  casemate::testing::TempDir dir_;
};

const TarMember& At(const std::vector<TarMember>& members, std::string_view path) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const TarMember& member) { return member.path == path; });
  REQUIRE(found != members.end());
  return *found;
}

TEST_CASE("a context is sent in order, with modes, times and links as they are",
          "[container][context]") {
  const Tree tree;
  tree.Write("b/two", std::string(1000, '2'));
  tree.Write("b/one", "1");
  tree.Write("b.txt", "text");
  tree.Write("empty", "");
  fs::create_directory(tree / "a");
  fs::create_symlink("../etc", tree / "link");
  REQUIRE(chmod((tree / "b/one").c_str(), 04751) == 0);
  const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 999}};
  REQUIRE(utimensat(AT_FDCWD, (tree / "b/one").c_str(), times, 0) == 0);
  const auto members = tree.Members();
  CHECK(PathsOf(members) ==
        Paths{"Dockerfile", "a/", "b/", "b/one", "b/two", "b.txt", "empty", "link"});
  CHECK(At(members, "b/").type == '5');
  CHECK(At(members, "b/one").mode == 04751);
  CHECK(At(members, "b/one").mtime_s == 1'000'000'000);
  CHECK(At(members, "b/two").content == std::string(1000, '2'));
  CHECK(At(members, "empty").content.empty());
  CHECK(At(members, "link").type == '2');
  CHECK(At(members, "link").link_target == "../etc");
}

TEST_CASE("the same files are the same bytes, however often they are sent",
          "[container][context]") {
  const Tree tree;
  tree.Write("z/y");
  tree.Write("a", std::string(700'000, 'a'));  // more than one piece
  ContextOptions options;
  options.mtime_s = 0;
  const auto context = tree.Scan(options);
  REQUIRE(context);
  const auto first = SendAll(*context);
  const auto second = SendAll(*context);
  tree.Write("a", std::string(700'000, 'a'));
  const auto third = SendAll(*tree.Scan(options));
  REQUIRE(first);
  CHECK((*first == *second && *first == *third));
  CHECK(context->summary().bytes == 700'000 + 1 + 13);
  CHECK(context->summary().files == 3);
  CHECK(context->summary().directories == 1);
  CHECK(At(ReadTar(*first), "a").content.size() == 700'000);
}

TEST_CASE("tar(1) unpacks it: long names, long links, odd bytes", "[container][context]") {
  const Tree tree;
  const std::string name(255, 'n');
  const std::string deep = std::string(90, 'd') + "/" + std::string(200, 'e') + "/" + name;
  tree.Write(deep, "deep");
  tree.Write(std::string(150, 'p') + "/" + std::string(99, 'q'), "split");
  tree.Write("line\nbreak\x1b[31m", "odd");
  tree.Write("no\xFFtext", "bytes");
  tree.Write("spaced name ", "space");
  const std::string target = "/" + std::string(250, 't');
  fs::create_symlink(target, tree / "long-link");
  const auto members = tree.Members();
  CHECK(At(members, deep).content == "deep");
  CHECK(At(members, "long-link").link_target == target);
  CHECK(At(members, "line\nbreak\x1b[31m").content == "odd");

  const auto context = tree.Scan();
  REQUIRE(context);
  const casemate::testing::TempDir out;
  const std::string archive = out.Write("c.tar", *SendAll(*context));
  fs::create_directory(out / "x");
  REQUIRE(std::system(("tar -xf " + archive + " -C " + (out / "x")).c_str()) == 0);
  const std::string compare = "diff -r --no-dereference " + (tree / "") + " " + (out / "x");
  CHECK(std::system(compare.c_str()) == 0);
}

TEST_CASE("links are never followed: not out, not in circles", "[container][context]") {
  const Tree tree;
  const casemate::testing::TempDir outside;
  const std::string secret = outside.Write("secret", "SECRET");
  fs::create_directory_symlink(outside.path(), tree / "out");
  fs::create_symlink(secret, tree / "file");
  fs::create_directories(tree / "loop/in");
  fs::create_directory_symlink("..", tree / "loop/in/up");
  fs::create_symlink("self", tree / "self");
  const auto context = tree.Scan();
  REQUIRE(context);
  const auto tar = SendAll(*context);
  REQUIRE(tar);
  CHECK(PathsOf(ReadTar(*tar)) ==
        Paths{"Dockerfile", "file", "loop/", "loop/in/", "loop/in/up", "out", "self"});
  CHECK(tar->find("SECRET") == std::string::npos);
  CHECK(context->summary().links == 4);
}

TEST_CASE("what is exchanged after the scan leads nowhere", "[container][context]") {
  const Tree tree;
  const casemate::testing::TempDir outside;
  REQUIRE_FALSE(outside.Write("file", "SECRET").empty());
  tree.Write("dir/file", "mine");
  const auto context = tree.Scan();
  REQUIRE(context);
  SECTION("a directory for a link out") {
    fs::rename(tree / "dir", tree / "was");
    fs::create_directory_symlink(outside.path(), tree / "dir");
    const auto sent = SendAll(*context);
    REQUIRE_FALSE(sent);
    CHECK(sent.error().code == ErrorCode::kInvalidArgument);
    CHECK(sent.error().field == "context");
  }
  SECTION("a file for a link out") {
    fs::remove(tree / "dir/file");
    fs::create_symlink(outside / "file", tree / "dir/file");
    CHECK_FALSE(SendAll(*context));
  }
  SECTION("a file for a pipe, which would block") {
    fs::remove(tree / "dir/file");
    REQUIRE(mkfifo((tree / "dir/file").c_str(), 0600) == 0);
    const auto sent = SendAll(*context);
    REQUIRE_FALSE(sent);
    CHECK(sent.error().message.find("something else") != std::string::npos);
  }
  SECTION("a file that has gone") {
    fs::remove(tree / "dir/file");
    CHECK_FALSE(SendAll(*context));
  }
  SECTION("a longer one is sent as it is now") {
    tree.Write("dir/file", "mine, and more");
    const auto sent = SendAll(*context);
    REQUIRE(sent);
    CHECK(At(ReadTar(*sent), "dir/file").content == "mine, and more");
  }
  SECTION("a Dockerfile is sent as it was read") {
    tree.Write("Dockerfile", "FROM evil\n");
    const auto sent = SendAll(*context);
    REQUIRE(sent);
    CHECK(At(ReadTar(*sent), "Dockerfile").content == "FROM scratch\n");
    CHECK(context->dockerfile_text() == "FROM scratch\n");
  }
}

TEST_CASE("a file that becomes shorter while it is sent is an error", "[container][context]") {
  const Tree tree;
  tree.Write("a", std::string(600'000, 'a'));
  const auto context = tree.Scan();
  REQUIRE(context);
  ContextStream stream(*context);
  std::string chunk;
  REQUIRE(stream.Next(chunk));
  fs::resize_file(tree / "a", 10);
  const auto next = stream.Next(chunk);
  REQUIRE_FALSE(next);
  CHECK(next.error().message.find("shorter") != std::string::npos);
}

TEST_CASE("growth beyond the limit ends the sending", "[container][context]") {
  const Tree tree;
  tree.Write("a", "a");
  ContextOptions options;
  options.limits.max_bytes = 100;
  const auto context = tree.Scan(options);
  REQUIRE(context);
  tree.Write("a", std::string(200, 'a'));
  const auto sent = SendAll(*context);
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == ErrorCode::kResourceExhausted);
}

TEST_CASE("sockets, pipes and devices are left out and counted", "[container][context]") {
  const Tree tree;
  REQUIRE(mkfifo((tree / "pipe").c_str(), 0600) == 0);
  const UniqueFd socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = tree / "sock";
  REQUIRE(path.size() < sizeof(address.sun_path));
  std::memcpy(address.sun_path, path.data(), path.size());
  REQUIRE(bind(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  const auto context = tree.Scan();
  REQUIRE(context);
  CHECK(context->summary().skipped == 2);
  CHECK(context->summary().skipped_few == Paths{"pipe", "sock"});
  CHECK(PathsOf(tree.Members()) == Paths{"Dockerfile"});
}

TEST_CASE("a context beyond its limits names what is largest", "[container][context]") {
  const Tree tree;
  tree.Write("data/huge.bin", std::string(5000, 'h'));
  tree.Write("data/big.bin", std::string(3000, 'b'));
  tree.Write("src/x.c", "x");
  ContextOptions options;
  SECTION("bytes") {
    options.limits.max_bytes = 8000;
    const Error error = tree.Refused(options);
    CHECK(error.code == ErrorCode::kResourceExhausted);
    CHECK(error.field == "context");
    CHECK(error.message.find("7.8 KiB in 4 files; the limit is 7.8 KiB") != std::string::npos);
    CHECK(error.message.find("\"data/huge.bin\" (4.9 KiB), \"data/big.bin\" (2.9 KiB)") !=
          std::string::npos);
    CHECK(error.message.find("root: \"data\" (7.8 KiB), ") != std::string::npos);
    CHECK(error.remedy.find(".dockerignore") != std::string::npos);
    options.limits.max_bytes = 8014;
    CHECK(tree.Scan(options));
  }
  SECTION("entries") {
    options.limits.max_files = 5;
    const Error error = tree.Refused(options);
    CHECK(error.code == ErrorCode::kResourceExhausted);
    CHECK(error.message.find("more than 5 entries") != std::string::npos);
    CHECK(error.message.find("\"data\" (3 entries)") != std::string::npos);
    options.limits.max_files = 6;
    CHECK(tree.Scan(options));
  }
  SECTION("depth") {
    tree.Write("a/b/c/d");
    options.limits.max_depth = 2;
    CHECK(tree.Refused(options).message.find("\"a/b/c\"") != std::string::npos);
    options.limits.max_depth = 3;
    CHECK(tree.Scan(options));
  }
  SECTION("names that rules exclude are looked at, so they count, too") {
    options.limits.max_files = 2;
    tree.Write(".dockerignore", "junk/*\nsrc\ndata\n");
    for (int i = 0; i < 30; ++i) {
      tree.Write("junk/" + std::to_string(i));
    }
    CHECK(tree.Refused(options).message.find("\"junk\"") != std::string::npos);
  }
}

TEST_CASE("an excluded directory is not walked", "[container][context]") {
  const Tree tree;
  tree.Write("skip/a/b/c/d/e");
  tree.Write("keep/f");
  ContextOptions options;
  options.limits.max_depth = 2;  // it would be an error to walk it
  REQUIRE_FALSE(tree.Scan(options));
  tree.Write(".dockerignore", "skip\n!keep");
  const auto context = tree.Scan(options);
  REQUIRE(context);
  CHECK(context->summary().excluded == 1);
  CHECK(context->summary().ignore_file == ".dockerignore");
  CHECK(PathsOf(tree.Members(options)) == Paths{".dockerignore", "Dockerfile", "keep/", "keep/f"});
  // A wildcard may take back what lies in it.
  tree.Write(".dockerignore", "skip\n!*/f");
  CHECK_FALSE(tree.Scan(options));
}

TEST_CASE("what is taken back comes with the directories around it", "[container][context]") {
  const Tree tree;
  tree.Write("a/b/keep");
  tree.Write("a/b/drop");
  tree.Write("a/c/drop");
  tree.Write("z");
  tree.Write(".dockerignore", "*\n!a/b/keep");
  CHECK(PathsOf(tree.Members()) == Paths{".dockerignore", "Dockerfile", "a/", "a/b/", "a/b/keep"});
}

TEST_CASE("the Dockerfile and .dockerignore are sent whatever the rules say",
          "[container][context]") {
  const Tree tree;
  tree.Write("docker/app/Dockerfile", "FROM app\n");
  tree.Write("docker/app/other");
  tree.Write("src/x");
  ContextOptions options;
  options.dockerfile = "./docker//app/Dockerfile";
  tree.Write(".dockerignore", "*");
  const auto members = tree.Members(options);
  CHECK(PathsOf(members) ==
        Paths{".dockerignore", "docker/", "docker/app/", "docker/app/Dockerfile"});
  CHECK(At(members, "docker/app/Dockerfile").content == "FROM app\n");
  CHECK(tree.Scan(options)->summary().sent_for_builder ==
        Paths{".dockerignore", "docker/app/Dockerfile"});
  // Rules of its own stand in for the common ones.
  tree.Write("docker/app/Dockerfile.dockerignore", "docker/app/other\nDockerfile");
  CHECK(PathsOf(tree.Members(options)) ==
        Paths{".dockerignore", "docker/", "docker/app/", "docker/app/Dockerfile",
              "docker/app/Dockerfile.dockerignore", "src/", "src/x"});
  CHECK(tree.Scan(options)->summary().ignore_file == "docker/app/Dockerfile.dockerignore");
  CHECK(tree.Scan(options)->summary().sent_for_builder.empty());
}

TEST_CASE("an engine that reads ignore files again reads the rules that hold",
          "[container][context]") {
  const Tree tree;
  tree.Write(".dockerignore", "wrong");
  tree.Write(".containerignore", "wrong, too");
  tree.Write("Dockerfile.dockerignore", "right");
  const auto context = tree.Scan();
  REQUIRE(context);
  const auto again = ReadTar(*SendAll(*context, ContextReader::kPodman));
  CHECK(At(again, ".dockerignore").content == "right");
  CHECK(At(again, ".containerignore").content == "right");
  CHECK(At(again, "Dockerfile.dockerignore").content == "right");
  CHECK(At(ReadTar(*SendAll(*context)), ".dockerignore").content == "wrong");
}

TEST_CASE("links that Podman would refuse without a word are named", "[container][context]") {
  const Tree tree;
  fs::create_directories(tree / "a/b");
  const auto sent = [&](const std::string& target) {
    fs::remove(tree / "a/b/link");
    fs::create_symlink(target, tree / "a/b/link");
    const auto context = tree.Scan();
    REQUIRE(context);
    REQUIRE(SendAll(*context));
    return SendAll(*context, ContextReader::kPodman);
  };
  for (const char* target :
       {"x", "../x", "../..", "../../x", "/etc/passwd", "../../a/../x", "..x"}) {
    CAPTURE(target);
    CHECK(sent(target));
  }
  for (const char* target : {"../../..", "../../../x", "../../a/../../x"}) {
    CAPTURE(target);
    const auto refused = sent(target);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().field == "context");
    CHECK(refused.error().message.find("\"a/b/link\"") != std::string::npos);
  }
}

TEST_CASE("a Dockerfile must be a file of the context", "[container][context]") {
  const Tree tree;
  ContextOptions options;
  for (const std::string& path :
       {std::string(), std::string("."), std::string("/Dockerfile"), std::string("../Dockerfile"),
        std::string("a/../../Dockerfile"), std::string("a\0b", 3)}) {
    options.dockerfile = path;
    CAPTURE(path);
    CHECK(tree.Refused(options).code == ErrorCode::kInvalidArgument);
    CHECK(tree.Refused(options).field == "dockerfile");
  }
  options.dockerfile = "Missing";
  CHECK(tree.Refused(options).code == ErrorCode::kNotFound);
  const casemate::testing::TempDir outside;
  fs::create_symlink(outside.Write("D", "FROM secret"), tree / "Outside");
  options.dockerfile = "Outside";
  CHECK(tree.Refused(options).field == "dockerfile");
  fs::create_directory(tree / "folder");
  options.dockerfile = "folder";
  CHECK(tree.Refused(options).field == "dockerfile");
  // A link within is read, and sent as the file that it leads to.
  fs::create_symlink("Dockerfile", tree / "Inside");
  options.dockerfile = "Inside";
  const auto members = tree.Members(options);
  CHECK(At(members, "Inside").type == '0');
  CHECK(At(members, "Inside").content == "FROM scratch\n");
  tree.Write("real/Dockerfile");
  fs::create_directory_symlink("real", tree / "linked");
  options.dockerfile = "linked/Dockerfile";
  CHECK(tree.Refused(options).message.find("symbolic link") != std::string::npos);
  tree.Write("Large", std::string((1 << 20) + 1, '#'));
  options.dockerfile = "Large";
  CHECK(tree.Refused(options).message.find("1 MiB") != std::string::npos);
}

TEST_CASE("rules that cannot be read refuse the context", "[container][context]") {
  const Tree tree;
  tree.Write(".dockerignore", "fine\n[");
  const Error error = tree.Refused();
  CHECK(error.message.find("\".dockerignore\": line 2: ") != std::string::npos);
  CHECK(error.field == "context");
  fs::remove(tree / ".dockerignore");
  REQUIRE(mkfifo((tree / ".dockerignore").c_str(), 0600) == 0);
  CHECK(tree.Refused().message.find("not a regular file") != std::string::npos);
}

TEST_CASE("files may be added, and stand in for those in the directory", "[container][context]") {
  const Tree tree;
  ContextOptions options;
  options.added = {{"gen.Dockerfile", "FROM gen\n"}, {"Dockerfile", "replaced"}};
  options.dockerfile = "gen.Dockerfile";
  const auto members = tree.Members(options);
  CHECK(PathsOf(members) == Paths{"Dockerfile", "gen.Dockerfile"});
  CHECK(At(members, "gen.Dockerfile").content == "FROM gen\n");
  CHECK(At(members, "Dockerfile").content == "replaced");
  for (const char* name : {"", ".", "..", "a/b", "/a"}) {
    options.added = {{name, ""}};
    CAPTURE(name);
    CHECK(tree.Refused(options).field == "added");
  }
}

TEST_CASE("ten thousand files are sent, and a scan can be taken back", "[container][context]") {
  const Tree tree;
  fs::create_directories(tree / "many");
  for (int i = 0; i < 10'000; ++i) {
    const UniqueFd made(
        open((tree / ("many/" + std::to_string(i))).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    REQUIRE(made.valid());
  }
  const auto context = tree.Scan();
  REQUIRE(context);
  CHECK(context->summary().files == 10'001);
  CHECK(ReadTar(*SendAll(*context)).size() == 10'002);
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = tree.Scan({}, stop.get_token());
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == ErrorCode::kCancelled);
}

}  // namespace

}  // namespace casemate::container
