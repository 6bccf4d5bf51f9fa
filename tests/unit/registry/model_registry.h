// A registry that keeps to the specification, unless `trouble` says otherwise: it sees each request
// first and may answer in its place. Test-only.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "sandbox/container/oci/descriptor.h"
#include "tests/unit/registry/fake_registry.h"
#include "tests/unit/registry/image_fixture.h"

namespace casemate::registry::test {

class ModelRegistry {
 public:
  using Answer = FakeRegistry::Answer;
  // Called with the lock held, so that it may look at what there is and change it.
  using Trouble =
      std::function<std::optional<Answer>(const Request& request, ModelRegistry& model)>;

  explicit ModelRegistry(Trouble trouble = {})
      : trouble_(std::move(trouble)), http([this](const Request& request) {
          const std::lock_guard lock(mutex_);
          if (trouble_) {
            if (auto answer = trouble_(request, *this)) {
              return *std::move(answer);
            }
          }
          return Obey(request);
        }) {}

  Answer Obey(const Request& request) {
    const std::string base = "/v2/team/shop/";
    if (request.target == "/v2/") {
      return Say("200 OK", "{}");
    }
    const std::string path = request.target.substr(std::min(base.size(), request.target.size()));
    if (path.starts_with("blobs/uploads/")) {
      return Upload(request);
    }
    if (path.starts_with("blobs/")) {
      return Blob(request, path.substr(6));
    }
    return Manifest(request, path.substr(std::min<std::size_t>(10, path.size())));
  }
  // As if all of it had been pushed.
  void Take(const TestImage& image) {
    manifests["1"] = manifests[image.manifest.digest] = image.manifest_body;
    blobs[image.config.digest] = image.config_body;
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
      blobs[image.layers[i].digest] = image.layer_bodies[i];
    }
  }
  static std::string RangeOf(const std::string& upload) {
    return "Range: 0-" + std::to_string(upload.empty() ? 0 : upload.size() - 1) + "\r\n";
  }

  std::map<std::string, std::string> blobs;
  std::map<std::string, std::string> manifests;
  std::optional<std::string> upload;
  std::string location = "/v2/team/shop/blobs/uploads/one?_state=a%2Bb%26c";

 private:
  Answer Blob(const Request& request, const std::string& digest) {
    const auto found = blobs.find(digest);
    if (found == blobs.end()) {
      return Say("404 Not Found", request.method == "HEAD" ? "" : R"({"errors":[]})");
    }
    if (request.method == "HEAD") {
      return {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: " +
                       std::to_string(found->second.size()) + "\r\n\r\n"};
    }
    const std::string range = request.Header("Range");
    if (range.empty()) {
      return Say("200 OK", found->second);
    }
    const std::size_t begin = std::stoul(range.substr(6));
    return Say("206 Partial Content", found->second.substr(begin),
               "Content-Range: bytes " + std::to_string(begin) + "-" +
                   std::to_string(found->second.size() - 1) + "/" +
                   std::to_string(found->second.size()) + "\r\n");
  }
  Answer Upload(const Request& request) {
    const std::string where = "Location: " + location + "\r\n";
    if (request.method == "POST") {
      upload = "";
      return Say("202 Accepted", "", where + "Range: 0-0\r\n");
    }
    // The address must be as it was given, with its escapes.
    if (!upload ||
        !request.target.starts_with("/v2/team/shop/blobs/uploads/one?_state=a%2Bb%26c")) {
      return Say("404 Not Found");
    }
    if (request.method == "GET") {
      return {.bytes = "HTTP/1.1 204 No Content\r\n" + where + RangeOf(*upload) + "\r\n"};
    }
    if (request.method == "PATCH") {
      if (std::stoul(request.Header("Content-Range")) != upload->size()) {
        return Say("416 Requested Range Not Satisfiable", "", where + RangeOf(*upload));
      }
      *upload += request.body;
      return Say("202 Accepted", "", where + RangeOf(*upload));
    }
    const std::string digest = oci::DigestOf(*upload);
    if (!request.target.ends_with("&digest=sha256%3A" + digest.substr(7))) {
      return Say("400 Bad Request", R"({"errors":[{"code":"DIGEST_INVALID","message":"no"}]})");
    }
    blobs[digest] = *std::exchange(upload, std::nullopt);
    return Say("201 Created");
  }
  Answer Manifest(const Request& request, const std::string& reference) {
    if (request.method == "PUT") {
      manifests[reference] = manifests[oci::DigestOf(request.body)] = request.body;
      return Say("201 Created", "",
                 "Docker-Content-Digest: " + oci::DigestOf(request.body) + "\r\n");
    }
    const auto found = manifests.find(reference);
    if (found == manifests.end()) {
      return Say("404 Not Found", R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"m"}]})");
    }
    return Say("200 OK", found->second,
               "Content-Type: " + type +
                   "\r\nDocker-Content-Digest: " + oci::DigestOf(found->second) + "\r\n");
  }

  std::mutex mutex_;
  Trouble trouble_;

 public:
  std::string type{oci::kManifestType};  // of manifests
  FakeRegistry http;                     // last: its threads use the others
};

}  // namespace casemate::registry::test
