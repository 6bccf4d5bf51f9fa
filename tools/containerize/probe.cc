#include "tools/containerize/probe.h"

#include <vector>

#include "tools/containerize/stage.h"

namespace casemate::containerize {

namespace {

// A path goes into quotes of several languages.
bool IsPlainPath(const std::string& path) {
  return !path.empty() && path[0] == '/' &&
         path.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-~") ==
             std::string::npos;
}

std::vector<std::string> JavaScript(const Probe& probe, const std::string& program) {
  const std::string port = probe.reads_port ? "process.env.PORT" : probe.port;
  std::string code =
      probe.path.empty()
          ? "require('net').connect(" + port + ", '127.0.0.1', () => process.exit(0))"
          : "require('http').get({ host: '127.0.0.1', port: " + port + ", path: '" + probe.path +
                "' }, (r) => process.exit(r.statusCode < 400 ? 0 : 1))";
  code += ".on('error', () => process.exit(1))";
  return {program, "-e", code};
}

std::vector<std::string> Deno(const Probe& probe) {
  const std::string port = probe.reads_port ? "Number(Deno.env.get('PORT'))" : probe.port;
  const std::string code = probe.path.empty()
                               ? "await Deno.connect({ hostname: '127.0.0.1', port: " + port + " })"
                               : "if (!(await fetch(`http://127.0.0.1:${" + port + "}" +
                                     probe.path + "`)).ok) Deno.exit(1)";
  return {"deno", "eval", code};
}

std::vector<std::string> Python(const Probe& probe) {
  const std::string port = probe.reads_port ? "os.environ['PORT']" : "'" + probe.port + "'";
  const std::string code =
      probe.path.empty()
          ? "import os, socket; socket.create_connection(('127.0.0.1', int(" + port + ")), 4)"
          : "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + " + port + " + '" +
                probe.path + "', timeout=4)";
  return {"python", "-c", code};
}

std::vector<std::string> Ruby(const Probe& probe) {
  const std::string port = probe.reads_port ? "ENV['PORT'].to_i" : probe.port;
  if (probe.path.empty()) {
    return {"ruby", "-rsocket", "-e", "TCPSocket.new('127.0.0.1', " + port + ").close"};
  }
  return {"ruby", "-rnet/http", "-e",
          "exit Net::HTTP.get_response('127.0.0.1', '" + probe.path + "', " + port +
              ").code.to_i < 400"};
}

std::vector<std::string> Php(const Probe& probe) {
  const std::string port = probe.reads_port ? "getenv('PORT')" : "'" + probe.port + "'";
  if (probe.path.empty()) {
    return {"php", "-r", "exit(@fsockopen('127.0.0.1', (int) " + port + ") ? 0 : 1);"};
  }
  return {"php", "-r",
          "exit(@file_get_contents('http://127.0.0.1:' . " + port + " . '" + probe.path +
              "') === false ? 1 : 0);"};
}

// Bash opens connections by itself: no curl is needed in the image.
std::vector<std::string> Bash(const Probe& probe) {
  const std::string port = probe.reads_port ? "$PORT" : probe.port;
  std::string code = "exec 3<>/dev/tcp/127.0.0.1/" + port;
  if (!probe.path.empty()) {
    code += " && printf 'GET " + probe.path +
            " HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3"
            " && read -r _ status _ <&3 && [ \"$status\" -lt 400 ]";
  }
  return {"bash", "-c", code};
}

std::vector<std::string> Busybox(const Probe& probe) {
  const std::string port = probe.reads_port ? "$PORT" : probe.port;
  const std::string url = "http://127.0.0.1:" + port + probe.path;
  const std::string command =
      probe.path.empty() ? "nc -z 127.0.0.1 " + port : "wget -q -T 4 -O /dev/null " + url;
  if (probe.reads_port) {
    return {"sh", "-c", command};
  }
  return probe.path.empty()
             ? std::vector<std::string>{"nc", "-z", "127.0.0.1", port}
             : std::vector<std::string>{"wget", "-q", "-T", "4", "-O", "/dev/null", url};
}

std::vector<std::string> Words(const Probe& probe) {
  switch (probe.tool) {
    case ProbeTool::kNode:
      return JavaScript(probe, "node");
    case ProbeTool::kBun:
      return JavaScript(probe, "bun");
    case ProbeTool::kDeno:
      return Deno(probe);
    case ProbeTool::kPython:
      return Python(probe);
    case ProbeTool::kRuby:
      return Ruby(probe);
    case ProbeTool::kPhp:
      return Php(probe);
    case ProbeTool::kBash:
      return Bash(probe);
    case ProbeTool::kBusybox:
      return Busybox(probe);
    case ProbeTool::kNone:
      break;
  }
  return {};
}

}  // namespace

std::string ProbeCommand(const Probe& probe) {
  Probe safe = probe;
  if (!IsPlainPath(safe.path)) {
    safe.path.clear();
  }
  const std::vector<std::string> words = Words(safe);
  return words.empty() ? "" : JsonWords(words);
}

}  // namespace casemate::containerize
