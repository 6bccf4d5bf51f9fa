// Archives of other writers are read as these meant them, and hostile ones are refused.
#include "sandbox/container/oci/tar_reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "tests/unit/oci/fixtures.h"

namespace casemate::oci {
namespace {

using fixtures::File;
using fixtures::Lines;
using fixtures::Octal;
using fixtures::Raw;
using fixtures::Scratch;
using fixtures::Tar;
using fixtures::Typed;
namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

Strings Sorted(Strings lines) {
  std::ranges::sort(lines);
  return lines;
}

std::string Record(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) {
    ++length;
  }
  return std::to_string(length) + rest;
}

Raw Extended(char type, const std::string& content) {
  Raw raw = File("extended", content);
  raw.type = type;
  return raw;
}

std::string Refusal(std::string_view tar, const TarLimits& limits = {}) {
  std::string first;
  for (const std::size_t step : {std::size_t{1} << 20, std::size_t{1}, std::size_t{500}}) {
    const auto lines = Lines(tar, step, limits);
    if (lines) {
      return "read";
    }
    CHECK(lines.error().code == ErrorCode::kInvalidArgument);
    first = first.empty() ? lines.error().message : first;
    CHECK(lines.error().message == first);
  }
  return first;
}

TEST_CASE("archives of GNU tar are read in each of its formats") {
  const Scratch scratch;
  const std::string in_prefix = std::string(60, 'd') + "/" + std::string(90, 'f');
  const std::string in_none = std::string(120, 'd') + "/" + std::string(180, 'f');
  struct Row {
    std::string format;
    bool has_long;  // names
    std::string owner;
  };
  for (const Row& row :
       {Row{"v7", false, "1234"}, Row{"oldgnu", true, "1234"}, Row{"gnu", true, "3000000"},
        Row{"ustar", false, "1234"}, Row{"pax", true, "3000000"}}) {
    CAPTURE(row.format);
    const fs::path root = scratch.path / row.format;
    fs::create_directories(root / "sub/empty");
    std::ofstream(root / "sub/file") << "hello";
    fs::create_hard_link(root / "sub/file", root / "sub/second");
    fs::create_symlink("../nowhere", root / "sub/symlink");
    REQUIRE(mkfifo((root / "sub/pipe").c_str(), 0600) == 0);
    const std::string who = row.owner + ":77";
    Strings expected{"5 755 " + who + " 0 @1600000000 ",
                     "5 755 " + who + " 0 @1600000000 sub",
                     "5 755 " + who + " 0 @1600000000 sub/empty",
                     "0 755 " + who + " 5 @1600000000 sub/file = hello",
                     "1 755 " + who + " 0 @1600000000 sub/second -> sub/file",
                     "2 777 " + who + " 0 @1600000000 sub/symlink -> ../nowhere"};
    expected.push_back("6 755 " + who + " 0 @1600000000 sub/pipe");
    if (row.format == "v7") {  // has no pipes
      fs::remove(root / "sub/pipe");
      expected.pop_back();
    }
    if (row.format != "v7") {
      fs::create_directories(root / in_prefix.substr(0, 60));
      std::ofstream(root / in_prefix) << "prefix";
      expected.push_back("5 755 " + who + " 0 @1600000000 " + in_prefix.substr(0, 60));
      expected.push_back("0 755 " + who + " 6 @1600000000 " + in_prefix + " = prefix");
    }
    if (row.has_long) {
      fs::create_directories(root / in_none.substr(0, 120));
      std::ofstream(root / in_none) << "long";
      fs::create_symlink(in_none, root / in_none.substr(0, 119));
      expected.push_back("5 755 " + who + " 0 @1600000000 " + in_none.substr(0, 120));
      expected.push_back("0 755 " + who + " 4 @1600000000 " + in_none + " = long");
      expected.push_back("2 777 " + who + " 0 @1600000000 " + in_none.substr(0, 119) + " -> " +
                         in_none);
    }
    const std::string out = (scratch.path / (row.format + ".tar")).string();
    REQUIRE(std::system(("tar --format=" + row.format + " --sort=name --owner=me:" + row.owner +
                         " --group=us:77 --mode=u=rwx,go=rx --mtime=@1600000000 -C " +
                         root.string() + " -cf " + out + " . 2>/dev/null")
                            .c_str()) == 0);
    const std::string tar = fixtures::Content(out);
    for (const std::size_t step : {std::size_t{1} << 20, std::size_t{1}, std::size_t{513}}) {
      const auto lines = Lines(tar, step);
      if (!lines) {
        FAIL(lines.error().message);
      }
      Strings got = Sorted(*lines);
      for (std::string& line : got) {  // GNU tar gives links the mode that it is told
        line.replace(line.starts_with("2 ") ? 2 : 0, line.starts_with("2 ") ? 3 : 0,
                     line.starts_with("2 ") ? "777" : "");
      }
      CHECK(Sorted(got) == Sorted(expected));
    }
  }
}

TEST_CASE("archives of Python are read in each of its formats") {
  const Scratch scratch;
  const std::string script = (scratch.path / "make.py").string();
  std::ofstream(script) << R"(
import io, sys, tarfile
for name in ("USTAR", "GNU", "PAX"):
    form = getattr(tarfile, name + "_FORMAT")
    extra = {"pax_headers": {"comment": "of all"}} if name == "PAX" else {}
    with tarfile.open(f"{sys.argv[1]}/{name}.tar", "w", format=form, **extra) as tar:
        def add(path, kind, content=b"", **more):
            info = tarfile.TarInfo(path)
            info.type, info.size, info.mtime = kind, len(content), 1500000000
            for key, value in more.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(content))
        add("./dir/", tarfile.DIRTYPE, mode=0o2775)
        add("dir/file", tarfile.REGTYPE, b"text", uid=7, gid=8)
        add("dir/old", tarfile.AREGTYPE, b"old")
        add("dir/hard", tarfile.LNKTYPE, linkname="./dir/file")
        add("dir/char", tarfile.CHRTYPE, devmajor=1, devminor=3)
        add("dir/block", tarfile.BLKTYPE, devmajor=8)
        add("dir/fifo", tarfile.FIFOTYPE)
        add("../up", tarfile.REGTYPE, b"u")
        add("dir/up", tarfile.LNKTYPE, linkname="/etc/passwd")
        if name != "USTAR":
            add("l" * 300, tarfile.SYMTYPE, linkname="t" * 300, mode=0o777)
            add("many", tarfile.REGTYPE, uid=2**32 - 1, gid=4000000, mtime=-5)
        if name == "PAX":
            add("half", tarfile.REGTYPE, mtime=-1.5, pax_headers={"SCHILY.xattr.user.x": "1"})
)";
  REQUIRE(std::system(("python3 " + script + " " + scratch.path.string()).c_str()) == 0);
  Strings expected{"5 2775 0:0 0 @1500000000 dir",
                   "0 644 7:8 4 @1500000000 dir/file = text",
                   "0 644 0:0 3 @1500000000 dir/old = old",
                   "1 644 0:0 0 @1500000000 dir/hard -> dir/file",
                   "3 644 0:0 0 @1500000000 dir/char",
                   "4 644 0:0 0 @1500000000 dir/block",
                   "6 644 0:0 0 @1500000000 dir/fifo",
                   "0 644 0:0 1 @1500000000 ../up ! = u",
                   "1 644 0:0 0 @1500000000 dir/up -> /etc/passwd !"};
  for (const char* name : {"USTAR", "GNU", "PAX"}) {
    CAPTURE(name);
    if (name == std::string("GNU")) {
      expected.push_back("2 777 0:0 0 @1500000000 " + std::string(300, 'l') + " -> " +
                         std::string(300, 't'));
      expected.emplace_back("0 644 4294967295:4000000 0 @-5 many");
    } else if (name == std::string("PAX")) {
      expected.emplace_back("0 644 0:0 0 @-2 half");
    }
    const auto lines = Lines(fixtures::Content(scratch.path / (std::string(name) + ".tar")));
    if (!lines) {
      FAIL(lines.error().message);
    }
    CHECK(*lines == expected);
  }
}

