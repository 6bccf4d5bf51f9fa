#include "tools/project_excerpt.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tools/analysis/analysis_json.h"
#include "tools/reply_budget.h"

namespace casemate::tools {

namespace {

using analysis::Analysis;
using analysis::App;
using nlohmann::json;

// Of applications in full. What they are in brief, and what is said of the project as a whole,
// comes on top of that.
constexpr std::size_t kTextBytes = 10'000;
constexpr std::size_t kJsonBytes = 32'000;
// Of applications in brief.
constexpr std::size_t kBriefTextBytes = 4'000;
constexpr std::size_t kBriefJsonBytes = 16'000;
// Of the project as a whole.
constexpr std::size_t kRestTextBytes = 4'000;
constexpr std::size_t kRestJsonBytes = 16'000;
constexpr std::size_t kMaxListed = 30;  // libraries, compose services, Dockerfiles, notes each

std::string PathOf(const App& app) {
  return app.directory.empty() ? "." : app.directory;
}

// What there is to say of an application before somebody asks for it.
json BriefOf(const App& app) {
  json brief = {{"path", app.directory},
                {"name", analysis::FindingJson(app.name)},
                {"language", analysis::FindingJson(app.language)},
                {"kind", analysis::ToString(app.kind)}};
  if (app.framework) {
    brief["framework"] = analysis::FindingJson(*app.framework);
  }
  for (const char* name : {"name", "language", "framework"}) {
    if (brief.contains(name)) {
      brief[name].erase("alternatives");
    }
  }
  return brief;
}

std::string BriefLine(const App& app) {
  const std::string line = PathOf(app) + ": " + app.name.value + ", a " +
                           std::string(analysis::ToString(app.kind)) + " (" + app.language.value +
                           (app.framework ? ", " + app.framework->value : "") + ")";
  return EscapeControls(ToValidUtf8(line), /*keep_newlines=*/false) + "\n";
}

template <typename T>
void CutList(std::vector<T>& list, const char* name, std::vector<std::string>& cuts) {
  if (list.size() > kMaxListed) {
    cuts.push_back("`" + std::string(name) + "`: " + std::to_string(kMaxListed) + " of " +
                   std::to_string(list.size()));
    list.resize(kMaxListed);
  }
}

// Applications in full until one does not fit, then in brief, then only counted.
class AppList {
 public:
  void Add(App app) {
    Analysis one;
    one.apps.push_back(std::move(app));
    if (is_full_ || !AddWhole(one)) {
      is_full_ = true;
      AddBrief(one.apps.front());
    }
  }
  [[nodiscard]] json Take() { return std::move(apps_); }
  [[nodiscard]] std::string Text() const;
  [[nodiscard]] std::vector<std::string> Notes() const;

 private:
  bool AddWhole(const Analysis& one);
  void AddBrief(const App& app);

  json apps_ = json::array();
  std::string text_;
  std::string brief_text_;
  std::size_t json_bytes_ = 0;
  std::size_t brief_json_bytes_ = 0;
  std::size_t brief_ = 0;
  std::size_t left_out_ = 0;
  std::string first_brief_;  // path of an application to ask for
  std::vector<std::string> cuts_;
  bool is_full_ = false;
};

bool AppList::AddWhole(const Analysis& one) {
  const bool is_first = apps_.empty();
  std::vector<std::string> cuts;
  json whole =
      Fitted(analysis::AnalysisJson(one)["apps"][0], is_first ? kJsonBytes : kJsonBytes / 2, cuts);
  const std::string lines =
      FittedLines(analysis::AnalysisText(one), is_first ? kTextBytes : std::string::npos);
  const std::size_t bytes = SizeOf(whole);
  if (!is_first && (text_.size() + lines.size() > kTextBytes || json_bytes_ + bytes > kJsonBytes)) {
    return false;
  }
  for (const std::string& cut : cuts) {
    cuts_.push_back(PathOf(one.apps.front()) + ": " + cut);
  }
  text_ += (text_.empty() ? "" : "\n") + lines;
  json_bytes_ += bytes;
  apps_.push_back(std::move(whole));
  return true;
}

void AppList::AddBrief(const App& app) {
  std::vector<std::string> cuts;
  json brief = Fitted(BriefOf(app), kBriefJsonBytes / 8, cuts);
  const std::string line = FittedLines(BriefLine(app), kBriefTextBytes);
  const std::size_t bytes = SizeOf(brief);
  if (first_brief_.empty()) {
    first_brief_ = PathOf(app);
  }
  if (left_out_ > 0 || brief_text_.size() + line.size() > kBriefTextBytes ||
      brief_json_bytes_ + bytes > kBriefJsonBytes) {
    ++left_out_;
    return;
  }
  ++brief_;
  brief_text_ += line;
  brief_json_bytes_ += bytes;
  apps_.push_back(std::move(brief));
}

std::string AppList::Text() const {
  return text_ + (brief_text_.empty() ? "" : "\nin brief:\n" + brief_text_);
}

std::vector<std::string> AppList::Notes() const {
  std::vector<std::string> notes;
  if (brief_ + left_out_ > 0) {
    notes.push_back(std::to_string(brief_) + " applications are shown in brief" +
                    (left_out_ > 0 ? ", " + std::to_string(left_out_) + " are left out" : "") +
                    ": call again with `app`, such as " + Quoted(first_brief_) +
                    ", for all that is known of one");
  }
  notes.insert(notes.end(), cuts_.begin(), cuts_.end());
  return notes;
}

}  // namespace

bool KeepApp(Analysis& analysis, const std::string& path) {
  const auto is_there = [&](const App& app) { return PathOf(app) == path; };
  if (std::ranges::none_of(analysis.apps, is_there)) {
    return false;
  }
  std::erase_if(analysis.apps, std::not_fn(is_there));
  return true;
}

void PutExcerpt(Analysis analysis, ToolResult& result) {
  const std::size_t total = analysis.apps.size();
  AppList list;
  for (App& app : std::exchange(analysis.apps, {})) {
    list.Add(std::move(app));
  }
  std::vector<std::string> notes = list.Notes();
  CutList(analysis.libraries, "libraries", notes);
  CutList(analysis.compose, "compose", notes);
  CutList(analysis.dockerfiles, "dockerfiles", notes);
  CutList(analysis.notes, "notes", notes);
  result.text = list.Text() + (notes.empty() ? "" : "\n");
  for (const std::string& note : notes) {
    result.text += "note: " + note + "\n";
  }
  const std::string rest = FittedLines(analysis::AnalysisText(analysis), kRestTextBytes);
  result.text += (rest.empty() || rest.starts_with('\n') ? "" : "\n") + rest;
  // Ours first: they say how to get at what is missing.
  analysis.notes.insert(analysis.notes.begin(), notes.begin(), notes.end());
  std::vector<std::string> cuts;  // none beyond those: the lists are short by now
  result.structured = Fitted(analysis::AnalysisJson(analysis), kRestJsonBytes, cuts);
  result.structured["apps"] = list.Take();
  result.structured["total_apps"] = total;
}

}  // namespace casemate::tools
