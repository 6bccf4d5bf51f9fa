// One stage of a Dockerfile as it is put together: instructions in order, each with the reason for
// it. Only what BuildKit of Docker 20.10 and Buildah 1.28 both build is written: no heredocs, no
// `# syntax=`, no COPY --link. Plain values; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace casemate::containerize {

struct Instruction {
  std::string text;  // may span lines
  std::string why;   // a sentence or two; empty: needs none
  // A rule of the linter that does not hold here, which a comment says.
  std::string ignored;
};

// The initialisers let g++ 12 accept designated initialisers that name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct CopyOptions {
  std::string stage{};  // or image that it is copied from; empty: the build's context
  std::string owner{};  // "10001:10001"; empty: root, which the application cannot write to
};
// NOLINTEND(readability-redundant-member-init)

class Stage {
 public:
  Stage() = default;
  // `image`: as its registry names it ("node:20-bookworm-slim"), or an earlier stage.
  Stage(std::string image, std::string name, std::string why);

  [[nodiscard]] const std::string& image() const { return image_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& why() const { return why_; }
  [[nodiscard]] const std::vector<Instruction>& instructions() const { return instructions_; }

  // Once more only when it differs from the one before.
  void WorkDir(const std::string& path);
  void Env(const std::vector<std::pair<std::string, std::string>>& variables,
           std::string_view why = {});
  // `caches`: directories that builds share and no layer keeps; with ",sharing=locked" for what
  // does not bear another one's company. Joined with the RUN right before it when that has the
  // same.
  void Run(std::string_view command, std::string_view why = {},
           const std::vector<std::string>& caches = {},
           const std::vector<std::string>& mounts = {});
  // `from` as the context or the other stage names them; `to` ends with a slash when it is a
  // directory.
  void Copy(const std::vector<std::string>& from, const std::string& to, std::string_view why = {},
            const CopyOptions& options = {});
  // Debian packages; none is no instruction.
  void Packages(std::vector<std::string> names, std::string_view why);
  void Add(std::string text, std::string_view why = {});
  // The last instruction is right although the linter's rule says otherwise.
  void Ignore(std::string rule);

 private:
  std::string image_;
  std::string name_;
  std::string why_;
  std::string work_dir_;
  std::string last_mounts_;  // of the last instruction, if that is a RUN
  bool ends_with_run_ = false;
  std::vector<Instruction> instructions_;
};

// ["a","b c"], as exec forms are written.
std::string JsonWords(const std::vector<std::string>& words);

}  // namespace casemate::containerize
