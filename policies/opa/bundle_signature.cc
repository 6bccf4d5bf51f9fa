#include "policies/opa/bundle_signature.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "policies/opa/bundle.h"
#include "policies/opa/bundle_check.h"

namespace casemate::policies {
namespace {

constexpr std::int64_t kTimeNs = 10'000'000'000;
constexpr const char* kSignatures = ".signatures.json";
constexpr const char* kPrivateKeyPath = "/run/casemate/private.pem";

Result<void> WriteInPlace(const std::string& path, const std::string& text) {
  const std::string made = path + "." + RandomHex(8);
  UniqueFd file(open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.valid()) {
    return ErrnoError("cannot make " + made, errno);
  }
  auto written = WriteAll(file.get(), text);
  if (written && (fsync(file.get()) != 0 || std::rename(made.c_str(), path.c_str()) != 0)) {
    written = ErrnoError("cannot write " + path, errno);
  }
  if (!written) {
    unlink(made.c_str());
  }
  return written;
}

bool IsSignatures(const std::string& text) {
  const auto parsed = ParseJson(text);
  return parsed && parsed->is_object() && parsed->contains("signatures") &&
         parsed->at("signatures").is_array() && parsed->at("signatures").size() == 1;
}

}  // namespace

Result<void> SignBundle(OpaSandbox& sandbox, const std::string& directory,
                        const std::string& private_key) {
  auto bundle = Bundle::Read(directory);
  if (!bundle) {
    return std::move(bundle).error();
  }
  if (std::string(bundle->argument()) != ".") {
    return Error{ErrorCode::kInvalidArgument, directory + ": expected a directory", "DIR",
                 "sign the directory, and pack it afterwards", 0};
  }
  std::vector<sandbox::InjectedFile> files = bundle->files();
  const std::string old = std::string(bundle->directory()) + "/" + kSignatures;
  std::erase_if(files, [&](const sandbox::InjectedFile& file) { return file.path == old; });
  files.push_back({kPrivateKeyPath, private_key, 0400});
  const std::string script = std::string("\"$opa\" sign --signing-alg ES256 --signing-key ") +
                             kPrivateKeyPath +
                             " --bundle . --output-file-path /tmp && exec cat /tmp/" + kSignatures;
  auto done = sandbox.Call(script, bundle->directory(), std::move(files), MonotonicNs() + kTimeNs,
                           std::stop_token());
  if (!done) {
    return std::move(done).error();
  }
  if (done->exit_code != 0 || !IsSignatures(done->out)) {
    return Error{
        ErrorCode::kInvalidArgument,
        directory + ": opa could not sign it: " + EscapeControls(ToValidUtf8(done->err), true),
        "--key", "make a key: openssl ecparam -name prime256v1 -genkey -noout -out PRIVATE.pem", 0};
  }
  return WriteInPlace(directory + "/" + kSignatures, done->out);
}

Result<void> VerifyBundle(OpaSandbox& sandbox, const std::string& path,
                          const std::string& public_key) {
  auto bundle = Bundle::Read(path);
  if (!bundle) {
    return std::move(bundle).error();
  }
  return VerifySignature(sandbox, *bundle, public_key, MonotonicNs() + kTimeNs, std::stop_token());
}

}  // namespace casemate::policies
