// RecordingTransport: keeps what the server sends, for a test to look at. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "mcp/transport/transport.h"

namespace casemate::mcp::test {

using nlohmann::json;

class RecordingTransport : public MessageSink {
 public:
  void Send(std::string message, SendClass send_class) override {
    {
      const std::lock_guard lock(mutex_);
      sent_.push_back(json::parse(message));
      classes_.push_back(send_class);
    }
    changed_.notify_all();
  }

  // Everything sent so far.
  [[nodiscard]] std::vector<json> Sent() const {
    const std::lock_guard lock(mutex_);
    return sent_;
  }
  [[nodiscard]] std::vector<SendClass> Classes() const {
    const std::lock_guard lock(mutex_);
    return classes_;
  }
  // The answers (result or error) with this id so far.
  [[nodiscard]] std::vector<json> AnswersTo(const json& id) const {
    std::vector<json> answers;
    for (const json& message : Sent()) {
      if (message.contains("id") && message["id"] == id) {
        answers.push_back(message);
      }
    }
    return answers;
  }
  // Waits until `count` answers with this id are there and returns the newest.
  json WaitForAnswer(const json& id, std::size_t count = 1) {
    std::unique_lock lock(mutex_);
    json newest;
    const bool came = changed_.wait_for(lock, kPatience, [&] {
      std::size_t found = 0;
      for (const json& message : sent_) {
        if (message.contains("id") && message["id"] == id) {
          ++found;
          newest = message;
        }
      }
      return found >= count;
    });
    INFO("waiting for the answer to " << id.dump());
    REQUIRE(came);
    return newest;
  }
  // Waits for the first message that `fits`.
  json WaitFor(const std::function<bool(const json&)>& fits) {
    std::unique_lock lock(mutex_);
    json found;
    const bool came = changed_.wait_for(lock, kPatience, [&] {
      for (const json& message : sent_) {
        if (fits(message)) {
          found = message;
          return true;
        }
      }
      return false;
    });
    REQUIRE(came);
    return found;
  }

 private:
  static constexpr std::chrono::seconds kPatience{30};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<json> sent_;
  std::vector<SendClass> classes_;
};

}  // namespace casemate::mcp::test
