#include "tools/dockerfile/lint.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tools/dockerfile/lint_output.h"

namespace casemate::dockerfile {
namespace {

std::vector<LintFinding> Findings(std::string_view text, const LintOptions& options = {}) {
  const auto file = ParseDockerfile(text);
  INFO(text);
  if (!file) {
    FAIL(file.error().message);
  }
  return Lint(*file, options);
}

LintOptions All() {
  LintOptions options;
  options.allowed_registries = {"docker.io", "*.example.com"};
  options.ignore_file = "secret\n*.log\n";
  options.enable = {"DL1001", "DL3057"};
  return options;
}

bool Finds(const std::vector<LintFinding>& findings, std::string_view rule) {
  return std::ranges::any_of(findings, [&](const LintFinding& finding) {
    return finding.rule == rule || std::ranges::find(finding.also, rule) != finding.also.end();
  });
}

// A text that a rule finds, and one that only looks like it. What follows stands behind FROM a:1
// if it has none of its own.
struct Case {
  std::string_view rule;
  std::string_view found;
  std::string_view near_miss;
};

std::string Whole(std::string_view text) {
  const bool whole =
      text.find("FROM ") != std::string_view::npos || text.find("from ") != std::string_view::npos;
  return whole ? std::string(text) : "FROM a:1\n" + std::string(text);
}

const std::vector<Case>& Cases() {
  static const std::vector<Case> kCases = {
      {"CM0001", "# syntax=docker/dockerfile:1\nFROM a:1", "# no syntax=x\nFROM a:1"},
      {"CM0001", "RUN <<EOF\nx\nEOF", "RUN cat <<<EOF"},
      {"CM0001", "COPY --link a /b", "COPY --chown=1 a /b"},
      {"CM0002", "USER app", "USER 1000:app"},
      {"CM0002", "FROM a:1 AS b\nUSER app\nFROM b", "FROM a:1 AS b\nUSER app\nFROM c:1"},
      {"CM0003", "RUN curl -fsSL x | sudo -E bash -", "RUN curl x | tar xz"},
      {"CM0003", "RUN wget -qO- x | tee y | sh", "RUN wget -qO- x > y && sh y"},
      {"CM0003", "RUN bash -c \"$(curl x)\"", "RUN echo \"$(curl x)\""},
      {"CM0003", "RUN <<EOF\ncurl x |\n  sh\nEOF", "RUN <<EOF\ncurl x\nsh\nEOF"},
      {"ConsistentInstructionCasing", "RUN a\nrun b", "from a:1\nrun b"},
      {"ConsistentInstructionCasing", "Run a\nRUN b", "RUN a"},
      {"CopyIgnoredFile", "COPY ./secret /x", "COPY --from=a:1 secret /x"},
      {"CopyIgnoredFile", "ADD secret/key /x", "ADD http://x/secret /x"},
      {"DL1001", "# hadolint ignore=DL3008\nRUN a", "# hadolint\nRUN a"},
      {"DL3000", "WORKDIR app", "WORKDIR \"/app\""},
      {"DL3000", "WORKDIR ./app", "WORKDIR $APP"},
      {"DL3001", "RUN a && service x start", "RUN echo service"},
      {"DL3002", "USER 1\nUSER root", "USER root\nUSER 1"},
      {"DL3002", "USER 0:0", "USER rooted"},
      {"DL3003", "RUN cd /x && make", "RUN echo cd"},
      {"DL3004", "RUN sudo make", "RUN echo \"; sudo make\""},
      {"DL3006", "FROM debian", "FROM debian@sha256:00"},
      {"DL3006", "FROM x.io:5000/a", "FROM x.io:5000/a:1"},
      {"DL3006", "FROM a:1 AS b\nFROM c", "FROM a:1 AS b\nFROM B"},
      {"DL3006", "FROM a", "ARG A=a:1\nFROM ${A:-b:1}"},
      {"DL3007", "FROM a:latest", "FROM a:latest@sha256:00"},
      {"DL3008", "RUN apt-get install -y curl", "RUN apt-get install -y curl=1 ./x.deb"},
      {"DL3008", "RUN sudo apt-get install -y curl", "RUN apt-get install -t stable curl=1"},
      {"DL3008", "ONBUILD RUN apt-get -y install a", "ONBUILD RUN apt-get -y install a=1"},
      {"DL3008", "RUN [\"apt-get\", \"install\", \"a\"]", "RUN echo 'apt-get install a'"},
      {"DL3008", "RUN <<EOF\napt-get install a\nEOF", "RUN cat <<EOF > x\napt-get install a\nEOF"},
      {"DL3008", "RUN if true; then apt-get install a; fi", "RUN # apt-get install a"},
      {"DL3009", "RUN apt-get update", "RUN apt-get update && rm -rf /var/lib/apt/lists/*"},
      {"DL3009", "FROM a:1 AS b\nRUN apt-get update\nFROM b",
       "FROM a:1 AS b\nRUN apt-get update\nFROM c:1"},
      {"DL3009", "RUN --mount=type=bind,target=/var/lib/apt/lists apt-get update",
       "RUN --mount=type=cache,target=/var/lib/apt/lists apt-get update"},
      {"DL3010", "COPY x/a.tar.gz /t/\nRUN tar -xzf /t/a.tar.gz",
       "COPY x/a.tar.gz /t/\nRUN tar -czf /t/a.tar.gz"},
      {"DL3011", "EXPOSE 80 70000", "EXPOSE 65535"},
      {"DL3012", "HEALTHCHECK CMD [\"a\"]\nHEALTHCHECK NONE",
       "FROM a:1\nHEALTHCHECK NONE\nFROM b:1\nHEALTHCHECK NONE"},
      {"DL3013", "RUN pip3 install flask", "RUN pip install flask==1 -r a.txt"},
      {"DL3013", "RUN python3 -m pip install -U pip", "RUN pip install --upgrade pip==1"},
      {"DL3013", "RUN pip install git+https://x/y", "RUN pip install git+https://x/y@1 ."},
      {"DL3014", "RUN apt-get install a=1", "RUN apt-get install -qq a=1"},
      {"DL3015", "RUN apt-get install -y a=1",
       "RUN apt-get install -y --no-install-recommends a=1"},
      {"DL3016", "RUN npm install -g @a/b", "RUN npm install -g @a/b@1"},
      {"DL3016", "RUN npm install express", "RUN npm install --registry x"},
      {"DL3018", "RUN apk add --no-cache -t .x gcc", "RUN apk add --no-cache --virtual .x gcc~1"},
      {"DL3019", "RUN apk add a=1", "RUN --mount=type=cache,target=/var/cache/apk apk add a=1"},
      {"DL3020", "ADD a /b", "ADD a.tar.gz https://x/y /b/"},
      {"DL3021", "COPY a b /c", "COPY a b /c/"},
      {"DL3022", "COPY --from=x a /b", "FROM a:1 AS x\nFROM a:1\nCOPY --from=x a /b"},
      {"DL3022", "COPY --from=1 a /b", "COPY --from=x:1 a /b"},
      {"DL3023", "FROM a:1 AS x\nCOPY --from=x a /b", "FROM a:1 AS x\nCOPY --from=y:1 a /b"},
      {"DL3024", "FROM a:1 AS x\nFROM a:1 AS X", "FROM a:1 AS x\nFROM a:1 AS y"},
      {"DuplicateStageName", "FROM a:1 AS x\nFROM a:1 AS x", "FROM a:1 AS x\nFROM x"},
      {"DL3025", "CMD a b", "CMD [\"a\", \"b\"]"},
      {"DL3025", "HEALTHCHECK CMD a", "HEALTHCHECK NONE"},
      {"JSONArgsRecommended", "ENTRYPOINT a", "SHELL [\"bash\"]\nENTRYPOINT a"},
      {"DL3026", "FROM ghcr.io/a:1", "FROM my.example.com/a:1"},
      {"DL3026", "COPY --from=ghcr.io/a:1 a /b", "COPY --from=0 a /b"},
      {"DL3027", "RUN apt install a", "RUN apt-get install a"},
      {"DL3028", "RUN gem install rails", "RUN gem install rails:1 -- --with-x"},
      {"DL3029", "FROM --platform=linux/arm64 a:1", "FROM --platform=$BUILDPLATFORM a:1"},
      {"FromPlatformFlagConstDisallowed", "FROM --platform=linux/arm64 a:1",
       "FROM --platform=linux/arm64 a:1 AS b-arm64"},
      {"DL3032", "RUN yum install -y a-1", "RUN yum install -y a-1 && yum clean all"},
      {"DL3033", "RUN yum install -y a-devel", "RUN yum install -y a-devel-1.2"},
      {"DL3034", "RUN zypper install a=1", "RUN zypper -n install a=1"},
      {"DL3035", "RUN zypper dup", "RUN zypper up"},
      {"DL3036", "RUN zypper clean && zypper in -y a=1", "RUN zypper in -y a=1 && zypper clean"},
      {"DL3037", "RUN zypper in -y a", "RUN zypper in -y 'a>=1'"},
      {"DL3038", "RUN dnf install a-1", "RUN microdnf install -y a-1"},
      {"DL3040", "RUN microdnf install -y a-1", "RUN dnf install -y a-1 && dnf clean all"},
      {"DL3040", "RUN dnf install -y a-1 && microdnf clean all",
       "RUN microdnf install -y a-1 && microdnf clean all"},
      {"DL3041", "RUN dnf install -y a", "RUN dnf install -y a-1.fc40"},
      {"DL3042", "RUN pip install a==1", "RUN pip install --no-cache-dir a==1"},
      {"DL3042", "ENV PIP_NO_CACHE_DIR=0\nRUN pip install a==1",
       "ENV PIP_NO_CACHE_DIR=1\nRUN pip install a==1"},
      {"DL3044", "ENV A=1 B=$A", "ENV A=1\nENV A=2 B=${A}"},
      {"DL3044", "ENV P=a$P P=b$P", "ENV P=a$P"},
      {"DL3045", "COPY a b", "FROM a:1 AS x\nWORKDIR /w\nFROM x\nCOPY a b"},
      {"DL3046", "RUN useradd -u 123456 a", "RUN useradd -l -u 123456 a"},
      {"DL3047", "RUN wget x", "RUN wget -nv x"},
      {"DL3057", "RUN a", "HEALTHCHECK NONE"},
      {"DL3059", "RUN a\n\nRUN b", "RUN a\nRUN --network=none b"},
      {"DL3059", "RUN a\n# why\nRUN b", "RUN a\nUSER 1\nRUN b"},
      {"DL3063", "FROM a:1 AS context", "FROM a:1 AS content"},
      {"DL3060", "RUN yarn install", "RUN yarn install && yarn cache clean"},
      {"DL4000", "MAINTAINER me", "LABEL maintainer=me"},
      {"MaintainerDeprecated", "MAINTAINER me", "LABEL maintainer=me"},
      {"DL4001", "RUN wget -q x\nRUN curl x", "FROM a:1\nRUN wget -q x\nFROM a:1\nRUN curl x"},
      {"DL4003", "CMD [\"a\"]\nCMD [\"b\"]", "CMD [\"a\"]\nENTRYPOINT [\"b\"]"},
      {"DL4004", "ENTRYPOINT [\"a\"]\nENTRYPOINT [\"b\"]", "ONBUILD CMD a\nENTRYPOINT [\"b\"]"},
      {"MultipleInstructionsDisallowed", "CMD [\"a\"]\nCMD [\"b\"]", "CMD [\"a\"]"},
      {"DL4005", "RUN ln -sf /bin/bash /bin/sh", "RUN ln -s /bin/sh2 /x"},
      {"DL4006", "RUN a | b", "RUN a || b; echo '|'"},
      {"DL4006", "SHELL [\"/bin/sh\", \"-c\"]\nRUN a | b",
       "SHELL [\"/bin/bash\", \"-eo\", \"pipefail\", \"-c\"]\nRUN a | b"},
      {"DL4006", "RUN a \\\n | b", "RUN set -o pipefail && a | b"},
      {"ExposeInvalidFormat", "EXPOSE 127.0.0.1:80:80", "EXPOSE 80-90/udp"},
      {"ExposeProtoCasing", "EXPOSE 80/TCP", "EXPOSE 80/tcp"},
      {"FromAsCasing", "FROM a:1 as b", "from a:1 as b"},
      {"InvalidDefaultArgInFrom", "ARG A\nFROM x:$A", "ARG A=1\nFROM x:${A:-2}"},
      {"InvalidDefaultArgInFrom", "FROM Debian:1", "FROM docker.io/library/a:1"},
      {"LegacyKeyValueFormat", "ENV a b", "ENV a=\"b c\""},
      {"NoEmptyContinuation", "RUN a \\\n\n b", "RUN a \\\n#\n b"},
      {"RedundantTargetPlatform", "FROM --platform=${TARGETPLATFORM} a:1",
       "FROM --platform=linux/$TARGETARCH a:1"},
      {"ReservedStageName", "FROM a:1 AS scratch", "FROM a:1 AS scratched"},
      {"SecretsUsedInArgOrEnv", "ENV DB_PASSWORD=x", "ENV PASSWORD_FILE=x"},
      {"SecretsUsedInArgOrEnv", "ARG token", "ARG tokens"},
      {"StageNameCasing", "FROM a:1 AS Build", "FROM a:1 AS build"},
      {"UndefinedArgInFrom", "FROM a:${X:-1}", "ARG X\nFROM a:${X:-1}"},
      {"UndefinedVar", "COPY $foo /x", "ARG foo\nCOPY $foo /x"},
      {"UndefinedVar", "ARG V=1\nFROM a:$V\nENV B=$V", "ARG V=1\nFROM a:$V\nARG V\nENV B=$V"},
      {"UndefinedVar", "FROM scratch\nENV A=$JAVA_HOME", "FROM jdk:1\nENV A=$JAVA_HOME:$PATH"},
      {"UndefinedVar", "USER $u", "RUN $u\nENV a='$u' b=\\$u"},
      {"WorkdirRelativePath", "WORKDIR a", "WORKDIR /a\nWORKDIR b"},
  };
  return kCases;
}

}  // namespace

TEST_CASE("each rule finds what it names and nothing that looks like it") {
  for (const Case& test : Cases()) {
    CAPTURE(test.rule, test.found, test.near_miss);
    const auto found = Findings(Whole(test.found), All());
    CHECK(Finds(found, test.rule));
    for (const LintFinding& finding : found) {
      CHECK(finding.what.ends_with('.'));
      CHECK_FALSE(finding.fix.empty());
    }
    CHECK_FALSE(Finds(Findings(Whole(test.near_miss), All()), test.rule));
  }
}

TEST_CASE("each rule of the table has a case") {
  std::set<std::string_view> tested;
  for (const Case& test : Cases()) {
    tested.insert(test.rule);
  }
  std::string_view last;
  for (const LintRule& rule : LintRules()) {
    CAPTURE(rule.name);
    CHECK(last < rule.name);
    last = rule.name;
    if (rule.name != "DL3043") {  // what BuildKit refuses is no finding
      CHECK(tested.contains(rule.name));
    }
  }
}

TEST_CASE("what both linters name is told once") {
  const auto findings = Findings("FROM a:1\nMAINTAINER me\n");
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].rule == "DL4000");
  CHECK(findings[0].also == std::vector<std::string>{"MaintainerDeprecated"});
  CHECK(findings[0].severity == Severity::kError);
  CHECK(findings[0].line == 2);
  CHECK(Findings("FROM a:1\nENV A=1 B=$A\n").size() == 1);
}

