#include "sandbox/native/launcher/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstdio>
#include <cstring>
#include <utility>

#include "sandbox/native/launcher/clock.h"
#include "sandbox/native/launcher/identity.h"
#include "sandbox/native/launcher/lifeline.h"
#include "sandbox/native/launcher/receive.h"
#include "sandbox/native/launcher/workspace.h"

namespace casemate::launcher {
namespace {

constexpr int kLeftoverRetryMs = 20;
constexpr std::int64_t kTidyMs = 2;  // in which a server has most likely recorded and replied
constexpr int kEndTries = 250;       // of kLeftoverRetryMs: five seconds

void Send(int socket, const wire::LaunchReport& report) {
  // A server that is gone or does not read cannot be told.
  static_cast<void>(::send(socket, &report, sizeof(report), MSG_NOSIGNAL | MSG_DONTWAIT));
}

void Refuse(int socket, wire::Stage stage, int error, std::uint32_t missing = 0) {
  wire::LaunchReport report;
  report.stage = stage;
  report.sys_errno = error;
  report.missing = missing;
  Send(socket, report);
}

std::uint64_t Microseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(time.tv_usec);
}

// What the sandbox's own code left in the shared page.
void FillFromShared(const SharedReport& shared, wire::LaunchReport* report) {
  report->stage = shared.stage;
  report->layers |= shared.layers;
  report->landlock_abi = shared.landlock_abi;
  report->landlock_errno = shared.landlock_errno;
  report->proc_errno = shared.proc_errno;
  report->command_ended = shared.command_ended;
  report->wait_status = shared.wait_status;
  if (shared.failed != 0) {
    report->sys_errno = shared.sys_errno;
  } else if (shared.stage != wire::Stage::kRunning) {
    report->sys_errno = EINTR;  // killed in the middle of that step
  }
}

}  // namespace

Supervisor::Supervisor(int control_socket, const Arguments& arguments)
    : arguments_(arguments),
      control_(control_socket),
      cgroups_(arguments.incarnation),
      warm_target_(arguments.most_warm) {
  DiscoverHost(&host_);
  const long processors = ::sysconf(_SC_NPROCESSORS_ONLN);
  processors_ = processors > 0 ? static_cast<std::size_t>(processors) : 1;
  static_cast<void>(MakeLifeline(&lifeline_));
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
    done_read_.Reset(ends[0]);
    done_write_.Reset(ends[1]);
  }
}

int Supervisor::Run() {
  if (!lifeline_.valid() || !done_read_.valid()) {
    return 1;
  }
  cgroups_.Prepare();
  while (!closing_) {
    WaitAndHandle();
  }
  EndAll();
  return 0;
}

void Supervisor::WaitAndHandle() {
  constexpr nfds_t kFirst = 2;
  pollfd entries[kFirst + 2 * kMaxRuns + Openers::kMost];
  RunSlot* slots[kFirst + 2 * kMaxRuns] = {nullptr, nullptr};
  entries[0] = {closing_ ? -1 : control_, POLLIN, 0};
  entries[1] = {done_read_.get(), POLLIN, 0};
  nfds_t count = kFirst;
  for (RunSlot& run : runs_) {
    if (run.pidfd.valid()) {
      entries[count] = {run.pidfd.get(), POLLIN, 0};
      slots[count++] = &run;
      entries[count] = {run.socket.get(), POLLIN, 0};  // closed: -1, which poll skips
      slots[count++] = &run;
    }
  }
  const int ready = ::poll(entries, count + openers_.Watch(entries + count), PollTimeoutMs());
  if (ready < 0) {
    return;
  }
  if (tidy_at_ms_ >= 0) {
    TidyUp(NowMs());
  }
  if (ready == 0) {  // nobody waits for us
    KeepWarm();
  }
  if (cgroups_.has_leftovers()) {
    cgroups_.RetryLeftovers();
  }
  openers_.Reap();
  if (entries[1].revents != 0) {
    ReportDone();
  }
  for (nfds_t i = kFirst; i < count; i += 2) {
    if (entries[i].revents != 0) {
      Finish(*slots[i]);
    } else if (entries[i + 1].revents != 0) {
      HandleRunSocket(*slots[i + 1]);
    }
  }
  // Last: a launch may take a slot that was freed above.
  if (entries[0].revents != 0) {
    HandleControl();
  }
}