TEST_CASE("names are cleaned, and those that leave the root are marked") {
  struct Row {
    const char* name;
    const char* path;
    bool is_unsafe;
  };
  for (const Row& row :
       {Row{"./a", "a", false}, Row{"././a//b/./c", "a/b/c", false}, Row{"./", "", false},
        Row{"a/", "a", false}, Row{"/a", "/a", true}, Row{"//a/", "/a", true},
        Row{"..", "..", true}, Row{"../a", "../a", true}, Row{"a/../b", "a/../b", true},
        Row{"a/..", "a/..", true}, Row{"..a/b..", "..a/b..", false}, Row{"/", "/", true}}) {
    CAPTURE(row.name);
    const auto lines = Lines(Tar({Typed('5', row.name)}));
    REQUIRE(lines);
    CHECK(*lines == Strings{std::string("5 755 0:0 0 @1700000000 ") + row.path +
                            (row.is_unsafe ? " !" : "")});
  }
}

TEST_CASE("extended headers are for one entry, global ones for all that follow") {
  const auto lines = Lines(
      Tar({Extended('g', Record("uid", "5") + Record("mtime", "9.75") + Record("comment", "x")),
           File("a", "1"),
           Extended('x', Record("path", "./long/") + Record("gid", "6") +
                             Record("SCHILY.xattr.user.x", std::string("\0\n", 2)) +
                             Record("mtime", "")),
           File("b", "2"), File("c", "3"), Extended('g', Record("uid", "")), File("d", "4")}));
  if (!lines) {
    FAIL(lines.error().message);
  }
  CHECK(*lines == Strings{"0 644 5:0 1 @9 a = 1", "0 644 5:6 1 @9 long = 2", "0 644 5:0 1 @9 c = 3",
                          "0 644 0:0 1 @9 d = 4"});
}

