#include "tools/secret_signs.h"

#include <fcntl.h>

#include <catch2/catch.hpp>

#include "base/unique_fd.h"
#include "tests/unit/temp_dir.h"

namespace casemate::tools {

TEST_CASE("Names of variables that hold secrets are known") {
  for (const char* name : {"GITHUB_TOKEN", "token", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY",
                           "api_key", "MYSQL_PWD", "NPM_TOKEN_2", "ssh_passphrase"}) {
    INFO(name);
    CHECK(IsSecretName(name));
  }
  for (const char* name :
       {"PATH", "PWD", "OLDPWD", "LANG", "TOKENIZERS_PARALLELISM", "KEYBOARD", "MONKEY", "", "_"}) {
    INFO(name);
    CHECK_FALSE(IsSecretName(name));
  }
}

TEST_CASE("Tokens and keys are known by their form, and mentions of them are none") {
  for (const char* text :
       {"-----BEGIN OPENSSH PRIVATE KEY-----\nabc", "x=ghp_abcdefghijklmnop1234",
        "AKIAIOSFODNN7EXAMPLE", "Bearer glpat-abcdefghijkl", "sk_live_0123456789abcdef"}) {
    INFO(text);
    CHECK(HoldsSecret(text));
  }
  for (const char* text : {"", "tokens that begin with ghp_ are GitHub's", "npm_install", "AKIA",
                           "-----BEGIN PUBLIC KEY-----"}) {
    INFO(text);
    CHECK_FALSE(HoldsSecret(text));
  }
}

TEST_CASE("Everything that a call brings along is looked at") {
  RunArgs args;
  CHECK(CountSecrets(args) == 0);
  args.env = {{"GITHUB_TOKEN", "x"}, {"EMPTY_TOKEN", ""}, {"PLAIN", "ghp_abcdefghijklmnop1234"}};
  args.files = {{"src/.env", "A=1"}, {"notes.txt", "nothing"}};
  args.command = {"curl", "-H", "Authorization: Bearer glpat-abcdefghijkl"};
  args.stdin_data = "-----BEGIN RSA PRIVATE KEY-----";
  args.code = "key = 'xoxb-" + std::string(16, '1') + "'";
  CHECK(CountSecrets(args) == 6);
}

TEST_CASE("Files of a workspace that hold secrets are counted, and none where one cannot look") {
  const testing::TempDir dir;
  const UniqueFd directory(open(dir.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  CHECK(CountSecretFiles(directory.get()) == 0);
  (void)dir.Write(".env", "A=1");
  (void)dir.Write("id_rsa", "");
  (void)dir.Write("README.md", "");
  CHECK(CountSecretFiles(directory.get()) == 2);
  CHECK(CountSecretFiles(-1) == 0);
}

}  // namespace casemate::tools