void Supervisor::HandleControl() {
  wire::ControlMessage message;
  UniqueFd fds[kMaxRequestFds];
  std::size_t count = 0;
  switch (ReceiveControl(control_, &message, fds, &count)) {
    case Received::kEnd:
      closing_ = true;
      return;
    case Received::kMalformed:
      if (count >= kMaxRequestFds - 1) {
        Refuse(fds[4].get(), wire::Stage::kRequest, EPROTO);
      }
      return;
    case Received::kMessage:
      break;
  }
  switch (message.kind) {
    case wire::ControlKind::kReap:
      HandleReap(message.incarnation);
      return;
    case wire::ControlKind::kRoots:
      static_cast<void>(roots_.Receive(fds[0].get()));  // without them every workspace is refused
      return;
    case wire::ControlKind::kOpen:
      openers_.Start(roots_, lifeline_.get(), std::move(fds[0]));
      return;
    case wire::ControlKind::kLaunch:
      HandleLaunch(fds, count);
      return;
  }
}

// Its server waits for this before it serves, so nothing else is waiting here.
void Supervisor::HandleReap(const char* incarnation) {
  wire::ReapAnswer answer;
  answer.all_gone = cgroups_.Reap(incarnation) ? 1 : 0;
  std::strncpy(answer.incarnation, incarnation, sizeof(answer.incarnation) - 1);
  static_cast<void>(::send(control_, &answer, sizeof(answer), MSG_NOSIGNAL | MSG_DONTWAIT));
}

void Supervisor::HandleLaunch(UniqueFd* fds, std::size_t count) {
  Request request;
  std::uint32_t missing = 0;
  wire::Stage stage = wire::Stage::kRequest;
  int error = request.Load(fds, count);
  if (error == 0 && request.workspace() != Workspace::kPrivate) {
    stage = wire::Stage::kWorkspace;
    error = roots_.Check(request.workspace_dir.get(), request.workspace());
  }
  if (error == 0) {
    stage = wire::Stage::kLimits;
    missing = sandbox::MissingLimits(arguments_.mode, request.spec().must_hold, cgroups_.layers());
    error = missing == 0 ? 0 : WhyNotHeld();
  }
  if (error == 0) {
    const bool is_surprise = !expected_.Fits(request) && DiscardLocked();
    bool is_ready = true;
    RunSlot* run = ChooseWarm(request, &is_ready);
    last_call_ms_ = NowMs();
    is_pressed_ = !is_ready && !is_surprise;
    warm_target_.OnCall(last_call_ms_, !is_pressed_);
    expected_.Learn(request);
    if (run != nullptr) {
      error = HandOver(request, *run, &stage);
    } else {
      run = FindFreeSlot();
      stage = wire::Stage::kClone;
      error = run == nullptr ? EAGAIN : Start(request, *run, &stage);
    }
  }
  if (error != 0 && request.run_socket.valid()) {
    Refuse(request.run_socket.get(), stage, error, missing);
  }
}

int Supervisor::WhyNotHeld() const {
  return cgroups_.error() != 0 ? cgroups_.error() : ENOENT;  // the controller is nowhere
}

Supervisor::RunSlot* Supervisor::FindFreeSlot() {
  // Round robin, so that an id is not used again soon after its sandbox ended.
  for (std::size_t i = 0; i < kMaxRuns; ++i) {
    RunSlot& run = runs_[next_slot_++ % kMaxRuns];
    if (!run.pidfd.valid()) {
      return &run;
    }
  }
  return nullptr;
}

std::size_t Supervisor::CountUnreported() const {
  std::size_t count = 0;
  for (const RunSlot& run : runs_) {
    count += run.pidfd.valid() && !run.channel.valid() && !run.is_reported ? 1 : 0;
  }
  return count;
}

std::uint32_t Supervisor::KernelId(const RunSlot& run) const {
  const auto launcher = static_cast<std::uint32_t>(::getpid()) & 0xfffffU;
  return kFirstKernelId | launcher << 8 | static_cast<std::uint32_t>(&run - runs_);
}

int Supervisor::PrepareRequest(const Request& request, const RunSlot& run, UniqueFd* workspace_tree,
                               wire::Stage* stage) const {
  if (!host_.maps_any_id) {
    return 0;
  }
  if (request.workspace() != Workspace::kPrivate) {
    *stage = wire::Stage::kWorkspace;
    if (!host_.maps_mounts) {
      return EPERM;
    }
    if (const int error =
            MakeWorkspaceTree(request, KernelId(run), lifeline_.get(), workspace_tree);
        error != 0) {
      return error;
    }
  }
  *stage = wire::Stage::kClone;
  return GiveStreams(request, KernelId(run));
}

