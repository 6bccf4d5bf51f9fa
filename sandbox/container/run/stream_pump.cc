#include "sandbox/container/run/stream_pump.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>

#include "base/clock.h"

namespace casemate::container {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::size_t kChunk = 65536;

int PollTimeoutMs(std::int64_t deadline_ns) {
  constexpr std::int64_t kLongest = 60'000;
  const std::int64_t left = deadline_ns - MonotonicNs();
  return left <= 0 ? 0 : static_cast<int>(std::min(kLongest, left / kNsPerMs + 1));
}

bool IsTransient(int err) {
  return err == EINTR || err == EAGAIN;
}

Error Broken(int err) {
  Error error = ErrnoError("the connection to the container's command broke", err);
  error.code = ErrorCode::kUnavailable;
  error.remedy = "look whether the engine runs (`casemate doctor`), then make the call again";
  return error;
}

}  // namespace

Result<void> StreamPump::Run(std::int64_t deadline_ns, const Take& take, const Escalate& escalate) {
  if (auto decoded = Decode(stream_.TakeEarly(), take); !decoded) {
    return decoded;
  }
  for (int step = 0;;) {
    SendInput();
    const auto turn = Wait(deadline_ns, take);
    if (!turn) {
      return turn.error();
    }
    if (turn->has_ended) {
      return {};
    }
    if (!turn->is_cancelled && MonotonicNs() < deadline_ns) {
      continue;
    }
    if (reason_ == sandbox::StopReason::kNone) {
      reason_ =
          turn->is_cancelled ? sandbox::StopReason::kCancelled : sandbox::StopReason::kTimedOut;
    }
    const auto next = escalate(step++);
    if (!next) {
      return Error{ErrorCode::kUnavailable,
                   "the command in the container did not end",
                   {},
                   "look for it with container_status, and end it or the container",
                   0};
    }
    deadline_ns = *next;
  }
}

Result<StreamPump::Turn> StreamPump::Wait(std::int64_t deadline_ns, const Take& take) {
  const bool has_input = !is_closed_ && next_input_ < input_.size();
  std::array<pollfd, 2> entries = {
      {{stream_.fd(), static_cast<short>(POLLIN | (has_input ? POLLOUT : 0)), 0},
       {reason_ == sandbox::StopReason::kNone ? stop_.fd() : -1, POLLIN, 0}}};
  const int ready = poll(entries.data(), entries.size(), PollTimeoutMs(deadline_ns));
  if (ready < 0 && errno != EINTR) {
    return Broken(errno);
  }
  Turn turn;
  if (ready <= 0) {
    return turn;
  }
  turn.is_cancelled = entries[1].revents != 0;
  if ((entries[0].revents & ~POLLOUT) == 0) {
    return turn;
  }
  auto ended = Drain(take);
  if (!ended) {
    return std::move(ended).error();
  }
  turn.has_ended = *ended;
  return turn;
}

Result<void> StreamPump::Decode(std::string_view bytes, const Take& take) {
  while (true) {
    auto next = stream_.decoder().Next(bytes);
    if (!next) {
      return std::move(next).error();
    }
    const std::optional<FrameDecoder::Piece> piece = *next;
    if (!piece) {
      return {};
    }
    if (auto taken = take(piece->stream, piece->bytes); !taken) {
      return taken;
    }
  }
}

Result<bool> StreamPump::Drain(const Take& take) {
  std::array<char, kChunk> buffer{};
  const ssize_t got = read(stream_.fd(), buffer.data(), buffer.size());
  if (got < 0) {
    if (IsTransient(errno)) {
      return false;
    }
    return Broken(errno);
  }
  if (got == 0) {
    return true;
  }
  if (auto decoded = Decode({buffer.data(), static_cast<std::size_t>(got)}, take); !decoded) {
    return std::move(decoded).error();
  }
  return false;
}

void StreamPump::SendInput() {
  while (!is_closed_ && next_input_ < input_.size()) {
    std::string_view& part = input_[next_input_];
    if (part.empty()) {
      ++next_input_;
      continue;
    }
    const ssize_t sent = send(stream_.fd(), part.data(), part.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (!IsTransient(errno)) {
        is_closed_ = true;  // it takes no more; what it writes still counts
      }
      return;
    }
    part.remove_prefix(static_cast<std::size_t>(sent));
  }
  if (closes_ && !is_closed_) {
    is_closed_ = true;
    // A command that is gone already needs no end of its input.
    [[maybe_unused]] const auto closed = stream_.CloseStdin();
  }
}

}  // namespace casemate::container
