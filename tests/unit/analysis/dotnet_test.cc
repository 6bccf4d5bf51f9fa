#include "tests/unit/analysis/project_files.h"

namespace casemate::analysis {

using test::ProjectFiles;
using test::ValueOf;

TEST_CASE("a web project of .NET takes its target from above, and its packages from beside it") {
  const App app =
      ProjectFiles{{"Directory.Build.props",
                    "<Project><PropertyGroup><TargetFramework>net8.0</TargetFramework>"
                    "</PropertyGroup></Project>"},
                   {"src/Web/Web.csproj",
                    "<Project Sdk=\"Microsoft.NET.Sdk.Web\"><ItemGroup>"
                    "<ProjectReference Include=\"..\\Data\\Data.csproj\" /></ItemGroup></Project>"},
                   {"src/Data/Data.csproj",
                    "<Project Sdk=\"Microsoft.NET.Sdk\"><ItemGroup>"
                    "<PackageReference Include=\"Npgsql\" Version=\"8.0.2\" />"
                    "<ProjectReference Include=\"../Web/Web.csproj\" /></ItemGroup></Project>"}}
          .OneApp();
  CHECK(app.directory == "src/Web");
  CHECK(ValueOf(app.version) == "8.0");
  CHECK(ValueOf(app.framework) == "aspnetcore");
  CHECK(app.services.front().value == "postgres");
  CHECK(app.ports.front().value == "8080");
  CHECK(ValueOf(app.run) == "dotnet out/Web.dll");
}

TEST_CASE("tests, libraries and what runs on Windows only are no applications of .NET") {
  const auto project = [](const std::string& properties, const std::string& items) {
    return "<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup>" + properties +
           "</PropertyGroup><ItemGroup>" + items + "</ItemGroup></Project>";
  };
  const std::string exe = "<OutputType>Exe</OutputType><TargetFramework>net8.0</TargetFramework>";
  const Analysis analysis = ProjectFiles{
      {"a/A.csproj", project("<TargetFramework>net8.0</TargetFramework>", "")},
      {"b/B.csproj", project(exe, "<PackageReference Include=\"xunit\" Version=\"2\" />")},
      {"c/C.csproj", project(exe + "<UseWPF>true</UseWPF>", "")},
      {"d/D.csproj",
       "<Project ToolsVersion=\"15.0\"><PropertyGroup><OutputType>Exe</OutputType>"
       "<TargetFrameworkVersion>v4.8</TargetFrameworkVersion></PropertyGroup></Project>"},
      {"e/E.csproj",
       project(exe, "")}}.Analyse();
  REQUIRE(analysis.apps.size() == 1);
  CHECK(analysis.apps[0].directory == "e");
  CHECK(analysis.libraries.size() == 4);
}

}  // namespace casemate::analysis