TEST_CASE("comments ignore rules where they stand") {
  const auto count = [](std::string_view text) { return Findings(text).size(); };
  CHECK(count("FROM a") == 1);
  CHECK(count("# hadolint ignore=DL3006\nFROM a") == 0);
  CHECK(count("# hadolint ignore = DL3007, DL3006 # why\nFROM a") == 0);
  CHECK(count("# casemate ignore=DL3006\nFROM a") == 0);
  CHECK(count("# hadolint ignore=DL3007\nFROM a") == 1);
  CHECK(count("# hadolint ignore=DL3006\nFROM a\nFROM b") == 1);
  CHECK(count("# hadolint global ignore=DL3006\nFROM a\nFROM b") == 0);
  CHECK(count("# check=skip=MaintainerDeprecated\nFROM a:1\nMAINTAINER x") == 0);
  CHECK(count("# check=error=true\nFROM a:1\nMAINTAINER x") == 1);
  CHECK(count("FROM a:1\n# check=skip=all\nMAINTAINER x") == 0);
  LintOptions options;
  options.skip = {"DuplicateStageName"};
  CHECK(Findings("FROM a:1 AS b\nFROM a:1 AS b", options).empty());
}

TEST_CASE("findings come by line, with what to write instead") {
  const auto findings = Findings("FROM node\nRUN apt-get install -y curl git\nCMD x\n");
  const std::string text = LintText(findings, "Dockerfile");
  CHECK(text ==
        "Dockerfile:1: warning DL3006 FROM takes `node` without a tag. (write `FROM "
        "node:VERSION`)\n"
        "Dockerfile:2: warning DL3008 apt-get installs `curl` and `git` without a version. (write "
        "`curl=VERSION` and so on)\n"
        "Dockerfile:2: info DL3015 apt-get install has no --no-install-recommends. (add "
        "--no-install-recommends)\n"
        "Dockerfile:3: warning DL3025 CMD is in shell form. (write a JSON array: `CMD "
        "[\"program\", \"argument\"]`)\n");
  const auto json = LintJson(findings);
  REQUIRE(json.size() == 4);
  CHECK(json[0]["rule"] == "DL3006");
  CHECK(json[0]["severity"] == "warning");
  CHECK_FALSE(json[0].contains("also"));
  CHECK(json[3]["also"] == nlohmann::json::array({"JSONArgsRecommended"}));
  CHECK(AnyAtLeast(findings, Severity::kWarning));
  CHECK_FALSE(AnyAtLeast(findings, Severity::kError));
  CHECK(ParseSeverity("style") == Severity::kStyle);
  CHECK_FALSE(ParseSeverity("fatal"));
  CHECK(LintText(Findings("FROM a:1\nCOPY \x1b[31m\xff x\n"), "f").find('\x1b') ==
        std::string::npos);
}

