#include "mcp/http/connection_table.h"

#include <algorithm>
#include <string>

#include "base/log.h"

namespace casemate::http {
namespace {

// Many at once, so that a flood of connections does not cost a look at all of them each.
constexpr std::size_t kShareThatGivesWay = 64;

}  // namespace

void ConnectionTable::Add(const std::shared_ptr<Connection>& connection) {
  table_.emplace(connection.get(), connection);
}

bool ConnectionTable::Remove(Connection& connection) {
  return table_.erase(&connection) > 0;
}

ConnectionTable::List ConnectionTable::All() const {
  List all;
  all.reserve(table_.size());
  for (const auto& [key, connection] : table_) {
    all.push_back(connection);
  }
  return all;
}

bool ConnectionTable::MakeRoom() const {
  List waiting = All();
  std::erase_if(waiting, [](const auto& connection) { return !connection->may_give_way(); });
  if (waiting.empty()) {
    return false;
  }
  const std::size_t count = std::max<std::size_t>(1, waiting.size() / kShareThatGivesWay);
  std::ranges::nth_element(waiting, waiting.begin() + static_cast<std::ptrdiff_t>(count - 1), {},
                           [](const auto& connection) { return connection->since(); });
  Log(LogLevel::kDebug, "http: no room for more connections; " + std::to_string(count) +
                            " that sent no request give way");
  waiting.resize(count);
  for (const auto& connection : waiting) {
    connection->Close();
  }
  return true;
}

void ConnectionTable::ShedBodies(const Shared& shared) const {
  List arriving = All();
  std::erase_if(arriving, [](const auto& connection) { return connection->charged_body() == 0; });
  std::ranges::sort(arriving, {}, [](const auto& connection) { return connection->since(); });
  for (const auto& connection : arriving) {
    if (shared.body_bytes <= shared.limits.max_body_bytes_total) {
      return;
    }
    connection->RefuseBusy("the server is reading too many large requests; try again later");
  }
}

void ConnectionTable::ShedUnread(const Shared& shared) const {
  List greedy = All();
  std::erase_if(greedy, [](const auto& connection) { return connection->unwritten() == 0; });
  std::ranges::sort(greedy, std::ranges::greater(),
                    [](const auto& connection) { return connection->unwritten(); });
  for (const auto& connection : greedy) {
    if (!shared.IsUnreadNearlyTooMuch()) {
      return;
    }
    Log(LogLevel::kInfo, "http: too much output is unread; who has most of it is cut off");
    connection->Close();
  }
}

}  // namespace casemate::http
