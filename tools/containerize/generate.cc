#include "tools/containerize/generate.h"

#include <algorithm>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tools/analysis/names.h"
#include "tools/containerize/command_form.h"
#include "tools/containerize/ignore_file.h"
#include "tools/containerize/recipe.h"

namespace casemate::containerize {

namespace {

using analysis::App;
using analysis::JoinPath;
using nlohmann::json;

constexpr std::size_t kCommentWidth = 98;

std::string Shown(const std::string& directory) {
  return directory.empty() ? "." : directory;
}

// Where its Dockerfile goes: beside it, under a name of its own where several lie together.
std::string PathOf(const analysis::Analysis& analysis, const App& app) {
  const auto here =
      std::count_if(analysis.apps.begin(), analysis.apps.end(),
                    [&](const App& other) { return other.directory == app.directory; });
  return JoinPath(app.directory, here > 1 ? "Dockerfile." + app.name.value : "Dockerfile");
}

Result<const App*> ChooseApp(const analysis::Analysis& analysis, const std::string& wanted) {
  if (analysis.apps.empty()) {
    std::string reason = "nothing here says how it is built or started";
    for (const std::string& note : analysis.notes) {
      reason += "; " + note;
    }
    return Error{ErrorCode::kNotFound, reason, "workspace",
                 "add a Procfile with a line `web: COMMAND`", 0};
  }
  std::vector<const App*> fitting;
  std::string all;
  const auto plain =
      wanted == "." ? std::optional<std::string>("") : analysis::ResolvePath("", wanted);
  for (const App& app : analysis.apps) {
    const bool is_it = wanted.empty() || plain == app.directory || wanted == app.name.value ||
                       plain == JoinPath(app.directory, app.name.value);
    if (is_it) {
      fitting.push_back(&app);
    }
    all += (all.empty() ? "" : ", ") + Shown(app.directory) + " (" + app.name.value + ")";
  }
  if (fitting.size() == 1) {
    return fitting.front();
  }
  if (fitting.empty()) {
    return InvalidArgument("app", "expected the directory or the name of an application, one of " +
                                      all + "; got " + Quoted(wanted));
  }
  return InvalidArgument(
      "app",
      "expected one application to be chosen by its directory or name, as there are several: " +
          all + (wanted.empty() ? "" : "; got " + Quoted(wanted)));
}

// Sentences as comment lines of some length.
std::string Comment(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  std::string comment;
  std::string line;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!line.empty() && line.size() + 1 + word.size() > kCommentWidth) {
      comment += "# " + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  return line.empty() ? comment : comment + "# " + line + "\n";
}

bool HasControls(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

// What comes from a project's files must not begin an instruction of its own; `<<` is where newer
// builders take what follows for a text, up to a word that the project could name.
bool IsOneInstruction(const std::string& text) {
  const bool takes_text = text.starts_with("RUN ") || text.starts_with("COPY ");
  if (takes_text && text.find("<<") != std::string::npos) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\n' && (i == 0 || text[i - 1] != '\\')) {
      return false;
    }
    if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F) {
      return false;
    }
  }
  return !text.ends_with('\\');
}

class Writer {
 public:
  Writer(const Project& project, Recipe recipe, const GenerateOptions& options,
         Generated& generated)
      : project_(project), recipe_(std::move(recipe)), options_(options), generated_(generated) {}

  Result<void> Write();

 private:
  std::string Reference(const std::string& image);
  void AddStart(Stage& last);
  void AddHealth(Stage& last);
  Result<void> WriteStage(const Stage& stage);
  void Why(const std::string& text);

  const Project& project_;
  Recipe recipe_;
  const GenerateOptions& options_;
  Generated& generated_;
  std::map<std::string, std::string> references_;
};

void Writer::Why(const std::string& text) {
  if (options_.explain && !text.empty()) {
    generated_.dockerfile += Comment(text);
  }
}

std::string Writer::Reference(const std::string& image) {
  for (const Stage& stage : recipe_.stages) {
    if (stage.name() == image) {
      return image;
    }
  }
  if (const auto found = references_.find(image); found != references_.end()) {
    return found->second;
  }
  BaseImage base{image, options_.base_map.Apply(image), {}};
  if (const auto digest = options_.digests ? options_.digests(base.reference) : std::nullopt) {
    base.digest = *digest;
    base.reference += "@" + *digest;
  }
  references_[image] = base.reference;
  generated_.images.push_back(base);
  return base.reference;
}

