// ConnectionTable: all connections of one server, and who gives way when there is no room for more.
// Who gives way is whoever has been slowest or greediest, never the newcomer: else a crowd that
// does nothing would lock out everybody who comes after it. I/O thread only.
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

#include "mcp/http/connection.h"
#include "mcp/http/shared.h"

namespace casemate::http {

class ConnectionTable {
 public:
  using List = std::vector<std::shared_ptr<Connection>>;

  void Add(const std::shared_ptr<Connection>& connection);
  bool Remove(Connection& connection);  // false: was not there
  [[nodiscard]] std::size_t size() const { return table_.size(); }
  [[nodiscard]] bool empty() const { return table_.empty(); }
  [[nodiscard]] List All() const;

  // Closes those that have gone longest without sending a whole request, one in 64 of them. False:
  // there are none.
  bool MakeRoom() const;
  // Refuses the requests that have been arriving longest until the bodies are within their limit.
  void ShedBodies(const Shared& shared) const;
  // Closes those with most unread output until there is room for more of it.
  void ShedUnread(const Shared& shared) const;

 private:
  std::unordered_map<Connection*, std::shared_ptr<Connection>> table_;
};

}  // namespace casemate::http