int Supervisor::Start(Request& request, RunSlot& run, wire::Stage* stage) {
  UniqueFd workspace_tree;
  run.is_locked = false;
  if (const int error = PrepareRequest(request, run, &workspace_tree, stage); error != 0) {
    return error;
  }
  *stage = wire::Stage::kCgroup;
  if (const int error = cgroups_.Take(&run.group); error != 0) {
    return error;
  }
  if (const int error = cgroups_.Limit(request.spec(), &run.group); error != 0) {
    cgroups_.Remove(&run.group);
    return error;
  }
  if (const int error = Beget(request, run, std::move(workspace_tree), UniqueFd(), stage);
      error != 0) {
    return error;
  }
  run.socket = std::move(request.run_socket);
  return 0;
}

int Supervisor::HandOver(Request& request, RunSlot& run, wire::Stage* stage) {
  UniqueFd workspace_tree;
  int error = PrepareRequest(request, run, &workspace_tree, stage);
  if (error == 0 && !run.is_locked) {
    *stage = wire::Stage::kCgroup;
    error = cgroups_.Limit(request.spec(), &run.group);
  }
  if (error == 0) {
    *stage = wire::Stage::kAwaitRequest;
    error = request.Send(run.channel.get(), workspace_tree.get());
  }
  if (error != 0) {
    Kill(run);  // half of what this call wanted may be in it
  }
  run.channel.Reset();
  if (error != 0) {
    return error;
  }
  run.socket = std::move(request.run_socket);
  return 0;
}

int Supervisor::Beget(Request& request, RunSlot& run, UniqueFd workspace_tree, UniqueFd channel,
                      wire::Stage* stage) {
  *stage = wire::Stage::kClone;
  pid_t pid = -1;
  UniqueFd pidfd;
  int error = run.report.Make();
  if (error == 0) {
    run.report.get()->stage = wire::Stage::kClone;
    error = Clone(run, &pidfd, &pid);
  }
  if (error != 0) {
    run.report.Reset();
    cgroups_.Remove(&run.group);
    return error;
  }
  if (pid == 0) {
    ChildContext context = {request, host_, *run.report.get(), arguments_.mode,
                            SizesOf(expected_.spec())};
    context.channel = channel.get();
    context.is_foreseen = run.is_locked;
    context.lifeline = lifeline_.get();
    context.done = done_write_.get();
    context.memory_cgroup = cgroups_.Has(kMemory);
    context.pids_cgroup = cgroups_.Has(kPids);
    context.workspace_tree = std::move(workspace_tree);
    context.title = arguments_.title;
    context.title_bytes = arguments_.title_bytes;
    for (std::size_t i = 0; cgroups_.version() == 1 && i < kMaxHierarchies; ++i) {
      context.cgroup_tasks[i] = run.group.entry[i].get();
    }
    RunChild(context);
  }
  run.pidfd = std::move(pidfd);
  run.made_ahead = channel.valid();
  run.is_reported = false;
  run.number = next_number_++;
  run.failed_stage = wire::Stage::kNone;
  error = host_.maps_any_id ? GiveIdentity(pid, KernelId(run), *run.report.get()) : 0;
  if (error != 0) {
    run.failed_stage = wire::Stage::kIdMap;
    run.failed_errno = error;
    Kill(run);
  }
  static_cast<void>(run.report.HideFromLaterChildren());
  for (UniqueFd& entry : run.group.entry) {
    entry.Reset();
  }
  cgroups_.Prepare();
  return 0;
}

// While something is missing, as soon as nobody else wants anything.
int Supervisor::PollTimeoutMs() const {
  if (closing_) {
    return kLeftoverRetryMs;
  }
  const std::int64_t now = NowMs();
  const std::size_t wanted = warm_target_.Wanted(now);
  if (CountWarm() > wanted || (CountWarm() < wanted && MayMakeAhead(now))) {
    return 0;
  }
  std::int64_t next = CountWarm() < wanted ? last_call_ms_ + kCallMs : warm_target_.EndsAt(now);
  for (const std::int64_t other :
       {tidy_at_ms_, cgroups_.has_leftovers() ? now + kLeftoverRetryMs : -1}) {
    next = next < 0 || (other >= 0 && other < next) ? other : next;
  }
  return next < 0 ? -1 : static_cast<int>(next > now ? next - now : 0);
}

int Supervisor::Clone(const RunSlot& run, UniqueFd* pidfd, pid_t* pid) const {
  int pidfd_out = -1;
  clone_args args = {};
  // The other namespaces are made by the child (child.cc).
  args.flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd_out);
  args.exit_signal = SIGCHLD;
  if (cgroups_.version() == 2) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(run.group.entry[0].get());
  }
  *pid = sys::Clone3(&args);
  if (*pid < 0) {
    return LastError();
  }
  pidfd->Reset(*pid == 0 ? -1 : pidfd_out);
  return 0;
}

