// Signatures: by which a process is known to be a service. The built-in table is
// signatures.yaml; a file of the user comes before it (signature_file.h). What a process says of
// itself is its own claim, so no confidence reaches 1, and a port or an image's name alone never
// tells what a service is. Plain values; a table that is not changed may be shared by threads.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/container/services/command_line.h"

namespace casemate::container {

// All texts are globs (`*` is any text). A process matches when one of `programs`, `scripts` or
// `titles` does, and every one of the other conditions that is not empty.
struct Signature {
  std::string kind;                   // "postgres": what other parts of Casemate go by
  std::string name;                   // "PostgreSQL"
  std::string category;               // "web", "application", "database", "cache", "queue", "other"
  std::vector<std::string> programs;  // base name or path of the program
  std::vector<std::string> scripts;   // base name or path of what an interpreter runs
  std::vector<std::string> titles;    // of a process that rewrote its command line
  std::vector<std::string> arguments;    // one of them is among the words after the program
  std::vector<std::string> subcommands;  // the first word that is no option is one of them
  std::vector<std::string> unless;       // none of them is among the words
  std::vector<int> ports;                // customary; weak evidence
  std::vector<std::string> images;       // base name of the image without tag; weak evidence
  bool runtime = false;                  // only a service when it listens: "node" may be anything
  bool no_ports = false;                 // is one without listening: cron
};

struct SignatureMatch {
  const Signature* signature = nullptr;
  double confidence = 0;  // by the process alone
  std::string evidence;   // in words
};

class SignatureTable {
 public:
  // The built-in ones, after `first` (of a user's file, LoadSignatures): a kind that is in both is
  // the user's. Fails only if the table that was shipped is damaged.
  static Result<SignatureTable> WithBuiltIn(std::vector<Signature> first = {});

  [[nodiscard]] std::span<const Signature> all() const { return signatures_; }
  // The first that matches.
  [[nodiscard]] std::optional<SignatureMatch> Match(const CommandLine& command) const;
  // Those to which the port is customary.
  [[nodiscard]] std::vector<const Signature*> ByPort(int port) const;
  // The one that the reference of an image ("docker.io/library/postgres:16@sha256:…") suggests.
  [[nodiscard]] const Signature* ByImage(std::string_view reference) const;

 private:
  std::vector<Signature> signatures_;
};

}  // namespace casemate::container
