#include "mcp/auth/failure_limiter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>

#include <algorithm>
#include <array>

namespace casemate::mcp {
namespace {

std::string_view Trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

// The last element of the last X-Forwarded-For header; what stands before comes from the client.
std::string_view LastForwarded(const http::Headers& headers) {
  constexpr std::string_view kName = "X-Forwarded-For";
  const auto last = std::find_if(headers.rbegin(), headers.rend(), [&](const auto& header) {
    return header.first.size() == kName.size() &&
           strncasecmp(header.first.data(), kName.data(), kName.size()) == 0;
  });
  if (last == headers.rend()) {
    return {};
  }
  const std::string_view value = last->second;
  const std::size_t comma = value.rfind(',');
  return Trimmed(comma == std::string_view::npos ? value : value.substr(comma + 1));
}

// "1.2.3.4:80" and "[::1]:80" without port and brackets; other texts as they are.
std::string_view WithoutPort(std::string_view address) {
  if (address.starts_with('[')) {
    return address.substr(1, std::min(address.find(']'), address.size()) - 1);
  }
  const bool has_port = std::ranges::count(address, ':') == 1;
  return has_port ? address.substr(0, address.find(':')) : address;
}

}  // namespace

bool FailureLimiter::IsBlocked(const std::string& source, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  Forget(now_ns);
  const auto found = windows_.find(source);
  return found != windows_.end() && found->second.failures >= limits_.max_failures;
}

void FailureLimiter::AddFailure(const std::string& source, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  Forget(now_ns);
  const auto [entry, is_new] = windows_.try_emplace(source, Window{now_ns, 0});
  if (is_new) {
    order_.push_back(source);
  }
  ++entry->second.failures;
  if (windows_.size() > limits_.max_sources) {
    windows_.erase(order_.front());
    order_.pop_front();
  }
}

std::size_t FailureLimiter::sources() const {
  const std::lock_guard lock(mutex_);
  return windows_.size();
}

void FailureLimiter::Forget(std::int64_t now_ns) {
  while (!order_.empty()) {
    const auto oldest = windows_.find(order_.front());
    if (now_ns - oldest->second.begin_ns < limits_.window_ns) {
      return;
    }
    windows_.erase(oldest);
    order_.pop_front();
  }
}

std::string SourceOf(const http::Headers& headers, const http::Peer& peer, bool behind_proxy) {
  constexpr std::size_t kMaxBytes = 64;
  constexpr std::size_t kSubnetBytes = 8;
  const std::string_view forwarded = behind_proxy ? LastForwarded(headers) : std::string_view();
  std::string source(WithoutPort(forwarded.empty() ? std::string_view(peer.address) : forwarded)
                         .substr(0, kMaxBytes));
  in6_addr address{};
  if (inet_pton(AF_INET6, source.c_str(), &address) != 1 || IN6_IS_ADDR_V4MAPPED(&address)) {
    return source;
  }
  std::fill(std::begin(address.s6_addr) + kSubnetBytes, std::end(address.s6_addr), 0);
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &address, text.data(), text.size());
  return std::string(text.data()) + "/64";
}

}  // namespace casemate::mcp
