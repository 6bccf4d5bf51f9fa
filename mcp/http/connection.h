// Connection: one client. A state machine that steps whenever something happened; it holds no
// thread and, while idle, no buffer. Requests of a connection are answered one after another, in
// order. I/O thread only; kept alive by the server's table and by the operations under way.
//
//   handshake -> reading <-> answering -> flushing -> (lingering) -> closed
//
// One wait for readable bytes is always outstanding, so that a peer that goes away is noticed while
// it waits for an answer. The end of its stream counts as gone, as with most servers: a client that
// shuts down its sending side after a request gets no answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>  // before Asio: g++ 12

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/unique_fd.h"
#include "mcp/http/answer_queue.h"
#include "mcp/http/message.h"
#include "mcp/http/request_reader.h"
#include "mcp/http/shared.h"
#include "mcp/http/wire.h"

namespace casemate::http {

class Connection final : public Wakeable, public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;

  // The server; outlives its connections.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void Forget(Connection& connection) = 0;
    // Too many bytes of bodies, or of answers that nobody reads, are kept. May close the caller.
    virtual void ShedBodies() = 0;
    virtual void ShedUnread() = 0;
    // One buffer for all: what is read is copied out before anything else happens.
    virtual std::span<char> Scratch() = 0;
  };

  Connection(boost::asio::io_context& io, std::shared_ptr<Shared> shared, Owner& owner, UniqueFd fd,
             Peer peer, std::unique_ptr<Wire> wire);

  void Start();
  // Says 503 and closes, instead of Start.
  void StartRefused();
  void Advance() override;
  // Acts on deadlines that have passed.
  void OnTick(Clock::time_point now);
  // The server takes no more requests: closes if nothing is under way.
  void OnDrain();
  void Close();
  // Says 503 to a request of which the rest is still to come.
  void RefuseBusy(std::string_view text);
  [[nodiscard]] bool refused() const { return refused_; }
  // It owes us a request, or the end; we owe it nothing.
  [[nodiscard]] bool may_give_way() const;
  // Of the first byte of the request that is arriving, else of the wait for it.
  [[nodiscard]] Clock::time_point since() const { return since_; }
  [[nodiscard]] std::size_t charged_body() const { return charged_body_; }
  [[nodiscard]] std::size_t unwritten() const { return out_.size() - out_begin_; }

 private:
  enum class State { kHandshake, kReading, kAnswering, kFlushing, kLingering, kClosed };

  // Each does one thing; true: there may be more to do, false: wait for an event.
  bool Step();
  bool StepHandshake();
  bool StepReading();
  bool StepAnswering();
  bool StepFlushing();
  bool StepLingering();

  bool Parse();  // true: the state changed
  void Dispatch();
  void BecomeIdle();
  void Refuse(int status, std::string_view text);
  bool ChargeBody();  // false: refused
  void DropReader();

  bool Fill();   // reads once
  bool Flush();  // writes what it can; false: closed
  bool OnEnd();
  void Queue(std::string&& bytes);
  void ArmRead();
  void ArmWrite();
  [[nodiscard]] std::size_t Room() const;

  boost::asio::posix::stream_descriptor socket_;
  const std::shared_ptr<Shared> shared_;
  Owner& owner_;
  const Peer peer_;
  const std::unique_ptr<Wire> wire_;
  State state_ = State::kHandshake;
  bool refused_ = false;
  bool linger_ = false;  // the peer may still be sending: read it, lest it miss the answer
  bool advancing_ = false;
  bool read_armed_ = false;
  bool write_armed_ = false;
  bool drained_ = false;  // the last read took all there was
  bool in_body_ = false;
  std::string in_;  // bytes not yet parsed begin at in_begin_
  std::size_t in_begin_ = 0;
  std::string out_;  // bytes not yet written begin at out_begin_; in Shared::unread_bytes
  std::size_t out_begin_ = 0;
  std::size_t charged_body_ = 0;  // our part of Shared::body_bytes
  std::unique_ptr<RequestReader> reader_;
  std::shared_ptr<AnswerQueue> answer_;
  Clock::time_point since_ = Clock::now();
  Clock::time_point read_deadline_ = Clock::time_point::max();
  Clock::time_point write_deadline_ = Clock::time_point::max();
};

}  // namespace casemate::http
