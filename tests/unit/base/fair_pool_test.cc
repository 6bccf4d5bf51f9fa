#include "base/fair_pool.h"

#include <atomic>
#include <functional>
#include <latch>
#include <set>
#include <string>

#include <catch2/catch.hpp>

namespace casemate {
namespace {

// What a thread of a pool finds out is looked at by the test's own: Catch2 is not thread-safe.
using Seen = std::atomic<bool>;

FairPoolLimits Of(std::size_t working, std::size_t queued) {
  return {.working = working,
          .working_each = working,
          .queued = queued,
          .queued_each = queued,
          .aside = 8,
          .aside_each = 8};
}

TEST_CASE("as many works run at once as there are places") {
  FairPool pool(Of(4, 4));
  std::latch together(4);  // opens only when all four are in
  std::mutex mutex;
  std::set<std::thread::id> threads;
  for (int i = 0; i < 4; ++i) {
    CHECK(pool.Submit("ann", [&] {
      together.arrive_and_wait();
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
    }));
  }
  pool.Join();
  CHECK(threads.size() == 4);
}

TEST_CASE("beyond places and queue work is refused, and room comes back") {
  FairPool pool(Of(2, 3));
  std::latch release(1);
  std::latch running(2);
  std::atomic<int> done = 0;
  const auto work = [&] {
    running.count_down();
    release.wait();
    ++done;
  };
  CHECK(pool.Submit("ann", work));
  CHECK(pool.Submit("ann", work));
  running.wait();
  for (int i = 0; i < 3; ++i) {
    CHECK(pool.Submit("ann", [&] { ++done; }));
  }
  CHECK_FALSE(pool.Submit("ann", [&] { ++done; }));
  CHECK_FALSE(pool.Submit("bob", [&] { ++done; }));
  release.count_down();
  pool.Join();  // what was accepted runs
  CHECK(done == 5);
  CHECK_FALSE(pool.Submit("ann", [] {}));
}

TEST_CASE("a thread is used again") {
  FairPool pool(Of(8, 1));
  std::mutex mutex;
  std::set<std::thread::id> threads;
  for (int i = 0; i < 50; ++i) {
    std::latch done(1);
    REQUIRE(pool.Submit("ann", [&] {
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

TEST_CASE("a pool without places or queue still does one work at a time") {
  FairPool pool({.working = 0, .working_each = 0});
  std::atomic<int> done = 0;
  CHECK(pool.Submit("ann", [&] { ++done; }));
  pool.Join();
  CHECK(done == 1);
}

TEST_CASE("one owner never has all places, however much it wants") {
  FairPool pool({.working = 4, .working_each = 3, .queued = 20, .queued_each = 10});
  std::latch release(1);
  std::latch running(3);
  std::atomic<int> begun = 0;
  const auto work = [&] {
    if (++begun <= 3) {
      running.count_down();
    }
    release.wait();
  };
  int accepted = 0;
  for (int i = 0; i < 20; ++i) {
    accepted += pool.Submit("ann", work) ? 1 : 0;
  }
  CHECK(accepted == 13);  // 3 that work and 10 that wait
  running.wait();
  std::latch served(1);
  CHECK(pool.Submit("bob", [&] { served.count_down(); }));
  served.wait();  // at once, while all of ann's hold on
  CHECK(begun == 3);
  release.count_down();
  pool.Join();
  CHECK(begun == 13);
}

TEST_CASE("a free place goes to who has the fewest, then to who waited longest") {
  FairPool pool(Of(1, 20));
  std::latch release(1);
  std::latch running(1);
  REQUIRE(pool.Submit("ann", [&] {
    running.count_down();
    release.wait();
  }));
  running.wait();
  std::mutex mutex;
  std::string order;
  const auto note = [&](char name) {
    return [&, name] {
      const std::lock_guard lock(mutex);
      order += name;
    };
  };
  for (int i = 0; i < 3; ++i) {
    REQUIRE(pool.Submit("ann", note('a')));
  }
  REQUIRE(pool.Submit("bob", note('b')));
  REQUIRE(pool.Submit("cid", note('c')));
  REQUIRE(pool.Submit("bob", note('b')));
  release.count_down();
  pool.Join();
  CHECK(order == "abcaba");
}

TEST_CASE("work that waits gives its place to others") {
  FairPool pool(Of(1, 4));
  std::latch answered(1);
  std::latch done(1);
  Seen may = false;
  REQUIRE(pool.Submit("ann", [&] {
    const auto aside = FairPool::StepAside();
    may = aside.has_value() && FairPool::StepAside().has_value();  // which has no effect within
    answered.wait();
    done.count_down();
  }));
  REQUIRE(pool.Submit("ann", [&] { answered.count_down(); }));  // on the only place
  done.wait();
  std::atomic<int> later = 0;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(pool.Submit("ann", [&] { ++later; }));
  }
  pool.Join();
  CHECK(may);
  CHECK(later == 3);
}

TEST_CASE("who comes again and again does not starve who waits") {
  FairPool pool(Of(1, 100));
  std::atomic<int> waited = 0;
  std::latch begun(1);
  std::latch go(1);
  REQUIRE(pool.Submit("bob", [&] {
    begun.count_down();
    go.wait();
  }));
  begun.wait();
  for (int i = 0; i < 20; ++i) {
    REQUIRE(pool.Submit("zoe", [&] { ++waited; }));
  }
  std::function<void(int)> again = [&](int left) {  // one at a time, each as the last one ends
    if (left > 0) {
      (void)pool.Submit("ann", [&, left] { again(left - 1); });  // refused once the pool is joined
    }
  };
  again(10);
  std::latch last(1);
  Seen had_its_turn = false;
  REQUIRE(pool.Submit("dan", [&] {  // after one turn of each
    had_its_turn = waited > 0;
    last.count_down();
  }));
  go.count_down();
  last.wait();
  pool.Join();
  CHECK(had_its_turn);
  CHECK(waited == 20);
}

TEST_CASE("who comes back from waiting gets a place before new work, and never beyond the limit") {
  FairPool pool({.working = 2,
                 .working_each = 2,
                 .queued = 100,
                 .queued_each = 100,
                 .aside = 8,
                 .aside_each = 8});
  std::atomic<int> working = 0;
  std::atomic<int> most = 0;
  const auto work = [&] {
    const int now = ++working;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::yield();
    --working;
  };
  std::latch together(8);
  std::atomic<int> let = 0;
  for (int i = 0; i < 8; ++i) {
    REQUIRE(pool.Submit("ann", [&] {
      {
        const auto aside = FairPool::StepAside();
        let += aside.has_value() ? 1 : 0;
        together.arrive_and_wait();
      }
      work();
    }));
  }
  for (int i = 0; i < 50; ++i) {
    REQUIRE(pool.Submit("bob", work));
  }
  pool.Join();
  CHECK(let == 8);
  CHECK(most <= 2);
}

TEST_CASE("work that only has to tell what came needs no place for that") {
  FairPool pool(Of(1, 4));
  std::latch answered(1);
  std::latch told(1);
  std::latch hold(1);
  Seen may = false;
  REQUIRE(pool.Submit("ann", [&] {
    may = FairPool::StepAsideForGood() && FairPool::StepAsideForGood();
    answered.wait();
    told.count_down();
  }));
  REQUIRE(pool.Submit("ann", [&] {
    answered.count_down();
    hold.wait();
  }));
  told.wait();  // while the only place is taken
  hold.count_down();
  REQUIRE(pool.Submit("ann", [] {}));
  pool.Join();
  CHECK(may);
}

TEST_CASE("only so many may wait aside, of one owner and of all") {
  FairPool pool({.working = 8,
                 .working_each = 8,
                 .queued = 8,
                 .queued_each = 8,
                 .aside = 3,
                 .aside_each = 2});
  std::latch release(1);
  const auto waits = [&](std::latch& waiting, std::atomic<bool>& was_let) {
    return [&] {
      const auto aside = FairPool::StepAside();
      was_let = aside.has_value();
      waiting.count_down();
      release.wait();
    };
  };
  const auto try_for = [&](const std::string& owner) {
    static std::vector<std::unique_ptr<std::atomic<bool>>> flags;
    flags.push_back(std::make_unique<std::atomic<bool>>(false));
    std::latch waiting(1);
    REQUIRE(pool.Submit(owner, waits(waiting, *flags.back())));
    waiting.wait();
    return flags.back()->load();
  };
  CHECK(try_for("ann"));
  CHECK(try_for("ann"));
  CHECK_FALSE(try_for("ann"));
  CHECK(try_for("bob"));
  CHECK_FALSE(try_for("cid"));
  release.count_down();
  pool.Join();
}

TEST_CASE("threads of no pool have nothing to step aside from") {
  CHECK(FairPool::StepAside().has_value());
}

TEST_CASE("what waits can be withdrawn, what has begun cannot") {
  FairPool pool(Of(1, 4));
  std::latch release(1);
  std::latch running(1);
  std::atomic<int> done = 0;
  int first = 0;
  int second = 0;
  REQUIRE(pool.Submit(
      "ann",
      [&] {
        running.count_down();
        release.wait();
        ++done;
      },
      &first));
  running.wait();
  REQUIRE(pool.Submit("ann", [&] { done += 10; }, &second));
  CHECK_FALSE(pool.Withdraw("ann", &first));
  CHECK_FALSE(pool.Withdraw("bob", &second));
  CHECK(pool.Withdraw("ann", &second));
  CHECK_FALSE(pool.Withdraw("ann", &second));
  CHECK_FALSE(pool.Withdraw("ann", nullptr));
  release.count_down();
  pool.Join();
  CHECK(done == 1);
}

TEST_CASE("many owners that come, wait and go leave nothing undone") {
  FairPool pool({.working = 3,
                 .working_each = 2,
                 .queued = 4000,
                 .queued_each = 1000,
                 .aside = 5,
                 .aside_each = 2});
  std::atomic<int> done = 0;
  int accepted = 0;
  for (int i = 0; i < 2000; ++i) {
    accepted += pool.Submit("owner" + std::to_string(i % 7), [&done, i] {
      if (i % 3 == 0) {
        const auto aside = FairPool::StepAside();
        std::this_thread::yield();
      }
      ++done;
    });
  }
  pool.Join();
  CHECK(done == accepted);
  CHECK(accepted == 2000);
}

}  // namespace
}  // namespace casemate
