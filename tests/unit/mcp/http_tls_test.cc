#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "../temp_dir.h"
#include "http_fixture.h"

namespace casemate::http {
namespace {

using casemate::testing::TempDir;
using testing::Client;
using testing::Flag;
using testing::Get;
using testing::HasStatus;
using testing::TestServer;

// PEM of a new key and a certificate for `name` signed with it.
std::pair<std::string, std::string> MakeCertificate(const std::string& name) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const auto text = [](auto write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
    write(memory.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
  };
  return {text([&](BIO* to) { PEM_write_bio_X509(to, certificate.get()); }), text([&](BIO* to) {
            PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

class TlsClient {
 public:
  explicit TlsClient(const std::string& address, int max_version = TLS1_3_VERSION,
                     const std::string& protocol = {})
      : client_(address) {
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), max_version);
    SSL_CTX_set_cipher_list(context_.get(), "DEFAULT:@SECLEVEL=0");
    session_.reset(SSL_new(context_.get()));
    if (!protocol.empty()) {
      const std::string list = static_cast<char>(protocol.size()) + protocol;
      SSL_set_alpn_protos(session_.get(), reinterpret_cast<const unsigned char*>(list.data()),
                          static_cast<unsigned>(list.size()));
    }
    SSL_set_fd(session_.get(), client_.fd());
    connected_ = SSL_connect(session_.get()) == 1;
  }
  [[nodiscard]] bool connected() const { return connected_; }
  // The name in the server's certificate.
  [[nodiscard]] std::string name() const {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        SSL_get1_peer_certificate(session_.get()), X509_free);
    std::array<char, 64> text{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, text.data(),
                              static_cast<int>(text.size()));
    return text.data();
  }
  std::string Ask(const std::string& request, std::string_view end) {
    SSL_write(session_.get(), request.data(), static_cast<int>(request.size()));
    return Read(end);
  }
  std::string Read(std::string_view end) {
    std::string text;
    std::array<char, 16384> buffer{};
    while (!text.ends_with(end)) {
      const int got = SSL_read(session_.get(), buffer.data(), static_cast<int>(buffer.size()));
      if (got <= 0) {
        break;
      }
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
  void Close() { client_.Close(); }

 private:
  Client client_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{SSL_CTX_new(TLS_client_method()),
                                                             SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> session_{nullptr, SSL_free};
  bool connected_ = false;
};

struct Files {
  TempDir dir;
  std::string certificate;
  std::string key;
  explicit Files(const std::string& name) { Replace(name); }
  void Replace(const std::string& name) {
    const auto [certificate_text, key_text] = MakeCertificate(name);
    certificate = dir.Write("cert.pem", certificate_text);
    key = dir.Write("key.pem", key_text);
  }
  [[nodiscard]] Endpoint At() const { return {"127.0.0.1", 0, "", TlsFiles{certificate, key}}; }
};

TEST_CASE("requests, large answers and streams over TLS") {
  const Files files("one");
  TestServer server({}, files.At());
  CHECK(server.address().starts_with("https://127.0.0.1:"));
  TlsClient client(server.address(), GENERATE(TLS1_2_VERSION, TLS1_3_VERSION), "http/1.1");
  REQUIRE(client.connected());
  CHECK(client.name() == "one");
  CHECK(HasStatus(client.Ask(Get("/x"), "GET /x "), 200));
  const std::string large = client.Ask(Get("/large"), std::string(100, 'x'));
  std::string rest = large;
  while (rest.size() < (1 << 20)) {
    rest += client.Read("x");
  }
  CHECK(HasStatus(large, 200));
  const std::string body(300'000, 'y');
  CHECK(client.Ask(testing::Post("/p", body), "yyy").find("POST /p y") != std::string::npos);
  TlsClient other(server.address());
  other.Ask(Get("/hold"), "");
  auto held = server.Take();
  CHECK(held.request.peer.is_tls);
  CHECK(held.request.peer.is_loopback);
  Flag gone;
  held.responder->OnGone(gone.Setter());
  held.responder->Begin({200, {}, "abc"});
  CHECK(other.Read("abc\r\n").ends_with("3\r\nabc\r\n"));
  other.Close();
  CHECK(gone.Wait());
}

TEST_CASE("old versions, other protocols and plain text get no answer over TLS") {
  const Files files("one");
  Limits limits;
  limits.tls_time = std::chrono::milliseconds(60);
  TestServer server(limits, files.At());
  CHECK_FALSE(TlsClient(server.address(), TLS1_1_VERSION).connected());
  CHECK_FALSE(TlsClient(server.address(), TLS1_3_VERSION, "h2").connected());
  Client plain(server.address());
  plain.Send(Get("/x"));
  CHECK(plain.ReadAll().find("HTTP") == std::string::npos);
  Client mute(server.address());
  CHECK(mute.ReadAll().empty());  // tls_time
  CHECK(TlsClient(server.address()).connected());
}

TEST_CASE("a changed certificate is used for new connections, a bad one is not") {
  Files files("one");
  TestServer server({}, files.At());
  TlsClient before(server.address());
  CHECK(before.name() == "one");
  files.Replace("second");
  CHECK(TlsClient(server.address()).name() == "second");
  CHECK(HasStatus(before.Ask(Get("/x"), "GET /x "), 200));  // goes on with the old one
  (void)files.dir.Write("cert.pem", "garbage");
  CHECK(TlsClient(server.address()).name() == "second");
  (void)files.dir.Write("cert.pem", MakeCertificate("stranger").first);  // not of this key
  CHECK(TlsClient(server.address()).name() == "second");
  files.Replace("the third");
  CHECK(TlsClient(server.address()).name() == "the third");
}

TEST_CASE("bad TLS files are refused at the start, and the error names the file") {
  const Files files("one");
  const auto listen = [](const std::string& certificate, const std::string& key) {
    return HttpServer::Listen({{"127.0.0.1", 0, "", TlsFiles{certificate, key}}}, {},
                              [](Request, auto) {});
  };
  CHECK(listen(files.certificate, files.key));
  const auto missing = listen(files.dir / "none.pem", files.key);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().field == files.dir / "none.pem");
  const auto swapped = listen(files.certificate, files.certificate);
  REQUIRE_FALSE(swapped);
  CHECK(swapped.error().field == files.certificate);
  const std::string stranger = files.dir.Write("other.pem", MakeCertificate("other").second);
  CHECK_FALSE(listen(files.certificate, stranger));
  CHECK_FALSE(
      HttpServer::Listen({{"unix", 0, files.dir / "s", TlsFiles{files.certificate, files.key}}}, {},
                         [](Request, auto) {}));
}

}  // namespace
}  // namespace casemate::http
