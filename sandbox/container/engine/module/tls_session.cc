#include "sandbox/container/engine/module/tls_session.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

namespace casemate::container {
namespace {

std::string LastError() {
  const unsigned long code = ERR_get_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "the peer speaks no TLS, or the connection broke" : reason;
}

Error SetUpError(const std::string& what) {
  return Error{ErrorCode::kInternal, "cannot set up TLS: " + what + ": " + LastError(), {}, {}, 0};
}

// OpenSSL's own socket BIO writes with write(2), which raises SIGPIPE.
int SendTo(BIO* bio, const char* from, int size) {
  BIO_clear_retry_flags(bio);
  const int fd = static_cast<int>(BIO_get_fd(bio, nullptr));
  const ssize_t sent = send(fd, from, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
    BIO_set_retry_write(bio);
  }
  return static_cast<int>(sent);
}

const BIO_METHOD* SocketMethod() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(
        BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "socket without signals");
    const BIO_METHOD* const plain = BIO_s_socket();
    BIO_meth_set_read(made, BIO_meth_get_read(plain));
    BIO_meth_set_write(made, SendTo);
    BIO_meth_set_ctrl(made, BIO_meth_get_ctrl(plain));
    BIO_meth_set_create(made, BIO_meth_get_create(plain));
    BIO_meth_set_destroy(made, BIO_meth_get_destroy(plain));
    return made;
  }();
  return method;
}

bool IsAddress(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

// Whom the certificate must be for.
bool ExpectName(SSL* session, const std::string& name) {
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(session);
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (IsAddress(name)) {
    return X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str()) == 1;
  }
  return X509_VERIFY_PARAM_set1_host(wanted, name.data(), name.size()) == 1 &&
         SSL_set_tlsext_host_name(session, name.c_str()) == 1;
}

}  // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::Make(const std::string& ca_file) {
  ERR_clear_error();
  std::unique_ptr<TlsContext> made(new TlsContext(SSL_CTX_new(TLS_client_method())));
  SSL_CTX* const context = made->context_.get();
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
    return SetUpError("no context");
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) != 1) {
      return SetUpError("no certificates of the system");
    }
  } else if (SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) != 1) {
    return Error{ErrorCode::kInvalidArgument,
                 ca_file + ": expected a PEM file with certificate authorities: " + LastError(),
                 "ca_file", "name a file that this user can read and that holds CERTIFICATE blocks",
                 0};
  }
  return made;
}

Result<std::unique_ptr<TlsSession>> TlsContext::Begin(int socket, const std::string& name) {
  ERR_clear_error();
  std::unique_ptr<TlsSession> made(new TlsSession(SSL_new(context_.get())));
  SSL* const session = made->ssl_.get();
  BIO* const bio = session == nullptr ? nullptr : BIO_new(SocketMethod());
  if (bio == nullptr) {
    return SetUpError("no session");
  }
  BIO_set_fd(bio, socket, BIO_NOCLOSE);
  SSL_set_bio(session, bio, bio);
  if (!ExpectName(session, name)) {
    return SetUpError("no name");
  }
  SSL_set_connect_state(session);
  return made;
}

TlsSession::Step TlsSession::After(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Step::kWantRead;
    case SSL_ERROR_WANT_WRITE:
      return Step::kWantWrite;
    case SSL_ERROR_ZERO_RETURN:
      return Step::kEnd;
    case SSL_ERROR_SYSCALL:
      ERR_clear_error();
      return Step::kClosed;
    default:
      break;
  }
  if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ERR_clear_error();
    return Step::kClosed;
  }
  const long verified = SSL_get_verify_result(ssl_.get());
  untrusted_ = verified != X509_V_OK;
  why_ = LastError();
  if (untrusted_) {
    why_ = X509_verify_cert_error_string(verified);
  }
  return Step::kFailed;
}

TlsSession::Step TlsSession::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) {
    return After(result);
  }
  ready_ = true;
  return Step::kDone;
}

TlsSession::Step TlsSession::Read(char* into, std::size_t size, std::size_t& got) {
  ERR_clear_error();
  const int result = SSL_read_ex(ssl_.get(), into, size, &got);
  return result == 1 ? Step::kDone : After(result);
}

TlsSession::Step TlsSession::Write(const char* from, std::size_t size, std::size_t& sent) {
  ERR_clear_error();
  const int result = SSL_write_ex(ssl_.get(), from, size, &sent);
  return result == 1 ? Step::kDone : After(result);
}

}  // namespace casemate::container
