// The commands of a shell script, for rules that look at RUN: a small tokenizer that knows quotes,
// separators, redirections, substitutions and here-documents. It never runs or expands anything,
// and reads what is damaged as far as it goes. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/dockerfile/syntax.h"

namespace casemate::dockerfile {

using Words = std::initializer_list<std::string_view>;

struct ShellCommand {
  std::string name;  // without its directory
  std::vector<std::string>
      arguments;                     // without quotes; variables as they are written, $() for $(…)
  std::optional<std::size_t> reads;  // the command whose output is piped into it

  [[nodiscard]] bool Is(Words names) const;
  // Whether one of the arguments is one of these.
  [[nodiscard]] bool Has(Words any) const;
  [[nodiscard]] bool Has(Words names, Words any) const { return Is(names) && Has(any); }
  // How often a flag is there: "y" of -qy, "yes" of --yes or --yes=….
  [[nodiscard]] std::size_t Count(std::string_view flag) const;
  [[nodiscard]] bool HasFlag(Words any) const;
  // The argument behind a flag, or behind its =.
  [[nodiscard]] std::string FlagArgument(std::string_view flag) const;
  // Arguments that are no flags; what stands behind one of `with_value` is none of them.
  [[nodiscard]] std::vector<std::string> Plain(Words with_value = {}) const;
  // Plain arguments behind the first one, which names what is done, if it is one of `verbs`.
  [[nodiscard]] std::vector<std::string> Behind(Words verbs, Words with_value = {}) const;
};

struct ShellScript {
  std::string text;
  std::vector<ShellCommand>
      commands;  // those of substitutions, and of sudo, env and their like, too
  bool has_pipe = false;

  [[nodiscard]] const ShellCommand* Find(Words names) const;
};

ShellScript ReadShell(std::string_view text);
// What RUN runs: its exec form, its shell form, or the here-document that is its script.
ShellScript ReadRun(const Instruction& run);

}  // namespace casemate::dockerfile
