// The sessions of the initialize-based editions over HTTP, by Mcp-Session-Id. Ids are 256 random
// bits; a session belongs to the principal that began it. Bounded: the longest idle one gives way.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "mcp/server/server.h"
#include "mcp/server/session.h"
#include "mcp/transport/http/replay_log.h"
#include "mcp/transport/http/stream_sink.h"

namespace casemate::mcp {

struct HttpSession {
  std::string id;
  std::shared_ptr<ReplayLog> replay;
  std::shared_ptr<StreamSink> general;  // the GET stream: number 0
  std::shared_ptr<Session> session;
  std::uint64_t next_stream = 1;  // guarded by HttpSessions, as all below
  std::map<std::uint64_t, std::weak_ptr<StreamSink>> streams;
  std::int64_t used_ns = 0;  // MonotonicNs of its last use
};

class HttpSessions {
 public:
  struct Limits {
    std::size_t max_sessions = 1024;
    std::size_t max_replay_bytes = std::size_t{1} << 20;  // of one session
    std::chrono::seconds idle{3600};
  };

  HttpSessions(Server& server, Limits limits) : server_(server), limits_(limits) {}
  // Null: there are too many, and all of them are in use.
  std::shared_ptr<HttpSession> Begin(const policies::Principal& principal);
  // Null: there is none such that this principal began, with the same token.
  std::shared_ptr<HttpSession> Find(const std::string& id, const policies::Principal& principal);
  void End(const std::string& id);
  // Ends what has been idle too long; call from time to time.
  void Expire();
  // Ends the sessions of those who are not let in any more.
  void EndThoseOf(const std::function<bool(const policies::Principal&)>& is_unwelcome);
  // Ends the GET streams; calls go on.
  void EndStreams();

  // A sink for one POST of `session`.
  std::shared_ptr<StreamSink> OpenStream(HttpSession& session, StreamSink::Options options,
                                         std::shared_ptr<http::Responder> responder);
  // It has had its answer; what is kept of it can still be read again.
  void CloseStream(HttpSession& session, std::uint64_t number);
  // The stream of that number; null: long gone. 0: the general one.
  std::shared_ptr<StreamSink> StreamOf(HttpSession& session, std::uint64_t number);

 private:
  void Finish(const std::shared_ptr<HttpSession>& session);
  static bool IsInUse(const HttpSession& session);

  Server& server_;
  const Limits limits_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<HttpSession>> sessions_;  // guarded by mutex_
};

}  // namespace casemate::mcp
