#include "mcp/http/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <exception>

#include <boost/asio/post.hpp>

#include "base/log.h"

namespace casemate::http {
namespace {

using boost::system::error_code;

constexpr int kStepsATurn = 32;  // then others have their turn
// With that much unwritten, the next request of the connection waits.
constexpr std::size_t kMaxUnwritten = std::size_t{256} << 10;
constexpr auto kLinger = std::chrono::milliseconds(2000);
constexpr auto kNever = Connection::Clock::time_point::max();

}  // namespace

Connection::Connection(boost::asio::io_context& io, std::shared_ptr<Shared> shared, Owner& owner,
                       UniqueFd fd, Peer peer, std::unique_ptr<Wire> wire)
    : socket_(io, fd.Release()),
      shared_(std::move(shared)),
      owner_(owner),
      peer_(std::move(peer)),
      wire_(std::move(wire)) {}

void Connection::Start() {
  read_deadline_ = Clock::now() + shared_->limits.tls_time;
  Advance();
}

void Connection::StartRefused() {
  refused_ = true;
  Refuse(503, "too many connections; close one or try again later");
  Advance();
}

void Connection::Advance() {
  if (advancing_) {
    return;  // called by our own handler: the loop below goes on
  }
  advancing_ = true;
  try {
    int steps = 0;
    while (Step()) {
      if (++steps == kStepsATurn) {
        boost::asio::post(socket_.get_executor(), [self = shared_from_this()] { self->Advance(); });
        break;
      }
    }
  } catch (const std::exception& e) {
    Log(LogLevel::kError, std::string("http: a connection is closed: ") + e.what());
    Close();
  }
  advancing_ = false;
}

bool Connection::Step() {
  switch (state_) {
    case State::kHandshake:
      return StepHandshake();
    case State::kReading:
      return StepReading();
    case State::kAnswering:
      return StepAnswering();
    case State::kFlushing:
      return StepFlushing();
    case State::kLingering:
      return StepLingering();
    case State::kClosed:
      break;
  }
  return false;
}

bool Connection::StepHandshake() {
  switch (wire_->Handshake().status) {
    case IoStatus::kDone:
      BecomeIdle();
      return true;
    case IoStatus::kWantRead:
      ArmRead();
      return false;
    case IoStatus::kWantWrite:
      ArmWrite();
      return false;
    default:
      Close();
      return false;
  }
}

bool Connection::StepReading() {
  // A peer that sends requests and reads no answers waits (attack: answers pile up).
  if (unwritten() > kMaxUnwritten && (!Flush() || unwritten() > kMaxUnwritten)) {
    return false;
  }
  if (Parse()) {
    return true;
  }
  return Flush() && Fill();
}

bool Connection::Parse() {
  if (!reader_) {
    if (in_begin_ == in_.size()) {
      return false;
    }
    reader_ = std::make_unique<RequestReader>(shared_->limits);
    in_body_ = false;
    since_ = Clock::now();
    read_deadline_ = since_ + shared_->limits.header_time;
  }
  std::size_t used = 0;
  const auto status = reader_->Consume(std::string_view(in_).substr(in_begin_), used);
  in_begin_ += used;
  if (in_begin_ == in_.size()) {
    in_.clear();
    in_begin_ = 0;
  }
  if (status == RequestReader::Status::kRefused) {
    Refuse(reader_->refusal_status(), reader_->refusal_text());
    return true;
  }
  if (!ChargeBody()) {
    return true;
  }
  if (status == RequestReader::Status::kComplete) {
    Dispatch();
    return true;
  }
  if (reader_->is_head_done() && !in_body_) {
    in_body_ = true;
    read_deadline_ = Clock::now() + shared_->limits.body_time;
    if (reader_->expects_continue() && reader_->body_bytes() == 0) {
      Queue("HTTP/1.1 100 Continue\r\n\r\n");
    }
  }
  return false;
}

bool Connection::ChargeBody() {
  const std::size_t bytes = reader_->body_bytes();
  shared_->body_bytes += bytes - charged_body_;
  charged_body_ = bytes;
  if (shared_->body_bytes > shared_->limits.max_body_bytes_total) {
    owner_.ShedBodies();
  }
  return reader_ != nullptr;
}

void Connection::RefuseBusy(std::string_view text) {
  if (state_ == State::kReading && reader_) {
    Refuse(503, text);
    Advance();
  }
}

bool Connection::may_give_way() const {
  const bool is_waiting =
      state_ == State::kReading || state_ == State::kHandshake || state_ == State::kLingering;
  return is_waiting && unwritten() == 0 && !refused_;
}

void Connection::DropReader() {
  shared_->body_bytes -= charged_body_;
  charged_body_ = 0;
  reader_.reset();
}

void Connection::Dispatch() {
  state_ = State::kAnswering;
  read_deadline_ = kNever;
  answer_ = std::make_shared<AnswerQueue>(shared_, reader_->form(), weak_from_this());
  Request request = std::move(reader_->request());
  request.peer = peer_;
  if (in_.empty()) {
    in_ = {};  // a stream may idle for hours
  }
  DropReader();
  try {
    shared_->handler(std::move(request), std::make_shared<QueueResponder>(answer_));
  } catch (const std::exception& e) {
    // The responder is destroyed by now, and answered 500.
    Log(LogLevel::kError, std::string("http: a handler failed: ") + e.what());
  }
}

void Connection::BecomeIdle() {
  state_ = State::kReading;
  since_ = Clock::now();
  read_deadline_ = since_ + shared_->limits.idle_time;
}

void Connection::Refuse(int status, std::string_view text) {
  Log(LogLevel::kDebug, "http: " + peer_.address + " is answered " + std::to_string(status) + ": " +
                            std::string(text));
  Queue(Refusal(status, text));
  DropReader();
  in_ = {};
  in_begin_ = 0;
  linger_ = true;
  read_deadline_ = kNever;
  state_ = State::kFlushing;
}

bool Connection::StepAnswering() {
  auto taken = answer_->Take();
  if (!taken.bytes.empty()) {
    if (out_.empty()) {
      out_ = std::move(taken.bytes);
    } else {
      out_ += taken.bytes;
    }
  }
  if (taken.cut_off) {
    Log(LogLevel::kInfo, "http: " + peer_.address + " does not read its answer and is cut off");
    Close();
    return false;
  }
  if (taken.complete) {
    answer_.reset();
    if (taken.close || shared_->draining) {
      state_ = State::kFlushing;
    } else {
      BecomeIdle();
    }
    return true;
  }
  if (!Flush()) {
    return false;
  }
  answer_->Settle(unwritten());
  return Fill();
}

bool Connection::StepFlushing() {
  if (!Flush() || unwritten() > 0) {
    return false;
  }
  wire_->Shutdown();
  if (!linger_ || shared_->draining) {
    Close();
    return false;
  }
  read_deadline_ = Clock::now() + std::min<Clock::duration>(kLinger, shared_->limits.header_time);
  state_ = State::kLingering;
  return true;
}

// To close with unread input makes the kernel send a reset, which may overtake our answer.
bool Connection::StepLingering() {
  const auto scratch = owner_.Scratch();
  const ssize_t got = ::recv(socket_.native_handle(), scratch.data(), scratch.size(), MSG_DONTWAIT);
  if (got > 0) {
    return true;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    ArmRead();
    return false;
  }
  Close();
  return false;
}

void Connection::OnTick(Clock::time_point now) {
  if (now >= write_deadline_) {
    Log(LogLevel::kInfo, "http: " + peer_.address + " takes nothing of its answer and is cut off");
    Close();
  } else if (now >= read_deadline_) {
    if (state_ == State::kReading && reader_) {
      Refuse(408, "the request did not arrive in time");
      Advance();
    } else {
      Close();
    }
  }
}

void Connection::OnDrain() {
  const bool idle = state_ == State::kReading && !reader_ && unwritten() == 0;
  if (idle || state_ == State::kHandshake || state_ == State::kLingering) {
    wire_->Shutdown();
    Close();
  } else if (state_ == State::kReading && !reader_) {
    state_ = State::kFlushing;
    Advance();
  } else {
    // Nothing has begun yet (attack: half a request holds up the end for as long as we wait).
    RefuseBusy("the server is ending; try again later");
  }
}

void Connection::Close() {
  if (state_ == State::kClosed) {
    return;
  }
  const auto self = shared_from_this();  // the server's table may hold the last other one
  state_ = State::kClosed;
  error_code error;
  if (socket_.close(error)) {  // closed all the same
    Log(LogLevel::kDebug, "http: close: " + error.message());
  }
  shared_->unread_bytes -= unwritten();
  out_ = {};
  out_begin_ = 0;
  in_ = {};
  in_begin_ = 0;
  DropReader();
  owner_.Forget(*this);
  if (const auto answer = std::exchange(answer_, nullptr)) {
    answer->Gone();
  }
}

}  // namespace casemate::http
