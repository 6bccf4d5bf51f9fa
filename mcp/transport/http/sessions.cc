#include "mcp/transport/http/sessions.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/hash.h"
#include "tools/job.h"

namespace casemate::mcp {
namespace {

constexpr const char* kChannel = "mcp-http";
constexpr std::size_t kIdBytes = 32;
constexpr std::size_t kShare = 4;  // of all sessions, a principal may keep one in so many for sure

}  // namespace

std::shared_ptr<HttpSession> HttpSessions::Begin(const policies::Principal& principal) {
  auto session = std::make_shared<HttpSession>();
  session->id = RandomHex(kIdBytes);
  session->replay = std::make_shared<ReplayLog>(limits_.max_replay_bytes);
  StreamSink::Options options;
  options.replay = session->replay;
  session->general = std::make_shared<StreamSink>(std::move(options), nullptr);
  session->used_ns = MonotonicNs();
  std::vector<std::shared_ptr<HttpSession>> ended;
  {
    const std::lock_guard lock(mutex_);
    if (sessions_.size() >= limits_.max_sessions) {
      // Attack: pushing out the sessions of others by beginning many. Whoever has more than a share
      // loses their own.
      const auto is_own = [&](const auto& entry) {
        return tools::OwnerOf(entry.second->session->principal()) == tools::OwnerOf(principal);
      };
      const auto own = static_cast<std::size_t>(std::ranges::count_if(sessions_, is_own));
      const bool only_own = own >= limits_.max_sessions / kShare;
      const auto oldest = std::ranges::min_element(sessions_, {}, [&](const auto& entry) {
        const bool is_kept = IsInUse(*entry.second) || (only_own && !is_own(entry));
        return is_kept ? INT64_MAX : entry.second->used_ns;
      });
      if (IsInUse(*oldest->second) || (only_own && !is_own(*oldest))) {
        return nullptr;
      }
      ended.push_back(oldest->second);
      sessions_.erase(oldest);
    }
    session->session = server_.Open(principal, kChannel, session->general);
    sessions_.emplace(session->id, session);
  }
  for (const auto& old : ended) {
    Finish(old);
  }
  return session;
}

std::shared_ptr<HttpSession> HttpSessions::Find(const std::string& id,
                                                const policies::Principal& principal) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) {
    return nullptr;
  }
  // Attack: acting with another token's roles by way of its session; calls run as whoever began it.
  const policies::Principal& owner = found->second->session->principal();
  if (owner.id != principal.id || owner.tenant != principal.tenant ||
      owner.token != principal.token || owner.roles != principal.roles) {
    return nullptr;
  }
  found->second->used_ns = MonotonicNs();
  return found->second;
}

void HttpSessions::End(const std::string& id) {
  std::shared_ptr<HttpSession> session;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = sessions_.find(id); found != sessions_.end()) {
      session = std::move(found->second);
      sessions_.erase(found);
    }
  }
  if (session != nullptr) {
    Finish(session);
  }
}

void HttpSessions::Finish(const std::shared_ptr<HttpSession>& session) {
  session->session->Close();
  session->general->End();
}

bool HttpSessions::IsInUse(const HttpSession& session) {
  return session.general->is_attached() || !session.session->calls().empty();
}

void HttpSessions::Expire() {
  const std::int64_t oldest = MonotonicNs() - std::chrono::nanoseconds(limits_.idle).count();
  std::vector<std::string> idle;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, session] : sessions_) {
      std::erase_if(session->streams, [](const auto& entry) { return entry.second.expired(); });
      if (session->used_ns < oldest && !IsInUse(*session)) {
        idle.push_back(id);
      }
    }
  }
  for (const std::string& id : idle) {
    End(id);
  }
}

void HttpSessions::EndThoseOf(const std::function<bool(const policies::Principal&)>& is_unwelcome) {
  std::vector<std::string> ended;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, session] : sessions_) {
      if (is_unwelcome(session->session->principal())) {
        ended.push_back(id);
      }
    }
  }
  for (const std::string& id : ended) {
    End(id);
  }
}

void HttpSessions::EndStreams() {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, session] : sessions_) {
    session->general->End();
  }
}

std::shared_ptr<StreamSink> HttpSessions::OpenStream(HttpSession& session,
                                                     StreamSink::Options options,
                                                     std::shared_ptr<http::Responder> responder) {
  const std::lock_guard lock(mutex_);
  options.replay = session.replay;
  options.stream = session.next_stream++;
  const std::uint64_t number = options.stream;
  auto sink = std::make_shared<StreamSink>(std::move(options), std::move(responder));
  session.streams.emplace(number, sink);
  return sink;
}

void HttpSessions::CloseStream(HttpSession& session, std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  session.streams.erase(number);
}

std::shared_ptr<StreamSink> HttpSessions::StreamOf(HttpSession& session, std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  if (number == 0) {
    return session.general;
  }
  const auto found = session.streams.find(number);
  return found == session.streams.end() ? nullptr : found->second.lock();
}

}  // namespace casemate::mcp
