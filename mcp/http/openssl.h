// OpenSSL, loaded when an endpoint first needs TLS: linked in, it would be mapped and relocated at
// every start of every server, most of which speak to one agent over a pipe (docs/adr/0008).
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/result.h"

namespace casemate::http {

// What TLS is made of here. The members have the functions' own names, so that those of OpenSSL's
// "functions" that are macros work on them as well.
#define CASEMATE_OPENSSL_FUNCTIONS(X)   \
  X(ERR_clear_error)                    \
  X(ERR_error_string_n)                 \
  X(ERR_get_error)                      \
  X(SSL_CTX_check_private_key)          \
  X(SSL_CTX_ctrl)                       \
  X(SSL_CTX_free)                       \
  X(SSL_CTX_new)                        \
  X(SSL_CTX_set_alpn_select_cb)         \
  X(SSL_CTX_set_default_passwd_cb)      \
  X(SSL_CTX_set_options)                \
  X(SSL_CTX_use_PrivateKey_file)        \
  X(SSL_CTX_use_certificate_chain_file) \
  X(SSL_accept)                         \
  X(SSL_free)                           \
  X(SSL_get_error)                      \
  X(SSL_is_init_finished)               \
  X(SSL_new)                            \
  X(SSL_read_ex)                        \
  X(SSL_select_next_proto)              \
  X(SSL_set_fd)                         \
  X(SSL_shutdown)                       \
  X(SSL_write_ex)                       \
  X(TLS_server_method)

struct OpenSsl {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration
#define CASEMATE_OPENSSL_MEMBER(name) decltype(&::name) name = nullptr;
  CASEMATE_OPENSSL_FUNCTIONS(CASEMATE_OPENSSL_MEMBER)
#undef CASEMATE_OPENSSL_MEMBER
};

// kUnavailable, with the package to install: it is not on this machine, or lacks a function.
Result<void> LoadOpenSsl();
// Only after LoadOpenSsl has succeeded. Never unloaded.
const OpenSsl& Ssl();

}  // namespace casemate::http
