#include "mcp/http/tls.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <climits>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "mcp/http/openssl.h"

namespace casemate::http {
namespace {

struct ContextFree {
  void operator()(SSL_CTX* context) const { Ssl().SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, ContextFree>;
struct SessionFree {
  void operator()(SSL* session) const { Ssl().SSL_free(session); }
};
using Session = std::unique_ptr<SSL, SessionFree>;

std::string LastError() {
  std::array<char, 256> text{};
  Ssl().ERR_error_string_n(Ssl().ERR_get_error(), text.data(), text.size());
  Ssl().ERR_clear_error();
  return text.data();
}

Error FileError(const std::string& file, const char* what) {
  return {ErrorCode::kInvalidArgument, std::string(what) + ": " + LastError(), file,
          "give a PEM file that this user can read, without a password, and the key that belongs "
          "to the first certificate",
          0};
}

// A service must not stop to ask for a password on the terminal.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return 0;
}

// http/1.1 is all we speak; who offers only others is refused (attack: ALPACA, RFC 7301
// section 3.2).
int SelectProtocol(SSL* /*session*/, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* in, unsigned int in_size, void* /*user*/) {
  static constexpr std::array<unsigned char, 9> kHttp11 = {8,   'h', 't', 't', 'p',
                                                           '/', '1', '.', '1'};
  unsigned char* selected = nullptr;
  if (Ssl().SSL_select_next_proto(&selected, out_size, kHttp11.data(), kHttp11.size(), in,
                                  in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

Result<Context> MakeContext(const TlsFiles& files) {
  Context context(Ssl().SSL_CTX_new(Ssl().TLS_server_method()));
  if (!context || Ssl().SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) {
    return Error{ErrorCode::kInternal, "TLS: " + LastError(), {}, {}, 0};
  }
  Ssl().SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  Ssl().SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                            SSL_MODE_RELEASE_BUFFERS);
  Ssl().SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  Ssl().SSL_CTX_set_default_passwd_cb(context.get(), NoPassword);
  Ssl().SSL_CTX_set_alpn_select_cb(context.get(), SelectProtocol, nullptr);
  if (Ssl().SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
    return FileError(files.certificate, "the certificate could not be read");
  }
  if (Ssl().SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      Ssl().SSL_CTX_check_private_key(context.get()) != 1) {
    return FileError(files.key, "the key could not be read, or is not the certificate's");
  }
  return context;
}

class TlsWire final : public Wire {
 public:
  TlsWire(Session session, int fd) : session_(std::move(session)), fd_(fd) {}

  IoResult Handshake() override { return Outcome(Ssl().SSL_accept(Clean()), 0); }

  IoResult Read(std::span<char> buffer) override {
    std::size_t got = 0;
    const int result = Ssl().SSL_read_ex(Clean(), buffer.data(), buffer.size(), &got);
    return Outcome(result, got);
  }

  IoResult Write(std::string_view bytes) override {
    std::size_t put = 0;
    const int result = Ssl().SSL_write_ex(Clean(), bytes.data(), bytes.size(), &put);
    return Outcome(result, put);
  }

  void Shutdown() override {
    if (!broken_ && Ssl().SSL_is_init_finished(session_.get()) == 1) {
      (void)Ssl().SSL_shutdown(Clean());
      Ssl().ERR_clear_error();
    }
    (void)::shutdown(fd_, SHUT_WR);
  }

 private:
  SSL* Clean() {
    Ssl().ERR_clear_error();
    return session_.get();
  }

  IoResult Outcome(int result, std::size_t bytes) {
    if (result > 0) {
      return {IoStatus::kDone, bytes};
    }
    switch (Ssl().SSL_get_error(session_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return {IoStatus::kWantRead};
      case SSL_ERROR_WANT_WRITE:
        return {IoStatus::kWantWrite};
      case SSL_ERROR_ZERO_RETURN:
        return {IoStatus::kEnd};
      default:
        broken_ = true;
        Ssl().ERR_clear_error();
        return {IoStatus::kError};
    }
  }

  Session session_;
  const int fd_;
  bool broken_ = false;  // then SSL_shutdown must not be called
};

// What changes when a file is written or replaced.
struct Stamp {
  std::array<std::tuple<dev_t, ino_t, off_t, time_t, long>, 2> files;
  bool operator==(const Stamp&) const = default;
};

Stamp StampOf(const TlsFiles& files) {
  Stamp stamp;
  const std::array<const std::string*, 2> paths = {&files.certificate, &files.key};
  for (std::size_t i = 0; i < paths.size(); ++i) {
    struct stat info{};
    if (::stat(paths.at(i)->c_str(), &info) == 0) {
      stamp.files.at(i) = {info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                           info.st_mtim.tv_nsec};
    }
  }
  return stamp;
}

class FileContext final : public TlsContext {
 public:
  FileContext(TlsFiles files, Stamp stamp, Context context)
      : files_(std::move(files)), stamp_(stamp), context_(std::move(context)) {}

  std::unique_ptr<Wire> Accept(int fd) override {
    Refresh();
    Session session(Ssl().SSL_new(context_.get()));
    if (!session || Ssl().SSL_set_fd(session.get(), fd) != 1) {
      Ssl().ERR_clear_error();
      return nullptr;
    }
    return std::make_unique<TlsWire>(std::move(session), fd);
  }

 private:
  void Refresh() {
    // Taken before the files are read: a change in between makes the next stamp differ again.
    const Stamp stamp = StampOf(files_);
    if (stamp == stamp_) {
      return;
    }
    stamp_ = stamp;
    auto context = MakeContext(files_);
    if (!context) {
      Log(LogLevel::kError,
          "http: the changed TLS files are not used: " + Describe(context.error()));
      return;
    }
    context_ = *std::move(context);
    Log(LogLevel::kInfo, "http: loaded the changed certificate " + files_.certificate);
  }

  const TlsFiles files_;
  Stamp stamp_;
  Context context_;
};

}  // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::Load(const TlsFiles& files) {
  if (auto loaded = LoadOpenSsl(); !loaded) {
    return std::move(loaded).error();
  }
  const Stamp stamp = StampOf(files);
  auto context = MakeContext(files);
  if (!context) {
    return std::move(context).error();
  }
  return std::unique_ptr<TlsContext>(
      std::make_unique<FileContext>(files, stamp, *std::move(context)));
}

}  // namespace casemate::http
