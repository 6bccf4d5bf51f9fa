#include "mcp/server/call_pool.h"

#include <atomic>
#include <latch>
#include <set>

#include <catch2/catch.hpp>

namespace casemate::mcp {
namespace {

TEST_CASE("as many calls run at once as there are threads") {
  CallPool pool(4, 4);
  std::latch together(4);  // opens only when all four are in
  std::mutex mutex;
  std::set<std::thread::id> threads;
  for (int i = 0; i < 4; ++i) {
    CHECK(pool.Submit([&] {
      together.arrive_and_wait();
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
    }));
  }
  pool.Join();
  CHECK(threads.size() == 4);
}

TEST_CASE("beyond threads and queue a call is refused, and room comes back") {
  CallPool pool(2, 3);
  std::latch release(1);
  std::latch running(2);
  std::atomic<int> done = 0;
  const auto work = [&] {
    running.count_down();
    release.wait();
    ++done;
  };
  CHECK(pool.Submit(work));
  CHECK(pool.Submit(work));
  running.wait();
  for (int i = 0; i < 3; ++i) {
    CHECK(pool.Submit([&] { ++done; }));
  }
  CHECK_FALSE(pool.Submit([&] { ++done; }));
  release.count_down();
  pool.Join();  // what was accepted runs
  CHECK(done == 5);
  CHECK_FALSE(pool.Submit([] {}));
}

TEST_CASE("a thread is used again") {
  CallPool pool(8, 1);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  for (int i = 0; i < 50; ++i) {
    std::latch done(1);
    REQUIRE(pool.Submit([&] {
      {
        const std::lock_guard lock(mutex);
        threads.insert(std::this_thread::get_id());
      }
      done.count_down();
    }));
    done.wait();
  }
  pool.Join();
  CHECK(threads.size() <= 8);
}

TEST_CASE("a pool without threads or queue still runs one call at a time") {
  CallPool pool(0, 0);
  std::atomic<int> done = 0;
  CHECK(pool.Submit([&] { ++done; }));
  pool.Join();
  CHECK(done == 1);
}

}  // namespace
}  // namespace casemate::mcp
