// Rules, a path, and whether Docker leaves it out: what `docker build` sent was the judge of each
// row, and BuildKit's documented semantics where a row says so. Test-only.
#pragma once

#include <string_view>

namespace casemate::container::test {

struct IgnoreCase {
  std::string_view rules;
  std::string_view path;  // of a file
  bool excluded;
};

inline constexpr IgnoreCase kIgnoreCases[] = {
    // Whole paths from the root of the context.
    {"foo", "foo", true},
    {"foo", "bar", false},
    {"foo", "foobar", false},
    {"foo", "dir/foo", false},
    {"foo", "FOO", false},
    {"dir/foo", "dir/foo", true},
    {"dir/foo", "foo", false},
    // What matches a directory matches what it holds, at any depth.
    {"dir", "dir/foo", true},
    {"dir", "dir/sub/foo", true},
    {"dir/sub", "dir/sub/a/b/c", true},
    {"dir/sub", "dir/other", false},
    {"d?r", "dir/foo", true},
    {"*/sub", "dir/sub/foo", true},
    // Slashes at either end, and paths that are not clean.
    {"/foo", "foo", true},
    {"//foo", "foo", true},
    {"foo/", "foo", true},
    {"dir/", "dir/foo", true},
    {"/dir/", "dir/foo", true},
    {"./foo", "foo", true},
    {"dir/./foo", "dir/foo", true},
    {"dir//foo", "dir/foo", true},
    {"other/../dir/foo", "dir/foo", true},
    {"../foo", "foo", false},
    {"/../foo", "foo", true},
    {".", "foo", false},
    {"/", "foo", false},
    // Comments, blank lines, white space, a byte order mark.
    {"#foo", "#foo", false},
    {" #foo", "#foo", true},
    {"\\#foo", "#foo", true},
    {"\n\n  \nfoo\n", "foo", true},
    {"  foo  ", "foo", true},
    {"\tfoo\t", "foo", true},
    {"foo\r\nbar\r\n", "foo", true},
    {"foo\r\nbar\r\n", "bar", true},
    {"\xC2\xA0"
     "foo\xE3\x80\x80",
     "foo", true},
    {"\xEF\xBB\xBF"
     "foo",
     "foo", true},
    {"foo bar", "foo bar", true},
    {"a\\ b", "a b", true},
    // `*` and `?` stay within a name.
    {"*", "foo", true},
    {"*", ".hidden", true},
    {"*", "dir/foo", true},  // by its parent
    {"*.txt", "a.txt", true},
    {"*.txt", ".txt", true},
    {"*.txt", "a.txt.bak", false},
    {"*.txt", "dir/a.txt", false},
    {"*/*.txt", "dir/a.txt", true},
    {"*/*.txt", "dir/sub/a.txt", false},
    {"a*b*c", "aXbYc", true},
    {"a*b*c", "aXbY", false},
    {"fo?", "foo", true},
    {"fo?", "fo", false},
    {"fo?", "fooo", false},
    {"a?b", "a/b", false},
    {"a?b",
     "a\xE2\x98\xBA"
     "b",
     true},  // one character, three bytes
    {"a?b",
     "a\xFF"
     "b",
     true},  // a byte that is no text counts as one
    {"a???b",
     "a\xE2\x98\xBA"
     "b",
     false},
    // `**` crosses directories, none included.
    {"**", "foo", true},
    {"**", "dir/sub/foo", true},
    {"**/foo", "foo", true},
    {"**/foo", "dir/foo", true},
    {"**/foo", "dir/sub/foo", true},
    {"**/foo", "dir/foo/bar", true},
    {"**/foo", "dir/xfoo", false},
    {"**foo", "dir/xfoo", true},
    {"**/*.go", "a.go", true},
    {"**/*.go", "x/y/a.go", true},
    {"**/*.go", "x/y/a.goo", false},
    {"**/**/*.go", "a.go", true},
    {"dir/**", "dir/foo", true},
    {"dir/**", "dir/sub/foo", true},
    {"dir/**", "dirt", false},
    {"dir**", "dirt/x", true},
    {"dir/**/foo", "dir/foo", true},
    {"dir/**/foo", "dir/a/b/foo", true},
    {"dir/**/foo", "dir/a/b/food", false},
    {"a**/*.txt", "a/dir/dir/x.txt", true},
    {"a/*.txt**", "a/x.txt.bak", true},
    {"**/", "foo", true},
    {"**/dir/**", "x/dir/y", true},
    {"**/.git", "sub/.git/config", true},
    // Classes and escapes.
    {"[abc]", "b", true},
    {"[abc]", "d", false},
    {"x[a-c]y", "xby", true},
    {"x[^a-c]y", "xby", false},
    {"x[^a-c]y", "xdy", true},
    {"x[^a-c]y", "x/y", true},  // oddly, as Docker has it
    {"[\\]]", "]", true},
    {"[a\\-z]", "-", true},
    {"[a\\-z]", "b", false},
    {"[*]", "*", false},  // no way to write a star: Docker translates it within classes, too
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"a\\?b", "a?b", true},
    {"a\\?b", "axb", false},
    {"\\!foo", "!foo", true},
    {"a\\dc", "a5c", true},  // an escape is one of regular expressions
    // What means something in regular expressions, but not here.
    {"a.b", "axb", false},
    {"a+", "aa", false},
    {"a(b)|{1}$", "a(b)|{1}$", true},
    {"^a", "^a", true},
    {"^a", "a", false},
    // `!` takes back; the last that matches decides.
    {"*\n!foo", "foo", false},
    {"*\n!foo", "bar", true},
    {"!foo\n*", "foo", true},
    {"foo\n!foo\nfoo", "foo", true},
    {"*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true},
    {"*.md\n!README*.md\nREADME-secret.md", "README-x.md", false},
    {"*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false},
    {"dir\n!dir/foo", "dir/foo", false},
    {"dir\n!dir/foo", "dir/bar", true},
    {"dir/\n!dir/foo", "dir/foo", false},
    {"dir/*\n!dir/foo", "dir/foo", false},
    {"dir\n!dir/sub", "dir/sub/x/y", false},
    {"dir\n!dir/sub\ndir/sub/x", "dir/sub/x/y", true},
    {"dir\n!dir/sub\ndir/sub/x", "dir/sub/z", false},
    {"*\n! foo", "foo", false},
    {"*\n!/foo", "foo", false},
    {"*\n!./foo", "foo", false},
    {"*\n!dir/../foo", "foo", false},
    {"*\n!!foo", "foo", true},
    {"*\n!!foo", "!foo", false},
    {"**\n!dir/foo", "dir/foo", false},
    {"**\n!dir", "dir/foo/bar", false},
    {"a/b\n!a", "a/b", true},  // `!a` is not asked for `a`, which nothing excludes
    {"a\n!a\na/b", "a/c", false},
    {"a\n!a\na/b", "a/b", true},
    {"foo\n!.", "foo", true},
    // BuildKit walks whatever a wildcard may take back; the client of the legacy builder does not.
    {"*\n!**/*.go", "x/y/a.go", false},
    {"*\n!*/a.go", "x/a.go", false},
};

}  // namespace casemate::container::test
