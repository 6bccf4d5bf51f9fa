// CommandLine: what a process runs, read from its arguments as a person would: the program, the
// script or main class when the program is an interpreter, the first word that is no option. All of
// it is what the process says of itself. Plain value; pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/container/services/processes.h"

namespace casemate::container {

struct CommandLine {
  std::string program;  // "nginx", of "/usr/sbin/nginx" or "nginx: master process …"
  std::string path;     // the program as it was named: "/usr/sbin/nginx"
  std::string title;    // all of it, when the process rewrote it; else empty
  std::string name;     // of the process, at most 15 bytes
  // "manage.py", "gunicorn" (python -m gunicorn), "org.example.Main", "app.jar": of an interpreter.
  std::string script;
  std::string script_path;         // as it was named
  std::string subcommand;          // first word after program (or script) that is no option
  std::vector<std::string> words;  // everything after the program
};

CommandLine ReadCommandLine(const Process& process);

// `*` stands for any text, all else for itself.
bool MatchesGlob(std::string_view glob, std::string_view text);

// Shells, inits and the like, which start services and are none.
bool IsWrapper(const CommandLine& command);

}  // namespace casemate::container
