// `casemate token add|list|rm`.
#include <unistd.h>

#include <charconv>
#include <iostream>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "clients/cli/commands.h"
#include "clients/cli/table.h"
#include "clients/cli/terminal.h"

namespace casemate::cli {
namespace {

using policies::TokenInfo;

int Fail(const Error& error) {
  std::cerr << "casemate: " << Describe(error) << '\n';
  return error.code == ErrorCode::kInvalidArgument ? kExitUsage : kExitFailure;
}

// "30d", "12h" or "never" in milliseconds; "never" is 0.
Result<std::int64_t> ParseExpiry(const std::string& text) {
  constexpr std::int64_t kHour = 3'600'000;
  if (text == "never") {
    return 0;
  }
  std::int64_t count = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, code] = std::from_chars(text.data(), end, count);
  const bool has_unit = code == std::errc() && end - stopped == 1;
  const std::int64_t unit = !has_unit         ? 0
                            : *stopped == 'd' ? 24 * kHour
                            : *stopped == 'h' ? kHour
                                              : 0;
  if (unit == 0 || count < 1 || count > policies::TokenStore::kMaxTtlMs / unit) {
    return InvalidArgument("--expires",
                           "expected a time such as 30d or 12h, of at most 3650d, or `never`; got "
                           "`" +
                               EscapeControls(text, false) + "`");
  }
  return count * unit;
}

std::string StateOf(const TokenInfo& token, std::int64_t now) {
  if (token.revoked) {
    return "revoked";
  }
  return token.expires_ms != 0 && now >= token.expires_ms ? "expired" : "active";
}

nlohmann::json TimeOrNull(std::int64_t time_ms) {
  return time_ms == 0 ? nlohmann::json() : nlohmann::json(time_ms);
}

nlohmann::json PrincipalJson(const policies::Principal& principal) {
  return {{"id", principal.id}, {"tenant", principal.tenant}, {"roles", principal.roles}};
}

// Of the trail: never the token.
nlohmann::json Detail(const TokenInfo& token) {
  return {{"id", token.id},
          {"name", token.name},
          {"principal", PrincipalJson(token.principal)},
          {"expires_ms", TimeOrNull(token.expires_ms)},
          {"by_uid", getuid()}};
}

// To the second.
std::string When(std::int64_t time_ms) {
  constexpr std::size_t kFraction = 4;
  const std::string text = FormatTime(time_ms);
  return time_ms == 0 ? "never" : text.substr(0, text.size() - kFraction);
}

std::vector<std::string> RowOf(const TokenInfo& token, std::int64_t now) {
  return {token.id,
          token.name,
          token.principal.id,
          token.principal.roles.empty() ? "-" : Join(token.principal.roles, ","),
          StateOf(token, now),
          When(token.created_ms),
          When(token.expires_ms),
          When(token.last_used_ms)};
}

}  // namespace

int TokenAddCommand(const TokenAddArgs& args, policies::TokenStore& tokens,
                    policies::AuditLog& audit) {
  auto ttl = ParseExpiry(args.expires);
  if (!ttl) {
    return Fail(ttl.error());
  }
  policies::Principal principal;
  // Whoever has the token of `local` is its owner, unless roles are given; nobody else is by
  // default.
  const bool is_owner = args.principal == principal.id && args.roles.empty();
  if (!is_owner) {
    principal.roles = args.roles;
  }
  principal.id = args.principal;
  auto created = tokens.Create(args.name, principal, *ttl);
  if (!created) {
    return Fail(created.error());
  }
  const TokenInfo& info = created->info;
  if (auto noted = audit.Note("token_added", Detail(info)); !noted) {
    // Nobody has seen the token yet: unrecorded, nobody will.
    if (auto revoked = tokens.Revoke(info.id); !revoked) {
      std::cerr << "casemate: cannot revoke " << info.id << ": " << Describe(revoked.error())
                << '\n';
    }
    return Fail(noted.error());
  }
  // Alone on standard output, for scripts.
  std::cout << created->token << '\n' << std::flush;
  if (!std::cout) {
    std::cerr << "casemate: could not write the token to standard output; remove it with "
                 "`casemate token rm "
              << info.id << "`\n";
    return kExitFailure;
  }
  std::cerr << "Token " << info.id << " (" << info.name << ") speaks for " << info.principal.id
            << ", expires " << When(info.expires_ms) << (info.expires_ms == 0 ? "" : " UTC")
            << ".\nKeep it now: it is not shown again. Clients send it as `Authorization: Bearer "
               "…`.\n";
  return kExitOk;
}

int TokenRmCommand(const TokenRmArgs& args, policies::TokenStore& tokens,
                   policies::AuditLog& audit) {
  // Ended first: that a removal cannot be recorded must not keep anybody inside.
  auto revoked = tokens.Revoke(args.token);
  if (!revoked) {
    return Fail(revoked.error());
  }
  std::cerr << "Token " << revoked->id << " (" << EscapeControls(revoked->name, false)
            << ") is no longer valid.\n";
  auto noted = audit.Note("token_removed", Detail(*revoked));
  return noted ? kExitOk : Fail(noted.error());
}

int TokenListCommand(const TokenListArgs& args, policies::TokenStore& tokens) {
  auto list = tokens.List();
  if (!list) {
    return Fail(list.error());
  }
  const std::int64_t now = WallClockMs();
  if (args.json) {
    nlohmann::json items = nlohmann::json::array();
    for (const TokenInfo& token : *list) {
      items.push_back({{"id", token.id},
                       {"name", token.name},
                       {"principal", PrincipalJson(token.principal)},
                       {"state", StateOf(token, now)},
                       {"created_ms", token.created_ms},
                       {"expires_ms", TimeOrNull(token.expires_ms)},
                       {"last_used_ms", TimeOrNull(token.last_used_ms)}});
    }
    std::cout << DumpJson({{"tokens", std::move(items)}}) << '\n';
    return Flushed(kExitOk, kExitFailure);
  }
  if (list->empty()) {
    std::cout << "There are no tokens; `casemate token add NAME` makes one.\n";
    return Flushed(kExitOk, kExitFailure);
  }
  std::vector<std::vector<std::string>> rows = {
      {"ID", "NAME", "PRINCIPAL", "ROLES", "STATE", "CREATED", "EXPIRES", "LAST USED"}};
  for (const TokenInfo& token : *list) {
    rows.push_back(RowOf(token, now));
  }
  PrintTable(rows);
  return Flushed(kExitOk, kExitFailure);
}

}  // namespace casemate::cli