void Writer::AddHealth(Stage& last) {
  const App& app = project_.app();
  const bool asks_path = recipe_.probes_path && app.health;
  const std::string command =
      recipe_.port.number.empty()
          ? ""
          : ProbeCommand({recipe_.probe, recipe_.port.number, recipe_.port.reads_port,
                          asks_path ? app.health->value : ""});
  if (command.empty()) {
    last.Add("HEALTHCHECK NONE",
             "It listens on no port: that it runs is all that can be seen from outside.");
    return;
  }
  generated_.has_healthcheck = true;
  // More retries instead of a start period: dockerfilelint takes --start-period for a mistake.
  last.Add("HEALTHCHECK --interval=30s --timeout=5s --retries=" + std::to_string(recipe_.retries) +
               " \\\n    CMD " + command,
           asks_path
               ? "The endpoint that the application has for this: " + app.health->source.file + "."
               : "There is no endpoint for this: that it takes connections must do.");
}

void Writer::AddStart(Stage& last) {
  last.Add("USER " + generated_.user,
           "A number, so that orchestrators can see that it is not root; it owns nothing of the "
           "program.");
  if (!recipe_.port.number.empty()) {
    last.Add("EXPOSE " + recipe_.port.number, "");
  }
  if (!recipe_.stop_signal.empty()) {
    last.Add("STOPSIGNAL " + recipe_.stop_signal,
             "The signal on which this server ends what it has begun.");
  }
  AddHealth(last);
  if (!recipe_.arguments.empty()) {
    generated_.command = JsonWords(recipe_.arguments);
    // What the image starts with otherwise is of no use here.
    last.Add("ENTRYPOINT []");
  } else {
    generated_.command = ExecForm(recipe_.command);
    if (!recipe_.entrypoint.empty()) {
      last.Add("ENTRYPOINT " + JsonWords(recipe_.entrypoint),
               "It passes signals on to the program.");
    }
  }
  last.Add("CMD " + generated_.command,
           "No shell between the engine and the program: signals arrive.");
}

Result<void> Writer::WriteStage(const Stage& stage) {
  std::string& text = generated_.dockerfile;
  text += "\n";
  Why(stage.why());
  text += "FROM " + Reference(stage.image()) + (stage.name().empty() ? "" : " AS " + stage.name()) +
          "\n";
  for (const Instruction& instruction : stage.instructions()) {
    if (!IsOneInstruction(instruction.text) || !IsValidUtf8(instruction.text)) {
      return Error{ErrorCode::kInvalidArgument,
                   "a file or a command of the project holds line breaks, `<<` or other characters "
                   "that cannot stand in a Dockerfile",
                   "workspace",
                   {},
                   0};
    }
    Why(instruction.why);
    text += instruction.ignored.empty() ? "" : "# hadolint ignore=" + instruction.ignored + "\n";
    text += instruction.text + "\n";
  }
  return {};
}

Result<void> Writer::Write() {
  generated_.user = recipe_.user;
  AddStart(recipe_.stages.back());
  const std::string context = Shown(generated_.context);
  generated_.dockerfile = "# " + generated_.app + ": docker build -t " + generated_.app + " -f " +
                          generated_.dockerfile_path + " " + context + "\n";
  for (const Stage& stage : recipe_.stages) {
    if (auto written = WriteStage(stage); !written) {
      return written;
    }
  }
  if (HasControls(generated_.dockerfile_path) || HasControls(context)) {
    return Error{ErrorCode::kInvalidArgument,
                 "the directory of the application has control characters in its name",
                 "workspace",
                 {},
                 0};
  }
  std::erase_if(recipe_.ignored, HasControls);
  generated_.port = recipe_.port.number;
  generated_.ignore = IgnoreFile(project_, recipe_);
  generated_.notes.insert(generated_.notes.end(), recipe_.notes.begin(), recipe_.notes.end());
  for (const BaseImage& image : generated_.images) {
    if (options_.digests && image.digest.empty()) {
      generated_.notes.push_back(
          image.name + " is named by its tag only: no engine or registry told its digest");
    }
  }
  return {};
}

}  // namespace