void Supervisor::HandleRunSocket(RunSlot& run) {
  wire::RunCommand command = wire::RunCommand::kKill;
  const ssize_t length = ::recv(run.socket.get(), &command, sizeof(command), MSG_DONTWAIT);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (length == static_cast<ssize_t>(sizeof(command)) && command == wire::RunCommand::kTerminate) {
    run.report.get()->terminate = 1;
    static_cast<void>(sys::PidfdSignal(run.pidfd.get(), SIGTERM));
    return;
  }
  Kill(run);
  if (length <= 0) {
    run.socket.Reset();  // the server has lost interest; do not wake for it again
  }
}

// Where nothing but init is in the sandbox. A rate of disk I/O goes on for what is still to be
// written.
void Supervisor::EndInit(const RunSlot& run) {
  static_cast<void>(sys::PidfdSignal(run.pidfd.get(), SIGKILL));
}

void Supervisor::Kill(const RunSlot& run) {
  EndInit(run);
  cgroups_.Kill(run.group);
}

void Supervisor::ReportDone() {
  char bytes[64];
  while (::read(done_read_.get(), bytes, sizeof(bytes)) == sizeof(bytes)) {
  }
  for (RunSlot& run : runs_) {
    const SharedReport* shared = run.report.get();
    if (run.pidfd.valid() && !run.is_reported &&
        shared->all_gone.load(std::memory_order_acquire) != 0) {
      Report(run, shared->cpu_us, shared->max_memory_kb);
    }
  }
}

void Supervisor::Report(RunSlot& run, std::uint64_t cpu_us, std::uint64_t max_memory_kb) {
  wire::LaunchReport report;
  report.made_ahead = run.made_ahead ? 1 : 0;
  report.cgroup_version = static_cast<std::uint32_t>(cgroups_.version());
  report.cgroup_errno = cgroups_.error();
  report.layers = cgroups_.layers();
  report.cpu_us = cpu_us;
  report.max_memory_kb = max_memory_kb;
  FillFromShared(*run.report.get(), &report);
  if (run.failed_stage != wire::Stage::kNone) {
    report.stage = run.failed_stage;
    report.sys_errno = run.failed_errno;
  }
  cgroups_.Read(&run.group, &report);
  if (run.socket.valid()) {
    Send(run.socket.get(), report);
  }
  run.socket.Reset();
  run.is_reported = true;
  if (tidy_at_ms_ < 0) {
    tidy_at_ms_ = NowMs() + kTidyMs;
  }
}

void Supervisor::TidyUp(std::int64_t now_ms) {
  if (now_ms < tidy_at_ms_) {
    return;
  }
  tidy_at_ms_ = -1;
  for (const RunSlot& run : runs_) {
    if (run.pidfd.valid() && run.is_reported) {
      EndInit(run);
    }
  }
}

void Supervisor::Finish(RunSlot& run) {
  siginfo_t info = {};
  rusage usage = {};
  if (sys::WaitPidfd(run.pidfd.get(), &info, &usage) != 0) {
    return;  // EINTR: poll says so again
  }
  const bool has_failed_ahead =
      run.channel.valid() || (run.made_ahead && run.report.get()->failed != 0 &&
                              run.report.get()->stage <= wire::Stage::kAwaitRequest);
  run.channel.Reset();
  if (has_failed_ahead) {
    warm_target_.OnFailure(NowMs());
  }
  if (!run.is_reported) {
    Report(run, Microseconds(usage.ru_utime) + Microseconds(usage.ru_stime),
           static_cast<std::uint64_t>(usage.ru_maxrss));
  }
  cgroups_.Remove(&run.group);  // empty by now; the caller need not wait for it
  run.pidfd.Reset();
  run.report.Reset();
}

bool Supervisor::IsIdle() const {
  for (const RunSlot& run : runs_) {
    if (run.pidfd.valid()) {
      return false;
    }
  }
  return true;
}

void Supervisor::EndAll() {
  for (const RunSlot& run : runs_) {
    if (run.pidfd.valid()) {
      Kill(run);
    }
  }
  // Bounded: a process in an uninterruptible wait must not keep the launcher for ever.
  for (int i = 0; i < kEndTries && !IsIdle(); ++i) {
    WaitAndHandle();
  }
  for (int i = 0; i < kEndTries && !cgroups_.RemoveAll(); ++i) {
    ::poll(nullptr, 0, kLeftoverRetryMs);
  }
}

}  // namespace casemate::launcher