TEST_CASE("a good file has no findings") {
  CHECK(Findings("ARG VERSION=20\n"
                 "FROM node:${VERSION}-slim AS build\n"
                 "WORKDIR /src\n"
                 "COPY package.json package-lock.json ./\n"
                 "RUN --mount=type=cache,target=/root/.npm npm ci\n"
                 "COPY . ./\n"
                 "RUN npm run build\n"
                 "FROM node:${VERSION}-slim\n"
                 "WORKDIR /app\n"
                 "COPY --from=build /src/dist ./\n"
                 "USER 1000:1000\n"
                 "EXPOSE 8080\n"
                 "CMD [\"node\", \"server.js\"]\n")
            .empty());
}

// What grows with the square would meet the time limit that CTest sets.
TEST_CASE("hostile files of the full size are read to their end") {
  // Sanitizers make it ten times as long, and see as much in less.
  const bool is_slow =
      std::getenv("CASEMATE_SANITIZED") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  const std::size_t size = is_slow ? kMaxDockerfileBytes / 8 : kMaxDockerfileBytes;
  const auto repeat = [&](std::string text, std::string_view part) {
    while (text.size() + part.size() < size - 100) {
      text += part;
    }
    return text;
  };
  const auto test = GENERATE(table<std::string, std::string>({
      {"FROM a\n", "FROM a\n"},
      {"FROM a AS b\n", "FROM b AS b\nENV a=$x\n"},
      {"FROM a\n", "# hadolint ignore=DL3059\nRUN a\n"},
      {"FROM a\nRUN curl x", " \\\n|sh"},
      {"FROM a\nRUN x", " \\\n$(\"`${"},
      {"FROM a\nENV a=1", " \\\na_key=$b"},
      {"FROM a\n", "COPY a.tar /\nRUN tar -x a.tar\n"},
  }));
  CAPTURE(std::get<1>(test));
  CHECK_FALSE(Findings(repeat(std::get<0>(test), std::get<1>(test))).empty());
}

TEST_CASE("the documentation has the table of rules") {
  std::ifstream file(CASEMATE_TEST_LINT_DOCS);
  std::stringstream text;
  text << file.rdbuf();
  INFO("docs/dockerfile-lint.md must hold:\n" << LintRuleTable());
  CHECK(text.str().find(LintRuleTable()) != std::string::npos);
}

}  // namespace casemate::dockerfile