TEST_CASE("a size of pax counts, and links have no content whatever their size") {
  Raw sized = File("a", "12345");
  sized.size_field = Octal(0, 11);
  const auto lines = Lines(Tar({Extended('x', Record("size", "5")), sized, File("b", "x")}));
  REQUIRE(lines);
  CHECK(*lines == Strings{"0 644 0:0 5 @1700000000 a = 12345", "0 644 0:0 1 @1700000000 b = x"});
  Raw link = Typed('1', "link", "a");
  link.size_field = Octal(5, 11);
  CHECK(Lines(Tar({link, File("b", "x")})).value().size() == 2);
}

TEST_CASE("hostile archives are refused, and the offset is told") {
  const auto with = [](auto&& change) {
    Raw raw = File("a", "1");
    change(raw);
    return Tar({File("before", ""), raw});
  };
  const auto size = [&](const std::string& field) {
    return with([&](Raw& raw) { raw.size_field = field; });
  };
  const auto pax = [](const std::string& records) {
    return Tar({File("before", ""), Extended('x', records), File("a", "1")});
  };
  struct Row {
    std::string tar;
    std::string what;
  };
  const std::string base256_huge = "\x80" + std::string(3, '\0') + "\x7f" + std::string(7, '\xff');
  for (const Row& row : std::vector<Row>{
           {with([](Raw& raw) { raw.sum_error = 1; }), "checksum"},
           {std::string(512, 'x'), "checksum"},
           {with([](Raw& raw) { raw.type = 'S'; }), "the type `S`"},
           {with([](Raw& raw) { raw.type = 'V'; }), "the type `V`"},
           {with([](Raw& raw) { raw.name = ""; }), "a name"},
           {with([](Raw& raw) { raw.type = '2'; }), "with a target"},
           {with([](Raw& raw) { raw.type = '1'; }), "with a target"},
           {size(std::string(12, '\xff')), "a size of at most"},
           {size("\x80" + std::string(10, '\xff') + "\x01"), "a size of at most"},
           {size(base256_huge), "a size of at most"},
           {size("-0000000001"), "a size of at most"},
           {size("77777777777"), "the end of the archive"},
           {size("0000000009"), "a size of at most"},
           {size("1 1"), "a size of at most"},
           {pax("5 a=1\n"), "lengths are right"},
           {pax("7 a=1\n"), "lengths are right"},
           {pax("99999999999999999999 a=1\n"), "lengths are right"},
           {pax("-6 a=1\n"), "lengths are right"},
           {pax("0 a=1\n"), "lengths are right"},
           {pax("3 a=1\n"), "lengths are right"},
           {pax("6 a=1"), "lengths are right"},
           {pax("a=1\n"), "lengths are right"},
           {pax(Record("", "1")), "as key=value"},
           {pax("6 abc\n"), "as key=value"},
           {pax(Record("path", std::string("a\0b", 3))), "without zero bytes"},
           {pax(Record("linkpath", std::string("\0", 1))), "without zero bytes"},
           {pax(Record("path", std::string(5000, 'a'))), "at most 4096 bytes"},
           {pax(Record("size", "-1")), "a number as size"},
           {pax(Record("size", "9223372036854775807")), "a size of at most"},
           {pax(Record("size", "99999999999999999999")), "a number as size"},
           {pax(Record("uid", "4294967296")), "at most 32 bits"},
           {pax(Record("mtime", "1.x")), "a number as mtime"},
           {pax(Record("GNU.sparse.major", "1")), "no sparse files"},
           {Tar({Extended('g', Record("path", "b")), File("a", "")}), "no path for all"},
           {Tar({Extended('g', Record("size", "1")), File("a", "")}), "no size for all"},
           {Tar({Extended('x', Record("uid", "1")), Extended('x', ""), File("a", "")}), "got two"},
           {Tar({Extended('L', "a"), Extended('L', "b"), File("a", "")}), "got two"},
           {Tar({Extended('L', std::string("a\0b", 3)), File("a", "")}), "without zero bytes"},
           {Tar({Extended('L', "b"), Extended('x', Record("path", "c")), File("a", "")}),
            "one of GNU and one of pax"},
           {Tar({Extended('x', Record("path", "c"))}), "the end of the archive"},
           {Tar({Extended('K', "c")}, false), "the end of the archive"},
           {Tar({Extended('x', std::string((1 << 20) + 1, 'x')), File("a", "")}),
            "at most 1048576 bytes"},
           {Tar({File("a", "1")}) + Tar({File("b", "2")}), "after the end"},
           {Tar({File("a", "1")}, false) + std::string(512, '\0') + Tar({File("b", "2")}),
            "a second block of zeros"},
       }) {
    const std::string refusal = Refusal(row.tar);
    CHECK_THAT(refusal, Catch::Contains(row.what));
    CHECK_THAT(refusal, Catch::StartsWith("byte "));
  }
  CHECK_THAT(Refusal(with([](Raw& raw) { raw.sum_error = 1; })), Catch::StartsWith("byte 512 "));
  CHECK_THAT(Refusal(Tar({File("a", "1")}) + "x"), Catch::StartsWith("byte 2048 "));
  TarLimits limits;
  limits.max_entries = 2;
  CHECK(Lines(Tar({File("a", ""), File("b", "")}), 512, limits));
  CHECK_THAT(Refusal(Tar({File("a", ""), File("b", ""), File("c", "")}), limits),
             Catch::Contains("at most 2 entries"));
}

