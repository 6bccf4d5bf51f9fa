#include <catch2/catch.hpp>

#include "mcp/http/request_reader.h"

namespace casemate::http {
namespace {

struct Outcome {
  RequestReader::Status status = RequestReader::Status::kNeedMore;
  int refusal = 0;
  Request request;
  std::string rest;
  bool keep_alive = false;
};

// Feeds `bytes` in pieces of `step`.
Outcome Read(std::string_view bytes, std::size_t step, const Limits& limits = {}) {
  RequestReader reader(limits);
  Outcome outcome;
  std::string kept;
  while (outcome.status == RequestReader::Status::kNeedMore && !bytes.empty()) {
    kept += bytes.substr(0, step);
    bytes.remove_prefix(std::min(step, bytes.size()));
    std::size_t used = 0;
    outcome.status = reader.Consume(kept, used);
    REQUIRE(used <= kept.size());
    kept.erase(0, used);
  }
  outcome.refusal = reader.refusal_status();
  if (outcome.status == RequestReader::Status::kComplete) {
    outcome.keep_alive = reader.form().keep_alive;
    outcome.request = std::move(reader.request());
  }
  outcome.rest = kept + std::string(bytes);
  return outcome;
}

const std::string kHead = "POST /mcp HTTP/1.1\r\nHost: h\r\n";

TEST_CASE("a request is the same in one piece and byte by byte") {
  const std::string sized = kHead + "X-A: b c\r\nContent-Length: 5\r\n\r\nhelloGET";
  const std::string chunked =
      kHead + "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: v\r\n\r\nGET";
  for (const std::size_t step : {1, 2, 3, 5, 7, 1000}) {
    for (const std::string& bytes : {sized, chunked}) {
      const Outcome outcome = Read(bytes, step);
      REQUIRE(outcome.status == RequestReader::Status::kComplete);
      CHECK(outcome.request.method == "POST");
      CHECK(outcome.request.target == "/mcp");
      CHECK(outcome.request.body == "hello");
      CHECK(outcome.rest == "GET");
      CHECK(outcome.keep_alive);
    }
  }
  CHECK(FindHeader(Read(sized, 1).request.headers, "x-a").value == "b c");
  CHECK_FALSE(FindHeader(Read(chunked, 1).request.headers, "T").value);  // a trailer
}

TEST_CASE("an empty chunked body dribbles in") {
  for (const std::size_t step : {1, 2, 3, 4}) {
    const Outcome outcome = Read(kHead + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", step);
    CHECK(outcome.status == RequestReader::Status::kComplete);
    CHECK(outcome.request.body.empty());
    CHECK(outcome.rest.empty());
  }
}

TEST_CASE("what surrounds the chunks has the same limits in one piece and byte by byte") {
  Limits limits;
  limits.max_header_bytes = 200;
  limits.max_headers = 3;
  const std::string head = kHead + "Transfer-Encoding: chunked\r\n\r\n";
  const std::string end = "0\r\n\r\n";
  const std::string x(200, 'x');
  const auto status = [&](const std::string& body) {
    const Outcome whole = Read(head + body, 1 << 20, limits);
    const Outcome dribbled = Read(head + body, 1, limits);
    CHECK(whole.status == dribbled.status);
    CHECK(whole.refusal == dribbled.refusal);
    return whole.refusal;
  };
  CHECK(status("1;a=" + x + "\r\nb\r\n" + end) == 431);
  CHECK(status("1;a=b\r\nb\r\n1;a=" + x + "\r\nb\r\n" + end) == 431);
  CHECK(status("0;a=" + x + "\r\n\r\n") == 431);
  CHECK(status("0\r\nT: " + x + "\r\n\r\n") == 431);
  CHECK(status("0\r\nT: v\r\nT: v\r\nT: v\r\nT: v\r\n\r\n") == 431);
  CHECK(status("0\r\nT: v\r\nT: v\r\nT: v\r\n\r\n") == 0);
  CHECK(status(end + "POST" + x) == 0);  // the next request
  CHECK(status("c8\r\n" + x + "\r\nc8;a=b\r\n" + x + "\r\n" + end) == 0);
}

TEST_CASE("what two servers could read in two ways is refused") {
  const auto refused = [](const std::string& bytes) {
    INFO(bytes);
    const int whole = Read(bytes, 1 << 20).refusal;
    CHECK(Read(bytes, 1).refusal == whole);
    return whole;
  };
  const std::string end = "\r\n\r\n0\r\n\r\n";
  CHECK(refused(kHead + "Content-Length: 3\r\nTransfer-Encoding: chunked" + end) == 400);
  CHECK(refused(kHead + "Transfer-Encoding: chunked\r\nContent-Length: 3" + end) == 400);
  CHECK(refused(kHead + "Content-Length: 3\r\nContent-Length: 3" + end) == 400);
  CHECK(refused(kHead + "Content-Length: 3, 3" + end) == 400);
  CHECK(refused(kHead + "Content-Length: +3" + end) == 400);
  CHECK(refused(kHead + "Content-Length: 0x3" + end) == 400);
  CHECK(refused(kHead + "Content-Length:" + end) == 400);
  CHECK(refused(kHead + "Content-Length: 99999999999999999999999" + end) == 400);
  CHECK(refused(kHead + "Content-Length : 3" + end) == 400);
  CHECK(refused(kHead + "Transfer-Encoding: gzip" + end) == 400);
  CHECK(refused(kHead + "Transfer-Encoding: gzip, chunked" + end) == 400);
  CHECK(refused(kHead + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity" + end) == 400);
  CHECK(refused(kHead + "Transfer-Encoding: xchunked" + end) == 400);
  CHECK(refused(kHead + "X: a\r\n b" + end) == 400);
  CHECK(refused(kHead + "X: a\r\n\tb" + end) == 400);
  CHECK(refused(kHead + "Host: other" + end) == 400);
  CHECK(refused(kHead + "X: a\nY: b" + end) == 400);
  CHECK(refused(kHead + "X: a\rY: b" + end) == 400);
  CHECK(refused(kHead + std::string("X: a\0b", 6) + end) == 400);
  CHECK(refused(kHead + "X" + end) == 400);
  CHECK(refused(kHead + ": x" + end) == 400);
  CHECK(refused("POST /mcp HTTP/1.0\r\nTransfer-Encoding: chunked" + end) == 400);
  CHECK(refused("GET / HTTP/1.1" + end) == 400);
  CHECK(refused("GET  / HTTP/1.1\r\nHost: h" + end) == 400);
  CHECK(refused("GET / HTTP/1.1 \r\nHost: h" + end) == 400);
  CHECK(refused("GET / HTTP/2.0\r\nHost: h" + end) == 400);
  CHECK(refused("GET http://h/ HTTP/1.1\r\nHost: h" + end) == 400);
  CHECK(refused("CONNECT h:80 HTTP/1.1\r\nHost: h" + end) == 400);
  CHECK(refused("OPTIONS * HTTP/1.1\r\nHost: h" + end) == 400);
  CHECK(refused("\x16\x03\x01") == 400);  // TLS: no need to wait for more
  CHECK(refused(kHead + "Expect: a miracle" + end) == 417);
}

TEST_CASE("bad chunks are refused") {
  const auto refused = [](const std::string& body) {
    return Read(kHead + "Transfer-Encoding: chunked\r\n\r\n" + body, 1).refusal;
  };
  CHECK(refused("x\r\n12345") == 400);
  CHECK(refused("3\r\nabcX\r\n0\r\n\r\n") == 400);
  CHECK(refused("-3\r\nabc\r\n0\r\n\r\n") == 400);
  CHECK(refused("fffffffffffffffff\r\nabc") == 400);
  CHECK(refused("ffffffffffffffff\r\nabc") == 413);
  CHECK(refused("500000\r\nabc") == 413);
}

TEST_CASE("HTTP/1.0 needs no Host and does not keep the connection") {
  const Outcome outcome = Read("GET / HTTP/1.0\r\n\r\n", 1);
  CHECK(outcome.status == RequestReader::Status::kComplete);
  CHECK_FALSE(outcome.keep_alive);
  CHECK(Read("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 1).keep_alive);
  CHECK_FALSE(Read("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 1).keep_alive);
}

TEST_CASE("empty lines before a request are skipped, but not without end") {
  CHECK(Read("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 1).request.target == "/");
  std::string lines;
  for (int i = 0; i < 20'000; ++i) {
    lines += "\r\n";
  }
  CHECK(Read(lines + "GET", 4000).refusal == 431);
}

TEST_CASE("sizes are bounded exactly, however the bytes arrive") {
  Limits limits;
  limits.max_headers = 10;
  limits.max_header_bytes = 400;
  limits.max_body_bytes = 10;
  const auto refusal = [&](const std::string& bytes) {
    CHECK(Read(bytes, 1, limits).refusal == Read(bytes, 1 << 20, limits).refusal);
    return Read(bytes, 13, limits).refusal;
  };
  std::string nine = kHead;
  for (int i = 0; i < 9; ++i) {
    nine += "A: b\r\n";
  }
  CHECK(refusal(nine + "\r\n") == 0);
  CHECK(refusal(nine + "A: b\r\n\r\n") == 431);
  const std::string filler(400 - kHead.size() - 7, 'x');
  CHECK(refusal(kHead + "A: " + filler + "\r\n\r\n") == 0);
  CHECK(refusal(kHead + "A: x" + filler + "\r\n\r\n") == 431);
  CHECK(refusal("GET /" + std::string(500, 'x')) == 431);
  CHECK(refusal(kHead + "Content-Length: 10\r\n\r\n0123456789") == 0);
  CHECK(refusal(kHead + "Content-Length: 11\r\n\r\n") == 413);
  const std::string chunked = kHead + "Transfer-Encoding: chunked\r\n\r\n";
  CHECK(refusal(chunked + "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n") == 0);
  CHECK(refusal(chunked + "5\r\n01234\r\n6\r\n56789") == 413);
  CHECK(refusal(chunked + "5;" + std::string(500, 'x')) == 431);
  CHECK(refusal(chunked + "0\r\nT: " + std::string(500, 'x')) == 431);
}

}  // namespace
}  // namespace casemate::http
