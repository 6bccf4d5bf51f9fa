#include "mcp/http/server.h"

#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>  // before Asio: g++ 12

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "mcp/http/connection.h"
#include "mcp/http/connection_table.h"
#include "mcp/http/listening_socket.h"
#include "mcp/http/shared.h"
#include "mcp/http/tls.h"

namespace casemate::http {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;

constexpr int kAcceptsATurn = 64;          // then others have their turn
constexpr milliseconds kAcceptPause{100};  // when the process is out of descriptors
constexpr std::size_t kMaxRefused = 256;   // being told 503; further ones are just closed
constexpr std::size_t kRefusedShare = 16;  // and not more than this part of the descriptors
constexpr std::size_t kScratchSize = std::size_t{64} << 10;

struct Acceptor {
  Acceptor(boost::asio::io_context& io, ListeningSocket&& listening,
           std::unique_ptr<TlsContext> context)
      : socket(std::move(listening)), tls(std::move(context)), readable(io), pause(io) {}
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor() { readable.release(); }

  ListeningSocket socket;
  std::unique_ptr<TlsContext> tls;
  boost::asio::posix::stream_descriptor readable;  // waits only: `socket` owns the descriptor
  boost::asio::steady_timer pause;
};

struct Periodic {
  boost::asio::steady_timer timer;
  milliseconds period;
  std::function<void()> task;
};

class Server final : public HttpServer, public Connection::Owner {
 public:
  Server(Limits limits, Handler handler)
      : shared_(std::make_shared<Shared>(limits, std::move(handler))) {
    shared_->OpenPost(
        [this](std::function<void()> task) { boost::asio::post(io_, std::move(task)); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() override { Drain(milliseconds(0)); }

  Result<void> Add(const Endpoint& endpoint);
  [[nodiscard]] std::vector<std::string> Addresses() const override { return addresses_; }
  Result<void> Start() override;
  void Post(std::function<void()> task) override { shared_->Post(std::move(task)); }
  void Every(milliseconds period, std::function<void()> task) override;
  void Drain(milliseconds patience) override;

  void Forget(Connection& connection) override;
  void ShedBodies() override { connections_.ShedBodies(*shared_); }
  void ShedUnread() override { connections_.ShedUnread(*shared_); }
  std::span<char> Scratch() override { return scratch_; }

 private:
  void Run();
  void Finish();
  void WaitToAccept(Acceptor& acceptor);
  void AcceptSome(Acceptor& acceptor);
  void Admit(Acceptor& acceptor, ListeningSocket::Accepted accepted);
  void Arm(Periodic& periodic);
  void Tick();
  void BeginDrain(milliseconds patience);

  const std::shared_ptr<Shared> shared_;
  // The connections' operations are in here: destroyed after all that they refer to.
  boost::asio::io_context io_{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
  std::list<Acceptor> acceptors_;
  std::vector<std::string> addresses_;
  ConnectionTable connections_;
  std::size_t refused_ = 0;
  std::size_t max_refused_ = 0;
  std::size_t max_connections_ = 0;
  boost::asio::steady_timer tick_{io_};
  boost::asio::steady_timer patience_{io_};
  milliseconds tick_period_{};
  bool ticking_ = false;
  std::list<Periodic> periodics_;
  std::array<char, kScratchSize> scratch_{};
  std::mutex drain_mutex_;
  bool finished_ = false;  // I/O thread only
  bool ended_ = false;     // with drain_mutex_
  std::thread thread_;
};

// Often enough for the shortest limit, seldom enough to cost nothing.
milliseconds TickPeriod(const Limits& limits) {
  const milliseconds shortest = std::min(
      {limits.header_time, limits.body_time, limits.idle_time, limits.write_time, limits.tls_time});
  return std::clamp(shortest / 4, milliseconds(10), milliseconds(500));
}

Result<void> Server::Add(const Endpoint& endpoint) {
  std::unique_ptr<TlsContext> tls;
  if (endpoint.tls) {
    auto context = TlsContext::Load(*endpoint.tls);
    if (!context) {
      return std::move(context).error();
    }
    tls = *std::move(context);
  }
  auto socket = ListeningSocket::Open(endpoint);
  if (!socket) {
    return std::move(socket).error();
  }
  Acceptor& acceptor = acceptors_.emplace_back(io_, *std::move(socket), std::move(tls));
  addresses_.push_back(acceptor.socket.address());
  return {};
}

Result<void> Server::Start() {
  // A quarter of the descriptors stays for everything else that the process does.
  const std::size_t files = RaiseFileLimit();
  max_connections_ = std::min(shared_->limits.max_connections, files - files / 4);
  max_refused_ = std::min(kMaxRefused, files / kRefusedShare);
  if (max_connections_ < shared_->limits.max_connections) {
    Log(LogLevel::kWarning, "http: the limit of open files (" + std::to_string(files) +
                                ") allows " + std::to_string(max_connections_) + " connections");
  }
  tick_period_ = TickPeriod(shared_->limits);
  work_.emplace(io_.get_executor());
  for (Acceptor& acceptor : acceptors_) {
    acceptor.readable.assign(acceptor.socket.fd());
    WaitToAccept(acceptor);
  }
  try {
    thread_ = std::thread([this] { Run(); });
  } catch (const std::system_error& e) {
    return Error{ErrorCode::kResourceExhausted,
                 std::string("cannot start a thread: ") + e.what(),
                 {},
                 "raise the limit of threads",
                 e.code().value()};
  }
  return {};
}

void Server::Run() {
  sigset_t all;
  sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, nullptr);  // SIGPIPE of OpenSSL's writes, too
  (void)pthread_setname_np(pthread_self(), "http");
  for (;;) {
    try {
      io_.run();
      break;
    } catch (const std::exception& e) {
      Log(LogLevel::kError, std::string("http: a task failed: ") + e.what());
    }
  }
  Finish();
}

// On the I/O thread, or on the owner's if that never ran.
void Server::Finish() {
  shared_->draining = true;  // what is queued must not touch what goes now
  finished_ = true;
  acceptors_.clear();
  for (const auto& connection : connections_.All()) {
    connection->Close();
  }
  periodics_.clear();
  shared_->ClosePost();
  // What was posted before must still run, for others wait for it.
  for (bool again = true; again;) {
    again = false;
    try {
      io_.restart();
      io_.poll();
    } catch (const std::exception& e) {
      Log(LogLevel::kError, std::string("http: a task failed: ") + e.what());
      again = true;
    }
  }
}

void Server::WaitToAccept(Acceptor& acceptor) {
  acceptor.readable.async_wait(boost::asio::posix::descriptor_base::wait_read,
                               [this, &acceptor](error_code ec) {
                                 if (!ec && !shared_->draining) {
                                   AcceptSome(acceptor);
                                 }
                               });
}

void Server::AcceptSome(Acceptor& acceptor) {
  for (int i = 0; i < kAcceptsATurn; ++i) {
    auto accepted = acceptor.socket.Accept();
    if (accepted.fd.valid()) {
      Admit(acceptor, std::move(accepted));
      continue;
    }
    if (accepted.error == EMFILE || accepted.error == ENFILE || accepted.error == ENOBUFS ||
        accepted.error == ENOMEM) {
      // The connection stays in the backlog and would wake us at once, again and again.
      acceptor.pause.expires_after(kAcceptPause);
      acceptor.pause.async_wait([this, &acceptor](error_code ec) {
        if (!ec && !shared_->draining) {
          WaitToAccept(acceptor);
        }
      });
      return;
    }
    if (accepted.error == EAGAIN) {
      break;
    }
    // The connection failed before it was accepted (ECONNABORTED and others): the next one.
  }
  WaitToAccept(acceptor);
}

void Server::Admit(Acceptor& acceptor, ListeningSocket::Accepted accepted) {
  const bool full = connections_.size() - refused_ >= max_connections_ && !connections_.MakeRoom();
  // No handshake for those that we refuse, and no endless number of those that we tell.
  if (full && (acceptor.tls || refused_ >= max_refused_)) {
    return;
  }
  const int fd = accepted.fd.get();
  accepted.peer.is_tls = acceptor.tls != nullptr;
  auto wire = acceptor.tls ? acceptor.tls->Accept(fd) : MakePlainWire(fd);
  if (!wire) {
    return;
  }
  try {
    auto connection = std::make_shared<Connection>(
        io_, shared_, static_cast<Connection::Owner&>(*this), std::move(accepted.fd),
        std::move(accepted.peer), std::move(wire));
    connections_.Add(connection);
    if (!std::exchange(ticking_, true)) {
      Tick();
    }
    if (full) {
      ++refused_;
      connection->StartRefused();
    } else {
      connection->Start();
    }
  } catch (const std::exception& e) {
    Log(LogLevel::kError, std::string("http: a connection is not served: ") + e.what());
  }
}

void Server::Forget(Connection& connection) {
  if (!connections_.Remove(connection)) {
    return;
  }
  if (connection.refused()) {
    --refused_;
  }
  if (shared_->draining && connections_.empty()) {
    io_.stop();
  }
}

void Server::Tick() {
  const auto now = Connection::Clock::now();
  for (const auto& connection : connections_.All()) {
    connection->OnTick(now);
  }
  if (connections_.empty()) {
    ticking_ = false;
    return;
  }
  tick_.expires_after(tick_period_);
  tick_.async_wait([this](error_code ec) {
    if (!ec) {
      Tick();
    }
  });
}

void Server::Every(milliseconds period, std::function<void()> task) {
  Post([this, period, task = std::move(task)]() mutable {
    Arm(periodics_.emplace_back(Periodic{boost::asio::steady_timer(io_), period, std::move(task)}));
  });
}

void Server::Arm(Periodic& periodic) {
  periodic.timer.expires_after(periodic.period);
  periodic.timer.async_wait([this, &periodic](error_code ec) {
    if (!ec && !finished_) {
      Arm(periodic);
      periodic.task();
    }
  });
}

void Server::Drain(milliseconds patience) {
  const std::lock_guard lock(drain_mutex_);
  if (std::exchange(ended_, true)) {
    return;
  }
  if (!thread_.joinable()) {
    Finish();
    return;
  }
  Post([this, patience] { BeginDrain(patience); });
  thread_.join();
}

void Server::BeginDrain(milliseconds patience) {
  shared_->draining = true;
  acceptors_.clear();
  for (const auto& connection : connections_.All()) {
    connection->OnDrain();
  }
  if (connections_.empty()) {
    io_.stop();
    return;
  }
  patience_.expires_after(patience);
  patience_.async_wait([this](error_code ec) {
    if (!ec) {
      io_.stop();  // Finish cuts off the rest
    }
  });
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Listen(const std::vector<Endpoint>& endpoints,
                                                       Limits limits, Handler handler) {
  RaiseFileLimit();
  auto server = std::make_unique<Server>(limits, std::move(handler));
  for (const Endpoint& endpoint : endpoints) {
    if (auto added = server->Add(endpoint); !added) {
      return std::move(added).error();
    }
  }
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace casemate::http