TEST_CASE("a header of an old writer whose checksum is of signed characters") {
  Raw raw = File("\xc3\xa4", "1");
  raw.sum_error = -512;  // both bytes count 256 less
  CHECK(Lines(Tar({raw})).value() == Strings{"0 644 0:0 1 @1700000000 \xc3\xa4 = 1"});
}

TEST_CASE("an archive that is cut anywhere is an error or ends after an entry") {
  const std::string tar = Tar({Typed('5', "d"), File("d/a", std::string(600, 'a')),
                               Extended('x', Record("path", "long")), File("b", "2"),
                               Extended('L', "gnu"), Typed('2', "c", "a")});
  const auto whole = Lines(tar);
  REQUIRE(whole);
  std::vector<std::size_t> clean;
  for (std::size_t size = 0; size < tar.size(); ++size) {
    const auto lines = Lines(tar.substr(0, size), 700);
    if (!lines) {
      CHECK(lines.error().code == ErrorCode::kInvalidArgument);
      continue;
    }
    clean.push_back(size);
    CHECK(std::equal(lines->begin(), lines->end(), whole->begin()));
  }
  // Nothing, after each entry, and from one block of zeros on.
  const std::size_t end = tar.size() - 1024;
  std::vector<std::size_t> expected{0, 512, 512 + 512 + 1024, 512 + 1536 + 2048, end, end + 512};
  CHECK(clean == expected);
}

TEST_CASE("what a visitor says ends the reading") {
  class Refusing : public TarVisitor {
   public:
    Result<void> Entry(const TarHeader& header) override {
      return header.path == "b" ? Result<void>(Error{ErrorCode::kCancelled, "no more", {}, {}, 0})
                                : Result<void>();
    }
  };
  Refusing visitor;
  TarReader reader(visitor);
  const auto fed = reader.Feed(Tar({File("a", "1"), File("b", "2"), File("c", "3")}));
  REQUIRE_FALSE(fed);
  CHECK(fed.error().code == ErrorCode::kCancelled);
  CHECK(reader.entries() == 2);
}

}  // namespace
}  // namespace casemate::oci
