// Result<T>: a value or an Error, for every fallible call inside Casemate.
// Mirrors the part of std::expected (C++23) that we use. Owned by value; no threading concerns.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace casemate {

enum class ErrorCode {
  kInvalidArgument,      // the caller's input is wrong; `field` names it
  kNotFound,             // a thing the caller named does not exist
  kPermissionDenied,     // refused by policy or by the kernel
  kUnavailable,          // something this needs is not there now; `remedy` says what to do
  kResourceExhausted,    // a limit or a full disk
  kCancelled,            // the caller took the request back
  kInputRequired,        // the caller must answer questions and make the call again
  kUnsupportedByClient,  // the caller's client did not declare what this needs
  kDataLoss,             // stored data is damaged or was tampered with
  kInternal,             // a defect of ours or an unexpected failure of the system
};

// What went wrong, in words that a person or an agent can act on.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // one sentence: what was expected and what was got
  std::string field;    // path of the offending input ("args.limits.pids"), or empty
  std::string remedy;   // what to do next, or empty
  int sys_errno = 0;    // errno behind it, or 0
};

inline Error InvalidArgument(std::string field, std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message), std::move(field), {}, 0};
}
// `what` says which operation failed; strerror(err) is appended.
Error ErrnoError(std::string what, int err);
// "field: message (remedy)", for logs and terminals.
std::string Describe(const Error& error);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : data_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : data_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return data_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Precondition: ok().
  T& value() & { return std::get<0>(data_); }
  const T& value() const& { return std::get<0>(data_); }
  T&& value() && { return std::get<0>(std::move(data_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Precondition: !ok().
  Error& error() & { return std::get<1>(data_); }
  const Error& error() const& { return std::get<1>(data_); }
  Error&& error() && { return std::get<1>(std::move(data_)); }

 private:
  std::variant<T, Error> data_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace casemate
