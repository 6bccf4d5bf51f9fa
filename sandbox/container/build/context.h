// BuildContext: the files that a build is given, found below one directory and bounded before a
// byte of them is sent. Names are resolved below that directory only and never through symbolic
// links, which are sent as what they are: nothing outside reaches the engine, however the tree
// changes meanwhile. Sockets, pipes and devices are left out and counted. Owned by one call; what
// it lends is read by one thread at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/container/oci/tar_header.h"

namespace casemate::container {

struct ContextLimits {
  std::int64_t max_bytes = std::int64_t{1} << 30;  // of the content of files
  std::size_t max_files = 250'000;                 // entries of any kind
  int max_depth = 128;                             // directories in each other
};

// A file that is not in the directory, or stands in for the one there: a Dockerfile that was made.
struct AddedFile {
  std::string name;  // in the root of the context
  std::string content;
};

// The initialisers let g++ 12 accept designated initialisers that name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct ContextOptions {
  std::string dockerfile = "Dockerfile";  // in the context
  ContextLimits limits{};
  std::vector<AddedFile> added{};
  std::optional<std::int64_t> mtime_s{};  // of all entries; nullopt: their own, in whole seconds
};
// NOLINTEND(readability-redundant-member-init)

struct SizedPath {
  std::string path;
  std::int64_t bytes = 0;
  std::size_t entries = 1;  // with all that it holds
};

struct ContextSummary {
  std::int64_t bytes = 0;
  std::size_t files = 0;
  std::size_t directories = 0;
  std::size_t links = 0;
  std::size_t excluded = 0;  // entries that rules kept out; what lies in them not counted
  std::size_t skipped = 0;   // sockets, pipes and devices
  std::vector<std::string> skipped_few;  // the first of them
  std::string ignore_file;               // whose rules hold; empty: there is none
  // Of what the rules exclude, what is sent for the builder to read: the Dockerfile, .dockerignore.
  std::vector<std::string> sent_for_builder;
  std::vector<SizedPath> largest_files;  // largest first
  std::vector<SizedPath> largest_tops;   // entries of the root with all that they hold, likewise
};

class BuildContext {
 public:
  // `directory` is lent for the call, O_PATH is enough. The rules are those of
  // "DOCKERFILE.dockerignore" if there is one, else of ".dockerignore".
  // Errors: kInvalidArgument for paths and rules that cannot be, kNotFound without a Dockerfile,
  // kPermissionDenied for what cannot be read, kResourceExhausted beyond a limit, naming the
  // largest; kCancelled.
  static Result<BuildContext> Scan(int directory, const ContextOptions& options,
                                   const std::stop_token& stop);

  [[nodiscard]] const ContextSummary& summary() const { return summary_; }
  [[nodiscard]] const std::string& dockerfile() const { return dockerfile_; }  // clean
  // Read once: what was judged is what is sent, whatever becomes of the file.
  [[nodiscard]] const std::string& dockerfile_text() const { return dockerfile_text_; }

 private:
  friend class ContextScanner;
  friend class ContextStream;
  struct Entry {
    std::string path;
    mode_t mode = 0;  // kind and permissions
    std::int64_t mtime_s = 0;
  };
  BuildContext() = default;

  UniqueFd root_;
  std::string dockerfile_;
  std::string dockerfile_text_;
  std::string ignore_text_;  // of the file whose rules hold
  std::int64_t max_bytes_ = 0;
  std::vector<Entry> entries_;  // directories before what they hold, names in byte order
  std::vector<AddedFile> added_;
  std::optional<std::int64_t> mtime_s_;
  ContextSummary summary_;
};

// Who unpacks it. Podman reads ignore files once more, so those in the root are sent with the text
// whose rules hold; and it refuses links that lead out of the context, so they are named here.
enum class ContextReader { kDocker, kPodman };

// One tar archive of a context, in pieces: what EngineRequest::body_source asks for. The same files
// give the same bytes. Each may be sent again by another stream.
class ContextStream {
 public:
  // `context` must stay as long as this.
  explicit ContextStream(const BuildContext& context, ContextReader reader = ContextReader::kDocker)
      : context_(context), reader_(reader) {}

  // Puts the next piece, of at most some 256 KiB, into `chunk`; nothing when the archive is whole.
  // Errors: kInvalidArgument when a file has gone, shrunk or become something else since the scan,
  // and for a link that the reader would refuse;
  // kResourceExhausted when files have grown beyond the limit; kPermissionDenied.
  Result<void> Next(std::string& chunk);
  [[nodiscard]] std::int64_t sent_bytes() const { return sent_; }

 private:
  Result<void> AppendEntry(const BuildContext::Entry& entry, std::string& chunk);
  Result<void> AppendContent(std::string& chunk);
  // An entry whose content is known; nullopt: it is in the directory.
  [[nodiscard]] std::optional<std::string_view> KnownText(std::string_view path) const;
  void AppendText(oci::TarEntry header, std::string_view text, std::string& chunk) const;

  const BuildContext& context_;
  const ContextReader reader_;
  std::size_t next_ = 0;
  std::size_t next_added_ = 0;
  UniqueFd file_;          // that is being sent
  std::int64_t left_ = 0;  // of it
  std::int64_t size_ = 0;
  std::int64_t content_ = 0;  // bytes of files so far
  std::int64_t sent_ = 0;
  bool ended_ = false;
};

}  // namespace casemate::container
