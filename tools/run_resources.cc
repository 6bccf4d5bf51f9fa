#include "tools/run_resources.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tools/arguments/args.h"
#include "tools/job.h"
#include "tools/output_text.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::string_view kScheme = "casemate://runs/";
constexpr std::int64_t kListedRuns = 50;
constexpr std::uint64_t kReadBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxReadBytes = std::uint64_t{16} << 20;

// A URI of ours, taken apart. `limit` is there if the URI states it.
struct RunUri {
  std::string_view id;
  std::string_view part;  // "stdout", "stderr", "result"
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> limit;
};

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = failed == std::errc() && end == text.data() + text.size();
  return whole && number < (std::uint64_t{1} << 62) ? std::optional(number) : std::nullopt;
}

Error NotFound(std::string_view uri) {
  return Error{ErrorCode::kNotFound, "there is no resource " + Quoted(uri), "uri",
               "output is kept for a while only: list the resources, or run it again", 0};
}

Error BadUri(const std::string& expected, std::string_view got) {
  return Error{ErrorCode::kNotFound, "expected " + expected + ", got " + Quoted(got), "uri",
               "use a URI of resources/list, or casemate://runs/ID/stdout?offset=BYTES&limit=BYTES",
               0};
}

// "offset=N&limit=M", in any order.
Result<void> ParseQuery(std::string_view query, RunUri& uri) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    const std::string_view name = pair.substr(0, equals);
    if (equals == std::string_view::npos || (name != "offset" && name != "limit")) {
      return BadUri("offset=N or limit=N in the query", pair);
    }
    const auto number = ParseNumber(pair.substr(equals + 1));
    if (!number) {
      return BadUri("a number of bytes, 0 or more, as " + std::string(name),
                    pair.substr(equals + 1));
    }
    if (name == "offset") {
      uri.offset = *number;
    } else {
      uri.limit = number;
    }
  }
  return {};
}

Result<RunUri> ParseUri(std::string_view text) {
  if (!text.starts_with(kScheme)) {
    return NotFound(text);
  }
  text.remove_prefix(kScheme.size());
  RunUri uri;
  const std::size_t question = text.find('?');
  const std::string_view path = text.substr(0, question);
  const std::size_t slash = path.find('/');
  uri.id = path.substr(0, slash);
  if (!IsRunId(uri.id)) {
    return BadUri("the id of a run, 26 characters of a-z and 2-7", uri.id);
  }
  uri.part = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  if (!StreamFromName(uri.part) && uri.part != "result") {
    return BadUri("stdout, stderr or result behind the run's id", uri.part);
  }
  if (question == std::string_view::npos) {
    return uri;
  }
  if (uri.part == "result") {
    return BadUri("no query behind result", text.substr(question));
  }
  if (auto parsed = ParseQuery(text.substr(question + 1), uri); !parsed) {
    return std::move(parsed).error();
  }
  return uri;
}

std::string UriOf(std::string_view id, std::string_view part) {
  std::string uri(kScheme);
  return uri.append(id).append("/").append(part);
}

// Bytes at the start that continue a character before it: an offset need not fall between two.
std::size_t TornStart(std::string_view bytes) {
  std::size_t torn = 0;
  while (torn < bytes.size() && torn < 3 &&
         (static_cast<unsigned char>(bytes[torn]) & 0xC0) == 0x80) {
    ++torn;
  }
  return torn;
}

class RunResources : public ResourceProvider {
 public:
  explicit RunResources(const RunStore& runs) : runs_(runs) {}

  [[nodiscard]] bool Owns(std::string_view uri) const override { return uri.starts_with(kScheme); }
  [[nodiscard]] std::vector<ResourceSpec> List(const policies::Principal& principal) const override;
  [[nodiscard]] std::vector<ResourceTemplateSpec> Templates() const override;
  [[nodiscard]] json Facts(std::string_view uri,
                           const policies::Principal& principal) const override;
  [[nodiscard]] Result<ResourceContents> Read(std::string_view uri,
                                              const policies::Principal& principal) const override;
  [[nodiscard]] std::vector<std::string> Complete(
      std::string_view uri_template, std::string_view variable, std::string_view prefix,
      const policies::Principal& principal) const override;

 private:
  [[nodiscard]] Result<ResourceContents> ReadStream(const RunUri& uri, sandbox::Stream stream,
                                                    std::string_view text,
                                                    const std::string& owner) const;

  const RunStore& runs_;
};

