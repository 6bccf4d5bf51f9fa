// Reads the archives that contexts become: ustar and pax, strictly, with their checksums.
// Test-only.
#pragma once

#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "sandbox/container/build/context.h"

namespace casemate::container::test {

struct TarMember {
  std::string path;
  char type = 0;
  std::uint32_t mode = 0;
  std::int64_t mtime_s = 0;
  std::string link_target;
  std::string content;
};

inline std::string Field(std::string_view block, std::size_t at, std::size_t size) {
  const std::string_view field = block.substr(at, size);
  return std::string(field.substr(0, field.find('\0')));
}

inline std::vector<TarMember> ReadTar(std::string_view tar) {
  std::vector<TarMember> members;
  TarMember next;
  std::string pax_path;
  std::string pax_link;
  while (true) {
    REQUIRE(tar.size() >= 1024);
    const std::string_view block = tar.substr(0, 512);
    if (block.find_first_not_of('\0') == std::string_view::npos) {
      CHECK(tar.find_first_not_of('\0') == std::string_view::npos);
      CHECK(tar.size() == 1024);
      return members;
    }
    std::string summed(block);
    summed.replace(148, 8, 8, ' ');
    const int sum = std::accumulate(summed.begin(), summed.end(), 0, [](int before, char c) {
      return before + static_cast<unsigned char>(c);
    });
    REQUIRE(std::stoi(Field(block, 148, 8), nullptr, 8) == sum);
    REQUIRE(Field(block, 257, 6) == "ustar");
    REQUIRE(Field(block, 108, 8) == "0000000");  // uid
    REQUIRE(Field(block, 116, 8) == "0000000");
    const std::size_t size = std::stoull(Field(block, 124, 12), nullptr, 8);
    next.type = block[156];
    next.mode = static_cast<std::uint32_t>(std::stoul(Field(block, 100, 8), nullptr, 8));
    next.mtime_s = std::stoll(Field(block, 136, 12), nullptr, 8);
    next.link_target = Field(block, 157, 100);
    const std::string prefix = Field(block, 345, 155);
    next.path = (prefix.empty() ? "" : prefix + "/") + Field(block, 0, 100);
    tar.remove_prefix(512);
    REQUIRE(tar.size() >= (size + 511) / 512 * 512);
    next.content = tar.substr(0, size);
    tar.remove_prefix((size + 511) / 512 * 512);
    if (next.type == 'x') {
      std::string_view records = next.content;
      while (!records.empty()) {
        const std::size_t length = std::stoull(std::string(records.substr(0, records.find(' '))));
        REQUIRE(length <= records.size());
        REQUIRE(records[length - 1] == '\n');
        std::string_view record = records.substr(records.find(' ') + 1);
        record = record.substr(0, length - 1 - (records.find(' ') + 1));
        records.remove_prefix(length);
        const std::size_t equals = record.find('=');
        (record.substr(0, equals) == "path" ? pax_path : pax_link) = record.substr(equals + 1);
      }
      continue;
    }
    next.path = pax_path.empty() ? next.path : pax_path;
    next.link_target = pax_link.empty() ? next.link_target : pax_link;
    pax_path.clear();
    pax_link.clear();
    members.push_back(next);
  }
}

inline Result<std::string> SendAll(const BuildContext& context,
                                   ContextReader reader = ContextReader::kDocker) {
  ContextStream stream(context, reader);
  std::string tar;
  std::string chunk;
  do {
    if (auto sent = stream.Next(chunk); !sent) {
      return std::move(sent).error();
    }
    tar += chunk;
  } while (!chunk.empty());
  CHECK(stream.sent_bytes() == static_cast<std::int64_t>(tar.size()));
  return tar;
}

inline std::vector<std::string> PathsOf(const std::vector<TarMember>& members) {
  std::vector<std::string> paths;
  for (const TarMember& member : members) {
    paths.push_back(member.path);
  }
  return paths;
}

}  // namespace casemate::container::test
