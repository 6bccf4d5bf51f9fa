// One line of the battery: an attack, how it is confined, what must come out and why, and how the
// same attack succeeds outside, so that a "blocked" means the sandbox and not a typing error.
#pragma once

#include <string>
#include <vector>

namespace casemate::escape {

enum class Place {
  kHost,     // the host workspace, read-write; the probe lies in it
  kPrivate,  // an empty private workspace; the probe is copied in
  kScratch,  // profile "scratch": copy-on-write over the host workspace
  kInspect,  // profile "inspect": the host workspace read-only
  kCode,     // as kHost, but started by a snippet: /run/casemate is there and writable
};

enum class ControlAs {
  kSame,      // as whoever runs the battery
  kOrdinary,  // as an ordinary user even when root runs it
  kNone,      // no harmless control exists; `why` says so
};

// Texts of `expect…` and `control_expect`: the probe's verdict, "blocked EPERM" or "succeeded", or
// the status of a run that did not end by itself, "timed_out". Alternatives are split by " | ".
// "{…}" in arguments is expanded by Host::Expand.
// NOLINTBEGIN(readability-redundant-member-init): GCC warns of designated initializers without
struct Row {
  std::string name;
  std::vector<std::string> attack;
  std::string expect;
  std::string expect_user = {};              // as an ordinary user, where it differs
  std::string expect_without_landlock = {};  // on a machine that has none, where it differs
  Place place = Place::kHost;
  std::vector<std::string> options = {};  // of `casemate run`
  std::vector<std::string> control = {};  // the probe's arguments; empty: those of `attack`
  std::string control_expect = "succeeded";
  std::string control_unavailable = {};  // what a kernel or user without the thing answers …
  std::string why = {};                  // … and what that means
  std::size_t control_leaves = 0;        // processes that it leaves running, to be seen and killed
  ControlAs control_as = ControlAs::kSame;
  std::string truncated = {};     // the stream that must be marked as cut
  std::string not_promised = {};  // why it may succeed after all: a limit that the docs name
  // The layer whose absence is that reason; the result must report it. Empty: none.
  std::string without_layer = {};
};
// NOLINTEND(readability-redundant-member-init)

std::vector<Row> ResourceRows();
std::vector<Row> ProcessRows();
std::vector<Row> KernelRows();
std::vector<Row> MountRows();
std::vector<Row> NetworkRows();
std::vector<Row> FileRows();

}  // namespace casemate::escape
