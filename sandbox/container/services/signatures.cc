#include "sandbox/container/services/signatures.h"

#include <algorithm>
#include <iterator>

#include "sandbox/container/services/signature_file.h"

namespace casemate::container {
namespace {

// The kernel keeps 15 bytes of a name.
constexpr std::size_t kNameBytes = 15;

constexpr double kByCommand = 0.85;  // its command line says so
constexpr double kByBoth = 0.9;      // and its name, which few programs change
constexpr double kByName = 0.6;      // only its name says so

bool AnyMatches(const std::vector<std::string>& globs, std::string_view text) {
  return !text.empty() && std::ranges::any_of(globs, [&](const std::string& glob) {
    return MatchesGlob(glob, text);
  });
}

bool AnyWordMatches(const std::vector<std::string>& globs, const CommandLine& command) {
  return std::ranges::any_of(command.words,
                             [&](const std::string& word) { return AnyMatches(globs, word); });
}

bool NameMatches(const std::vector<std::string>& globs, std::string_view name) {
  return AnyMatches(globs, name) ||
         (name.size() == kNameBytes && std::ranges::any_of(globs, [&](const std::string& glob) {
            return glob.starts_with(name);
          }));
}

bool ConditionsHold(const Signature& signature, const CommandLine& command) {
  return (signature.arguments.empty() || AnyWordMatches(signature.arguments, command)) &&
         (signature.subcommands.empty() || AnyMatches(signature.subcommands, command.subcommand)) &&
         !AnyWordMatches(signature.unless, command) && !AnyMatches(signature.unless, command.title);
}

std::optional<SignatureMatch> MatchOne(const Signature& signature, const CommandLine& command) {
  const bool by_name = NameMatches(signature.programs, command.name);
  SignatureMatch match{.signature = &signature, .confidence = 0, .evidence = ""};
  if (AnyMatches(signature.programs, command.program) ||
      AnyMatches(signature.programs, command.path)) {
    match.confidence = by_name ? kByBoth : kByCommand;
    match.evidence = "runs the program `" + command.program + "`";
  } else if (AnyMatches(signature.scripts, command.script) ||
             AnyMatches(signature.scripts, command.script_path)) {
    match.confidence = NameMatches(signature.scripts, command.name) ? kByBoth : kByCommand;
    match.evidence = "`" + command.program + "` runs `" + command.script + "`";
  } else if (AnyMatches(signature.titles, command.title)) {
    match.confidence = kByCommand;
    match.evidence = "calls itself `" + command.title.substr(0, command.title.find(' ')) + "`";
  } else if (by_name) {
    match.confidence = kByName;
    match.evidence = "is named `" + command.name + "`";
  } else {
    return std::nullopt;
  }
  if (!ConditionsHold(signature, command)) {
    return std::nullopt;
  }
  return match;
}

// "postgres" of "docker.io/library/postgres:16@sha256:…".
std::string_view ImageName(std::string_view reference) {
  reference = reference.substr(0, reference.find('@'));
  reference = reference.substr(reference.rfind('/') + 1);
  return reference.substr(0, reference.find(':'));
}

}  // namespace

Result<SignatureTable> SignatureTable::WithBuiltIn(std::vector<Signature> first) {
  Result<std::vector<Signature>> shipped = ParseSignatures(ShippedSignatures(), "signatures.yaml");
  if (!shipped) {
    return std::move(shipped).error();
  }
  SignatureTable table;
  for (Signature& signature : *shipped) {
    if (std::ranges::find(first, signature.kind, &Signature::kind) == first.end()) {
      table.signatures_.push_back(std::move(signature));
    }
  }
  table.signatures_.insert(table.signatures_.begin(), std::move_iterator(first.begin()),
                           std::move_iterator(first.end()));
  return table;
}

std::optional<SignatureMatch> SignatureTable::Match(const CommandLine& command) const {
  // A name alone is the weakest: `gunicorn` names its process so, but python runs it.
  std::optional<SignatureMatch> by_name;
  for (const Signature& signature : signatures_) {
    std::optional<SignatureMatch> match = MatchOne(signature, command);
    if (match && match->confidence > kByName) {
      return match;
    }
    if (match && !by_name) {
      by_name = std::move(match);
    }
  }
  return by_name;
}

std::vector<const Signature*> SignatureTable::ByPort(int port) const {
  std::vector<const Signature*> found;
  for (const Signature& signature : signatures_) {
    if (std::ranges::find(signature.ports, port) != signature.ports.end()) {
      found.push_back(&signature);
    }
  }
  return found;
}

const Signature* SignatureTable::ByImage(std::string_view reference) const {
  const std::string_view name = ImageName(reference);
  for (const Signature& signature : signatures_) {
    if (AnyMatches(signature.images, name)) {
      return &signature;
    }
  }
  return nullptr;
}

}  // namespace casemate::container
