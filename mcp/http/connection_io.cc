// The part of Connection that reads, writes and waits.
#include <algorithm>
#include <utility>

#include "mcp/http/connection.h"

namespace casemate::http {
namespace {

using boost::asio::posix::descriptor_base;
using boost::system::error_code;

constexpr std::size_t kReadSize = std::size_t{64} << 10;
constexpr auto kNever = Connection::Clock::time_point::max();

}  // namespace

// How much more we keep of what the peer sends.
std::size_t Connection::Room() const {
  if (in_body_ && reader_) {
    return kReadSize;  // goes into the body, which the reader bounds
  }
  const std::size_t most = shared_->limits.max_header_bytes + 1;
  const std::size_t kept = in_.size() - in_begin_;
  return kept < most ? most - kept : 0;
}

bool Connection::Fill() {
  const std::size_t room = Room();
  if (read_armed_ || room == 0) {
    return false;
  }
  if (drained_) {
    drained_ = false;
    ArmRead();
    return false;
  }
  const auto buffer = owner_.Scratch().first(std::min(room, owner_.Scratch().size()));
  const IoResult result = wire_->Read(buffer);
  switch (result.status) {
    case IoStatus::kDone:
      drained_ = result.drained;
      if (in_begin_ > 0) {
        in_.erase(0, in_begin_);
        in_begin_ = 0;
      }
      in_.append(buffer.data(), result.bytes);
      return true;
    case IoStatus::kWantRead:
      ArmRead();
      return false;
    case IoStatus::kWantWrite:
      ArmWrite();
      return false;
    case IoStatus::kEnd:
      return OnEnd();
    case IoStatus::kError:
      break;
  }
  Close();
  return false;
}

bool Connection::OnEnd() {
  if (state_ == State::kReading && unwritten() > 0) {
    DropReader();
    state_ = State::kFlushing;  // all its requests were answered: let it read that
    return true;
  }
  Close();
  return false;
}

void Connection::Queue(std::string&& bytes) {
  shared_->unread_bytes += bytes.size();
  out_ += bytes;
}

bool Connection::Flush() {
  if (write_armed_) {
    return true;
  }
  bool progress = write_deadline_ == kNever;
  while (unwritten() > 0) {
    const IoResult result = wire_->Write(std::string_view(out_).substr(out_begin_));
    if (result.status == IoStatus::kDone) {
      out_begin_ += result.bytes;
      shared_->unread_bytes -= result.bytes;
      progress = true;
      continue;
    }
    if (result.status == IoStatus::kWantWrite || result.status == IoStatus::kWantRead) {
      result.status == IoStatus::kWantWrite ? ArmWrite() : ArmRead();
      if (progress) {
        write_deadline_ = Clock::now() + shared_->limits.write_time;
      }
      if (out_begin_ > out_.size() / 2) {
        out_.erase(0, out_begin_);
        out_begin_ = 0;
      }
      if (shared_->IsUnreadNearlyTooMuch()) {
        owner_.ShedUnread();
      }
      return state_ != State::kClosed;
    }
    Close();
    return false;
  }
  write_deadline_ = kNever;
  out_begin_ = 0;
  out_ = {};
  return true;
}

void Connection::ArmRead() {
  if (read_armed_) {
    return;
  }
  read_armed_ = true;
  socket_.async_wait(descriptor_base::wait_read, [self = shared_from_this()](error_code ec) {
    self->read_armed_ = false;
    if (!ec) {
      self->Advance();
    }
  });
}

void Connection::ArmWrite() {
  if (write_armed_) {
    return;
  }
  write_armed_ = true;
  socket_.async_wait(descriptor_base::wait_write, [self = shared_from_this()](error_code ec) {
    self->write_armed_ = false;
    if (!ec) {
      self->Advance();
    }
  });
}

}  // namespace casemate::http
