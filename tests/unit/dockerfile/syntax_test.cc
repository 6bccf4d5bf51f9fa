#include "tools/dockerfile/syntax.h"

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

namespace casemate::dockerfile {
namespace {

// One line an instruction, so that a table can say what is expected:
// FIRST-LAST NAME (--flag=value) arguments [exec|exec] {delimiter:text}
std::string Shown(const Instruction& instruction) {
  std::string shown = std::to_string(instruction.line) + "-" +
                      std::to_string(instruction.last_line) + " " + instruction.name;
  for (const Flag& flag : instruction.flags) {
    shown += " (" + flag.name + "=" + flag.value + ")";
  }
  if (!instruction.exec && !instruction.arguments.empty()) {
    shown += " " + instruction.arguments;
  }
  if (instruction.exec) {
    shown += " [";
    for (const std::string& word : *instruction.exec) {
      shown += word + "|";
    }
    shown += "]";
  }
  for (const HereDocument& document : instruction.documents) {
    shown += " {" + document.delimiter + (document.expands ? "" : "!") + ":" + document.text + "}";
  }
  return shown + (instruction.empty_continuation ? " EMPTY" : "");
}

// All but the FROM that every file needs.
std::string Shown(const Result<Dockerfile>& file) {
  if (!file) {
    CHECK(file.error().code == ErrorCode::kInvalidArgument);
    CHECK(file.error().field == "dockerfile");
    return "error: " + file.error().message;
  }
  std::string shown;
  for (const Instruction& instruction : file->instructions) {
    if (instruction.name != "FROM") {
      shown += (shown.empty() ? "" : "\n") + Shown(instruction);
    }
  }
  return shown;
}

struct Case {
  std::string_view text;
  std::string_view expected;
};

}  // namespace

TEST_CASE("a flag is found by its name") {
  Instruction instruction;
  instruction.flags = {{"mount", "type=cache,target=/x"}};
  CHECK(instruction.FlagValue("mount") == "type=cache,target=/x");
  CHECK_FALSE(instruction.FlagValue("network"));
}

TEST_CASE("instructions are cut as BuildKit cuts them") {
  const auto test = GENERATE(values<Case>({
      // Lines and names.
      {"FROM a\nRUN make", "2-2 RUN make"},
      {"FROM a\r\nRUN make\r\n", "2-2 RUN make"},
      {"FROM a\nrUn make", "2-2 RUN make"},
      {"FROM a\n\t RUN\tmake\t all ", "2-2 RUN make\t all"},
      {"\xEF\xBB\xBF"
       "FROM a\nRUN make",
       "2-2 RUN make"},
      {"FROM a\n\n\n# c\nRUN make", "5-5 RUN make"},
      {"\u00a0FROM a\n\u2003RUN make\u3000", "2-2 RUN make"},
      // Continuation lines.
      {"FROM a\nRUN a \\\n b", "2-3 RUN a  b"},
      {"FROM a\nRUN a \\ \t\n b", "2-3 RUN a  b"},
      {"FROM a\nRUN a\\\nb", "2-3 RUN ab"},
      {"FROM a\nRUN a \\\r\n b\r\n", "2-3 RUN a  b"},
      {"FROM a\nRUN a \\\n# no\n  # no \\\n b", "2-5 RUN a  b"},
      {"FROM a\nRUN a \\\n\n b", "2-4 RUN a  b EMPTY"},
      {"FROM a\nRUN a \\\n  \t\n b\nRUN c", "2-4 RUN a  b EMPTY\n5-5 RUN c"},
      {"FROM a\nRUN a \\", "2-2 RUN a"},
      {"FROM a\nRUN a \\\n", "2-2 RUN a"},
      {"FROM a\nRUN a \\\\\nRUN b", "2-2 RUN a \\\\\n3-3 RUN b"},
      {"FROM a\nRUN a # not a comment \\\n b", "2-3 RUN a # not a comment  b"},
      {"FROM a\nRUN \\\n\\\na", "2-4 RUN a"},
      {"FROM a\n\\\nRUN a", "2-3 RUN a"},
      {"FROM a\nRUN a \\\nENV b", "2-3 RUN a ENV b"},
      // The escape directive.
      {"# escape=`\nFROM a\nRUN a `\n b", "3-4 RUN a  b"},
      {"#escape = `\nFROM a\nRUN a \\\nRUN b", "3-3 RUN a \\\n4-4 RUN b"},
      {"# ESCAPE=`\r\nFROM a\r\nRUN a `\r\n b", "3-4 RUN a  b"},
      {"# syntax=x\n# escape=`\nFROM a\nRUN a `\n b", "4-5 RUN a  b"},
      {"# a comment\n# escape=`\nFROM a\nRUN a `\nRUN b", "4-4 RUN a `\n5-5 RUN b"},
      {"\n# escape=`\nFROM a\nRUN a `\nRUN b", "4-4 RUN a `\n5-5 RUN b"},
      {"# unknown=1\n# escape=`\nFROM a\nRUN a `\nRUN b", "4-4 RUN a `\n5-5 RUN b"},
      {"#!/usr/bin/env x\n# escape=`\nFROM a\nRUN a `\nRUN b", "4-4 RUN a `\n5-5 RUN b"},
      {"# escape=x\nFROM a", "error: line 1: the escape character is \\ or `, not `x`"},
      {"# escape=`\n# escape=`\nFROM a", "error: line 2: the directive escape is there twice"},
      // Exec form and shell form.
      {"FROM a\nCMD [\"a\", \"b c\"]", "2-2 CMD [a|b c|]"},
      {"FROM a\nCMD [ ]", "2-2 CMD []"},
      {"FROM a\nCMD ['a']", "2-2 CMD ['a']"},
      {"FROM a\nCMD [\"a\", \"b\"", "2-2 CMD [\"a\", \"b\""},
      {"FROM a\nCMD [\"a\",]", "2-2 CMD [\"a\",]"},
      {"FROM a\nCMD [\"a\"] b", "2-2 CMD [\"a\"] b"},
      {"FROM a\nCMD [\"\\u0041\\n\"]", "2-2 CMD [A\n|]"},
      {"FROM a\nCMD [\"a\", 1]", "error: line 2: the JSON array of CMD may hold only strings"},
      {"FROM a\nRUN [[\"a\"]]", "error: line 2: the JSON array of RUN may hold only strings"},
      {"FROM a\nRUN [ -f x ] && y", "2-2 RUN [ -f x ] && y"},
      {"FROM a\nCMD [\"a\", \\\n  \"b\"]", "2-3 CMD [a|b|]"},
      {"FROM a\nHEALTHCHECK --interval=5s CMD [\"x\"]", "2-2 HEALTHCHECK (interval=5s) [x|]"},
      {"FROM a\nHEALTHCHECK none", "2-2 HEALTHCHECK none"},
      {"FROM a\nCOPY [\"a b\", \"/c\"]", "2-2 COPY [a b|/c|]"},
      {"FROM a\nCMD", "2-2 CMD"},
      // Flags.
      {"FROM a\nRUN --mount=type=cache,target=/x --network=none make --all",
       "2-2 RUN (mount=type=cache,target=/x) (network=none) make --all"},
      {"FROM a\nRUN --mount=type=\"cache\" \\\n  --mount=type=bind make",
       "2-3 RUN (mount=type=cache) (mount=type=bind) make"},
      {"FROM a\nRUN -- --mount=x", "2-2 RUN --mount=x"},
      {"FROM a\nCOPY --link a b", "2-2 COPY (link=) a b"},
      {"FROM a\nCOPY a --link b", "2-2 COPY a --link b"},
      {"FROM a\nCOPY --form=x a b", "error: line 2: COPY has no flag `--form`"},
      {"# syntax=x\nFROM a\nCOPY --new a b", "3-3 COPY (new=) a b"},
      {"FROM a\nCOPY --from=x --from=y a b", "error: line 2: the flag --from is there twice"},
      {"FROM a\nCMD --help", "error: line 2: CMD has no flag `--help`"},
      // Here-documents.
      {"FROM a\nRUN <<EOF\na\n  b\nEOF\nRUN c", "2-5 RUN <<EOF {EOF:a\n  b\n}\n6-6 RUN c"},
      {"FROM a\nRUN <<-EOF\n\ta\n\t\tEOF", "2-4 RUN <<-EOF {EOF:a\n}"},
      {"FROM a\nRUN <<\"EOF\"\n$a\nEOF", "2-4 RUN <<\"EOF\" {EOF!:$a\n}"},
      {"FROM a\nRUN <<'E F'\n# kept\nE F", "2-4 RUN <<'E F' {E F!:# kept\n}"},
      {"FROM a\nRUN << EOF\na\nEOF", "2-4 RUN << EOF {EOF:a\n}"},
      {"FROM a\nRUN 3<<EOF cat\nEOF\r\n", "2-3 RUN 3<<EOF cat {EOF:}"},
      {"FROM a\nCOPY <<A <<B /x\n1\nA\n2\nB", "2-6 COPY <<A <<B /x {A:1\n} {B:2\n}"},
      {"FROM a\nRUN cat <<EOF | \\\n  sh\na\nEOF", "2-5 RUN cat <<EOF |   sh {EOF:a\n}"},
      {"FROM a\nRUN cat <<<x", "2-2 RUN cat <<<x"},
      {"FROM a\nRUN cat<<EOF", "2-2 RUN cat<<EOF"},
      {"FROM a\nRUN echo '<<EOF' \"<<EOF\"", "2-2 RUN echo '<<EOF' \"<<EOF\""},
      {"FROM a\nRUN echo \" <<EOF", "2-2 RUN echo \" <<EOF"},
      {"FROM a\nRUN echo ${#x} <<EOF", "2-2 RUN echo ${#x} <<EOF"},
      {"FROM a\nRUN echo ${x:-a b} <<EOF\nEOF", "2-3 RUN echo ${x:-a b} <<EOF {EOF:}"},
      {"FROM a\nRUN [\"cat\", \"<<EOF\"]", "2-2 RUN [cat|<<EOF|]"},
      {"FROM a\nCMD cat <<EOF", "2-2 CMD cat <<EOF"},
      {"FROM a\nONBUILD RUN <<EOF\na\nEOF", "2-4 ONBUILD RUN <<EOF {EOF:a\n}"},
      {"FROM a\nRUN <<EOF\na\n", "error: line 2: the here-document `EOF` does not end"},
      {"FROM a\nCOPY a <<EOF\nEOF",
       "error: line 2: the destination of COPY cannot be a here-document"},
      // What is refused.
      {"", "error: line 1: there is no FROM"},
      {"# only\n", "error: line 1: there is no FROM"},
      {"ARG a\n", "error: line 1: there is no FROM"},
      {"RUN a\nFROM b", "error: line 1: RUN stands before the first FROM"},
      {"ARG A=1\nFROM $A", "1-1 ARG A=1"},
      {"FORM a", "error: line 1: there is no instruction `FORM`; did you mean FROM?"},
      {"FROM a\n&& b", "error: line 2: there is no instruction `&&`"},
      {"FROM", "error: line 1: FROM needs an image, or an image, AS and a name"},
      {"FROM a b", "error: line 1: FROM needs an image, or an image, AS and a name"},
      {"FROM a AS 1b",
       "error: line 1: the name of a stage begins with a letter and has only letters, digits, -, _ "
       "and ., not `1b`"},
      {"FROM a\nENV", "error: line 2: ENV needs at least one name"},
      {"FROM a\nENV x", "error: line 2: ENV needs a name and a value"},
      {"FROM a\nENV x=1 y", "error: line 2: there is no = in `y`"},
      {"FROM a\nENV =1", "error: line 2: there is no name in `=1`"},
      {"FROM a\nARG", "error: line 2: ARG needs at least one name"},
      {"FROM a\nUSER", "error: line 2: USER needs at least one argument"},
      {"FROM a\nVOLUME [\"\"]", "error: line 2: VOLUME has an empty argument"},
      {"FROM a\nSHELL bash",
       "error: line 2: SHELL needs a JSON array of strings that is not empty"},
      {"FROM a\nHEALTHCHECK GO x", "error: line 2: HEALTHCHECK needs CMD or NONE, not `GO`"},
      {"FROM a\nHEALTHCHECK CMD", "error: line 2: HEALTHCHECK CMD needs a command"},
      {"FROM a\nONBUILD", "error: line 2: ONBUILD needs an instruction"},
      {"FROM a\nONBUILD ONBUILD RUN x", "error: line 2: ONBUILD cannot hold ONBUILD"},
      {"FROM a\nONBUILD FROM x", "error: line 2: ONBUILD cannot hold FROM"},
      {"FROM a\nONBUILD COPY x", "error: line 2: COPY needs at least one source and a destination"},
      {"FROM a\n\\\n\\\n", "error: line 2: there is no instruction ``"},
  }));
  CAPTURE(test.text);
  CHECK(Shown(ParseDockerfile(test.text)) == test.expected);
}

TEST_CASE("hostile texts are read or refused") {
  const std::string from = "FROM a\n";
  CHECK(Shown(ParseDockerfile(from + "RUN " + std::string(kMaxDockerfileBytes, 'x'))) ==
        "error: it is longer than 1048576 bytes");
  CHECK(Shown(ParseDockerfile(from + "RUN " + std::string(900'000, 'x'))) ==
        "error: line 2: it is longer than 65535 bytes");
  CHECK(ParseDockerfile(from + "RUN " + std::string(kMaxDockerfileLineBytes - 4, 'x') + "\n"));
  CHECK_FALSE(ParseDockerfile(from + "RUN " + std::string(kMaxDockerfileLineBytes - 3, 'x')));
  // One megabyte of continuation lines is one instruction.
  std::string lines = from + "RUN x";
  while (lines.size() < 1'000'000) {
    lines += " \\\n\n y";
  }
  CHECK(ParseDockerfile(lines));
  // Deep JSON is no JSON for BuildKit beyond a depth, and not only strings below it.
  const std::string deep(20'000, '[');
  const auto shell = ParseDockerfile(from + "RUN " + deep + std::string(20'000, ']'));
  REQUIRE(shell);
  CHECK_FALSE(shell->instructions[1].exec);
  CHECK(ParseDockerfile(from + "RUN " + deep));
  CHECK_FALSE(ParseDockerfile(from + "RUN " + std::string(9'000, '[') + std::string(9'000, ']')));
  // Deep ${ } is walked without recursion.
  std::string braces = "RUN <<E ";
  for (int i = 0; i < 10'000; ++i) {
    braces += "${x:-";
  }
  CHECK(ParseDockerfile(from + braces));
  // Bytes that are no text stay what they are; NUL is one of them.
  using std::string_view_literals::operator""sv;
  const auto bytes = ParseDockerfile("FROM a\nRUN \0\xff \\\nx\xc2\n"sv);
  REQUIRE(bytes);
  CHECK(bytes->instructions[1].arguments == "\0\xff x\xc2"sv);
  CHECK(ParseDockerfile("FROM a\nRUN [\"\xff\"]")->instructions[1].exec ==
        std::vector<std::string>{"\uFFFD"});
  CHECK_FALSE(ParseDockerfile("FROM a\nRUN [\"\0\"]"sv)->instructions[1].exec);
  CHECK(Shown(ParseDockerfile("FROM a\n\x1b[31m x")) ==
        "error: line 2: there is no instruction `\\x1b[31m`");
}

TEST_CASE("stages, their names and the arguments before them are found") {
  const auto file = ParseDockerfile(
      "# syntax = docker/dockerfile:1 \n#check=skip=all\n# escape is no directive\nARG V=1\n"
      "FROM --platform=$BUILDPLATFORM node:$V as Build\nRUN a\nfrom build\nCOPY a b\n");
  REQUIRE(file);
  REQUIRE(file->directives.size() == 2);
  CHECK(file->FindDirective("syntax")->value == "docker/dockerfile:1");
  CHECK(file->FindDirective("check")->line == 2);
  CHECK(file->FindDirective("escape") == nullptr);
  CHECK(file->global_arguments == std::vector<std::size_t>{0});
  REQUIRE(file->stages.size() == 2);
  CHECK(file->stages[0].base == "node:$V");
  CHECK(file->stages[0].name == "build");
  CHECK(file->stages[0].platform == "$BUILDPLATFORM");
  CHECK(file->stages[0].first == 1);
  CHECK(file->stages[0].end == 3);
  CHECK(file->stages[1].base == "build");
  CHECK(file->stages[1].name.empty());
  CHECK(file->stages[1].end == 5);
  CHECK(file->instructions[3].written == "from");
  REQUIRE(file->comments.size() == 1);
  CHECK(file->comments[0].line == 3);
}

TEST_CASE("comments above an instruction belong to it") {
  const auto file =
      ParseDockerfile("FROM a\n# far\n#\n# one\n\n  #two\nRUN a \\\n# inside\n  b\nRUN c\n");
  REQUIRE(file);
  CHECK(file->instructions[1].comment == "one\ntwo");
  CHECK(file->instructions[2].comment.empty());
  REQUIRE(file->comments.size() == 5);
  CHECK(file->comments[4].text == "inside");
  CHECK(file->comments[4].line == 8);
}

TEST_CASE("the instruction in ONBUILD is read as one") {
  const auto file = ParseDockerfile("FROM a\nonbuild copy --from=b [\"x\", \"y\"]");
  REQUIRE(file);
  const Instruction& outer = file->instructions[1];
  CHECK(outer.arguments == "copy --from=b [\"x\", \"y\"]");
  REQUIRE(outer.trigger.size() == 1);
  CHECK(outer.trigger[0].name == "COPY");
  CHECK(outer.trigger[0].written == "copy");
  CHECK(outer.trigger[0].FlagValue("from") == "b");
  CHECK(outer.trigger[0].exec == std::vector<std::string>{"x", "y"});
  CHECK(outer.trigger[0].line == 2);
}

TEST_CASE("words and pairs are without their quotes") {
  const auto file = ParseDockerfile(
      "FROM a\nARG A=\"1 2\" B C='$x'\nENV one=\"a b\" two=c\\ d three=\"\\\"\\n\"\n"
      "ENV old a 'b' \\\n c\nCOPY a\\b \"c\" d/\nEXPOSE 80 443/tcp\nLABEL \"x y\"=z\n");
  REQUIRE(file);
  CHECK(file->instructions[1].Words() == std::vector<std::string>{"A=1 2", "B", "C=$x"});
  const auto arguments = file->instructions[1].Pairs();
  REQUIRE(arguments.size() == 3);
  CHECK(arguments[0].value == "1 2");
  CHECK(arguments[0].written == "\"1 2\"");
  CHECK_FALSE(arguments[1].has_value);
  const auto environment = file->instructions[2].Pairs();
  REQUIRE(environment.size() == 3);
  CHECK(environment[1].value == "c d");
  CHECK(environment[2].value == "\"\\n");
  const auto old = file->instructions[3].Pairs();
  REQUIRE(old.size() == 1);
  CHECK(old[0].key == "old");
  CHECK(old[0].value == "a b  c");
  CHECK(old[0].legacy);
  CHECK(file->instructions[4].Words() == std::vector<std::string>{"ab", "c", "d/"});
  CHECK(file->instructions[5].Words() == std::vector<std::string>{"80", "443/tcp"});
  CHECK(file->instructions[5].Pairs().empty());
  CHECK(file->instructions[6].Pairs()[0].key == "x y");
  CHECK(ParseDockerfile("# escape=`\nFROM a\nCOPY c:\\x c:\\y")->instructions[1].Words('`') ==
        std::vector<std::string>{"c:\\x", "c:\\y"});
}

}  // namespace casemate::dockerfile