std::vector<ResourceSpec> RunResources::List(const policies::Principal& principal) const {
  std::vector<ResourceSpec> specs;
  for (const StoredRun& run : runs_.Newest(OwnerOf(principal), kListedRuns)) {
    const auto add = [&](const char* part, const char* type, std::optional<std::int64_t> size) {
      specs.push_back({UriOf(run.id, part), "run " + run.id + " " + part, {}, {}, type, size});
    };
    if (run.stdout_bytes > 0) {
      add("stdout", "text/plain", run.stdout_bytes);
    }
    if (run.stderr_bytes > 0) {
      add("stderr", "text/plain", run.stderr_bytes);
    }
    add("result", "application/json", std::nullopt);
  }
  return specs;
}

std::vector<ResourceTemplateSpec> RunResources::Templates() const {
  const std::string part =
      ". At most 1 MiB; append ?offset=N&limit=M (bytes, limit up to 16 MiB) for another part.";
  return {{UriOf("{id}", "stdout"), "run_stdout", "Standard output of a run",
           "Everything a run wrote to standard output" + part, "text/plain"},
          {UriOf("{id}", "stderr"), "run_stderr", "Standard error of a run",
           "Everything a run wrote to standard error" + part, "text/plain"},
          {UriOf("{id}", "result"), "run_result", "Result of a run",
           "The structured result of a run whose output is kept.", "application/json"}};
}

json RunResources::Facts(std::string_view uri, const policies::Principal& principal) const {
  json facts = {{"kind", "run"}};
  if (const auto parsed = ParseUri(uri)) {
    if (const auto label = runs_.LabelOf(parsed->id, OwnerOf(principal))) {
      facts["own"] = label->own;
      if (label->untrusted) {
        facts["untrusted"] = true;
      }
    }
  }
  return facts;
}

Result<ResourceContents> RunResources::ReadStream(const RunUri& uri, sandbox::Stream stream,
                                                  std::string_view text,
                                                  const std::string& owner) const {
  const std::uint64_t limit = std::min(uri.limit.value_or(kReadBytes), kMaxReadBytes);
  auto slice = runs_.Read(uri.id, owner, stream, uri.offset, limit);
  if (!slice) {
    return slice.error().code == ErrorCode::kNotFound ? NotFound(text) : slice.error();
  }
  std::string& bytes = slice->bytes;
  const std::uint64_t end = uri.offset + bytes.size();
  const bool more = end < slice->total;
  std::string_view whole = bytes;
  const std::size_t torn = more ? TornTail(whole) : 0;
  whole.remove_suffix(torn);
  whole.remove_prefix(uri.offset > 0 ? TornStart(whole) : 0);
  ResourceContents contents{std::string(text), "text/plain", {}, false};
  if (!IsValidUtf8(whole)) {
    contents.mime_type = "application/octet-stream";
    contents.binary = true;
    contents.bytes = std::move(bytes);
    return contents;
  }
  contents.bytes = whole;
  if (more && !uri.limit) {
    contents.bytes += "\n[… " + std::to_string(slice->total - (end - torn)) + " more bytes: read " +
                      UriOf(uri.id, uri.part) + "?offset=" + std::to_string(end - torn) + " …]\n";
  }
  return contents;
}

Result<ResourceContents> RunResources::Read(std::string_view uri,
                                            const policies::Principal& principal) const {
  const auto parsed = ParseUri(uri);
  if (!parsed) {
    return parsed.error();
  }
  const std::string owner = OwnerOf(principal);
  if (const auto stream = StreamFromName(parsed->part)) {
    return ReadStream(*parsed, *stream, uri, owner);
  }
  auto run = runs_.Find(parsed->id, owner);
  if (!run) {
    return run.error().code == ErrorCode::kNotFound ? NotFound(uri) : run.error();
  }
  return ResourceContents{std::string(uri), "application/json", std::move(run->result), false};
}

std::vector<std::string> RunResources::Complete(std::string_view uri_template,
                                                std::string_view variable, std::string_view prefix,
                                                const policies::Principal& principal) const {
  if (!uri_template.starts_with(kScheme) || variable != "id") {
    return {};
  }
  return runs_.Complete(prefix, OwnerOf(principal));
}

}  // namespace

std::unique_ptr<ResourceProvider> MakeRunResources(const RunStore& runs) {
  return std::make_unique<RunResources>(runs);
}

}  // namespace casemate::tools
