#include "sandbox/container/services/command_line.h"

#include <algorithm>
#include <array>

#include "sandbox/container/services/proc_entry.h"

namespace casemate::container {
namespace {

using Words = std::string_view;  // separated by single spaces

struct Interpreter {
  std::string_view program;  // a glob
  Words takes_value;         // options whose value is the next argument
  Words names_script;        // options whose value is the script
  Words has_code;            // options whose value is the program itself: there is no script
};

constexpr std::array<Interpreter, 8> kInterpreters = {{
    {"python*", "-W -X -Q --check-hash-based-pycs", "-m", "-c"},
    {"pypy*", "-W -X -Q", "-m", "-c"},
    {"node", "-r --require --import --loader --experimental-loader -C --conditions --env-file", "",
     "-e --eval -p --print"},
    {"nodejs", "-r --require --import --loader -C", "", "-e --eval -p --print"},
    {"java",
     "-cp -classpath --class-path -p --module-path --add-modules --add-opens --add-exports "
     "--add-reads --upgrade-module-path --limit-modules",
     "-jar -m --module", ""},
    {"ruby*", "-I -r -C -E", "-S", "-e"},
    {"php*", "-d -c -z -t", "-f", "-r -S"},
    {"dotnet", "--additionalprobingpath --depsfile --runtimeconfig --fx-version --roll-forward",
     "exec", ""},
}};

constexpr Words kWrappers =
    "sh bash dash ash zsh ksh busybox tini tini-static docker-init dumb-init catatonit s6-svscan "
    "s6-supervise s6-svscan-log s6-linux-init-shutdownd runsv runsvdir runit supervisord init "
    "systemd conmon pause gosu su-exec su sudo setpriv timeout sleep tail cat tee logger npm npx "
    "yarn pnpm docker-entrypoint.sh entrypoint.sh podman-init runc crun env nohup watch crond-wait";
// Programs which only start what the project says, run by an interpreter.
constexpr Words kWrapperScripts =
    "npm npm-cli.js npx npx-cli.js yarn yarn.js pnpm pnpm.cjs "
    "corepack.js supervisord poetry pipenv nodemon nodemon.js";

bool Holds(Words words, std::string_view word) {
  while (!words.empty()) {
    if (TakeUntil(words, ' ') == word) {
      return !word.empty();
    }
  }
  return false;
}

std::string_view BaseName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

const Interpreter* FindInterpreter(std::string_view program) {
  const auto* const found = std::ranges::find_if(
      kInterpreters, [&](const Interpreter& known) { return MatchesGlob(known.program, program); });
  return found == kInterpreters.end() ? nullptr : found;
}

// Index in `words` of what the interpreter runs; `words.size()`: nothing that has a name.
std::size_t ScriptIndex(const Interpreter& interpreter, std::span<const std::string> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (Holds(interpreter.names_script, word)) {
      return std::min(i + 1, words.size());
    }
    if (Holds(interpreter.has_code, word)) {
      return words.size();
    }
    if (Holds(interpreter.takes_value, word)) {
      ++i;
    } else if (!word.starts_with('-') && !word.starts_with('@')) {
      return i;
    }
  }
  return words.size();
}

// A title is one argument with blanks in it, as setproctitle leaves it.
bool IsTitle(const std::vector<std::string>& arguments) {
  return arguments.size() == 1 && arguments.front().find(' ') != std::string::npos;
}

}  // namespace

CommandLine ReadCommandLine(const Process& process) {
  CommandLine command;
  command.name = process.name;
  if (process.arguments.empty()) {
    command.program = process.name;
    return command;
  }
  command.words = process.arguments;
  if (IsTitle(process.arguments)) {
    command.title = process.arguments.front();
    command.words.clear();
    for (const std::string_view word : Fields(command.title)) {
      command.words.emplace_back(word);
    }
    if (command.words.empty()) {
      command.program = process.name;
      return command;
    }
  }
  command.path = command.words.front();
  command.words.erase(command.words.begin());
  std::string_view program = BaseName(command.path);
  if (program.starts_with('-')) {
    program.remove_prefix(1);  // a login shell
  }
  if (program.ends_with(':')) {
    program.remove_suffix(1);  // "nginx: master process"
  }
  command.program = program;
  std::size_t after = 0;
  const Interpreter* interpreter = FindInterpreter(command.program);
  if (interpreter != nullptr) {
    const std::size_t at = ScriptIndex(*interpreter, command.words);
    if (at < command.words.size()) {
      command.script_path = command.words[at];
      command.script = BaseName(command.script_path);
    }
    after = at + 1;
  }
  for (std::size_t i = after; i < command.words.size() && command.subcommand.empty(); ++i) {
    if (!command.words[i].starts_with('-')) {
      command.subcommand = command.words[i];
    }
  }
  return command;
}

bool MatchesGlob(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t retry = 0;
  // Goes back to the last star only, so that no pattern takes longer than glob times text.
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      retry = t;
    } else if (g < glob.size() && glob[g] == text[t]) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', g) == std::string_view::npos;
}

bool IsWrapper(const CommandLine& command) {
  return Holds(kWrappers, command.program) || Holds(kWrapperScripts, command.script);
}

}  // namespace casemate::container
