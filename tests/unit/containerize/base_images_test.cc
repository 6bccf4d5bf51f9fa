#include "tools/containerize/base_images.h"

#include <tuple>

#include <catch2/catch.hpp>

namespace casemate::containerize {

TEST_CASE("names of images are completed as Docker completes them") {
  CHECK(FullReference("node:20") == "docker.io/library/node:20");
  CHECK(FullReference("oven/bun:1") == "docker.io/oven/bun:1");
  CHECK(FullReference("ghcr.io/a/b:1") == "ghcr.io/a/b:1");
  CHECK(FullReference("localhost:5000/a") == "localhost:5000/a");
}

TEST_CASE("a base map replaces the longest beginning that ends where a part of the name ends") {
  const auto map = BaseMap::Parse({"node=mirror.example.com/js/node", "docker.io/=hub.example.com/",
                                   "golang:1.22-bookworm=own.example.com/go:1.22",
                                   "mcr.microsoft.com/dotnet=ms.example.com/net"});
  REQUIRE(map);
  const auto [name, wanted] = GENERATE(table<const char*, const char*>({
      {"node:20-bookworm", "mirror.example.com/js/node:20-bookworm"},
      {"nodejs:20", "hub.example.com/library/nodejs:20"},
      {"python:3.12", "hub.example.com/library/python:3.12"},
      {"oven/bun:1", "hub.example.com/oven/bun:1"},
      {"golang:1.22-bookworm", "own.example.com/go:1.22"},
      {"golang:1.23-bookworm", "hub.example.com/library/golang:1.23-bookworm"},
      {"mcr.microsoft.com/dotnet/sdk:8.0", "ms.example.com/net/sdk:8.0"},
      {"ghcr.io/a/b:1", "ghcr.io/a/b:1"},
  }));
  CHECK(map->Apply(name) == wanted);
  CHECK(BaseMap().Apply(name) == name);
}

TEST_CASE("what cannot be the name of an image is refused") {
  const auto* entry = GENERATE("", "node", "=x", "node=", "node=a b", "node=x\nRUN evil",
                               "node=../x", "node=x//y", "node=$(id)");
  CAPTURE(entry);
  const auto map = BaseMap::Parse({entry});
  REQUIRE_FALSE(map);
  CHECK(map.error().code == ErrorCode::kInvalidArgument);
  CHECK(map.error().field == "base_map");
}

TEST_CASE("exact versions older than bookworm are taken on bullseye") {
  CHECK(DebianOf("node", "20") == "bookworm");
  CHECK(DebianOf("node", "20.2.0") == "bullseye");
  CHECK(DebianOf("node", "20.11.1") == "bookworm");
  CHECK(DebianOf("node", "14") == "bullseye");
  CHECK(DebianOf("python", "3.11.2") == "bullseye");
  CHECK(DebianOf("python", "3.11") == "bookworm");
  CHECK(DebianOf("php", "7.4") == "bullseye");
  CHECK(DebianOf("rust", "1.63.0") == "bullseye");
  CHECK(DebianOf("golang", "1.22") == "bookworm");
}

}  // namespace casemate::containerize