Result<Generated> GenerateDockerfile(const analysis::SourceTree& tree,
                                     const analysis::Analysis& analysis,
                                     const GenerateOptions& options) {
  const auto chosen = ChooseApp(analysis, options.app);
  if (!chosen) {
    return chosen.error();
  }
  const App& app = **chosen;
  const LanguageRecipe* language = RecipeOf(app);
  if (language == nullptr) {
    return Error{
        ErrorCode::kUnavailable, "there is no recipe for " + app.language.value, "app", {}, 0};
  }
  if (!app.run && app.kind != analysis::AppKind::kStaticSite) {
    return Error{ErrorCode::kNotFound, "nothing says how " + app.name.value + " is started", "app",
                 "add a Procfile with a line `web: COMMAND`", 0};
  }
  const Project project(tree, app);
  Recipe recipe = language->make(project);
  if (!recipe.problem.empty()) {
    return Error{ErrorCode::kUnavailable, recipe.problem, "app", {}, 0};
  }
  Generated generated;
  generated.app = app.name.value;
  generated.directory = app.directory;
  generated.context = app.workspace;
  generated.language = app.language.value;
  generated.dockerfile_path = PathOf(analysis, app);
  generated.ignore_path = JoinPath(app.workspace, ".dockerignore");
  if (!app.run || app.run->confidence == analysis::Confidence::kGuess) {
    const bool is_ours = app.kind == analysis::AppKind::kStaticSite ||
                         (app.run && app.run->value == "apache2-foreground");
    if (!is_ours) {
      generated.notes.emplace_back("how it is started is a guess: " +
                                   (app.run ? app.run->value : ""));
    }
  }
  for (const analysis::EnvironmentVariable& variable : app.environment) {
    if (variable.is_required && variable.name != "PORT") {
      generated.notes.push_back("it needs " + variable.name + " when it is started (" +
                                variable.source.file + ")");
    }
  }
  if (auto written = Writer(project, std::move(recipe), options, generated).Write(); !written) {
    return written.error();
  }
  return generated;
}

json GeneratedJson(const Generated& generated) {
  json images = json::array();
  for (const BaseImage& image : generated.images) {
    images.push_back({{"name", image.name},
                      {"reference", image.reference},
                      {"digest", image.digest.empty() ? json() : json(image.digest)}});
  }
  json notes = json::array();
  for (const std::string& note : generated.notes) {
    notes.push_back(ToValidUtf8(note));
  }
  return {{"app", generated.app},
          {"directory", ToValidUtf8(Shown(generated.directory))},
          {"context", ToValidUtf8(Shown(generated.context))},
          {"language", generated.language},
          {"dockerfile_path", ToValidUtf8(generated.dockerfile_path)},
          {"dockerfile", ToValidUtf8(generated.dockerfile)},
          {"ignore_path", ToValidUtf8(generated.ignore_path)},
          {"ignore", ToValidUtf8(generated.ignore)},
          {"images", std::move(images)},
          {"user", generated.user},
          {"port", generated.port.empty() ? json() : json(std::stoi(generated.port))},
          {"command", json::parse(generated.command, nullptr, false)},
          {"healthcheck", generated.has_healthcheck},
          {"notes", std::move(notes)}};
}

json GeneratedSchema() {
  const json text = {{"type", "string"}};
  const json texts = {{"type", "array"}, {"items", text}};
  const json image = {
      {"type", "object"},
      {"properties",
       {{"name", text}, {"reference", text}, {"digest", {{"type", {"string", "null"}}}}}},
      {"required", {"name", "reference", "digest"}}};
  return {{"type", "object"},
          {"properties",
           {{"app", text},
            {"directory", text},
            {"context", text},
            {"language", text},
            {"dockerfile_path", text},
            {"dockerfile", text},
            {"ignore_path", text},
            {"ignore", text},
            {"images", {{"type", "array"}, {"items", image}}},
            {"user", text},
            {"port", {{"type", {"integer", "null"}}}},
            {"command", texts},
            {"healthcheck", {{"type", "boolean"}}},
            {"notes", texts}}},
          {"required",
           {"app", "directory", "context", "dockerfile_path", "dockerfile", "ignore_path", "ignore",
            "images", "user", "port", "command", "healthcheck", "notes"}}};
}

}  // namespace casemate::containerize
