#include "mcp/http/openssl.h"

#include <dlfcn.h>

#include <string>

namespace casemate::http {
namespace {

#define CASEMATE_TEXT_OF(value) #value
#define CASEMATE_TEXT(value) CASEMATE_TEXT_OF(value)
// Of the headers this was built with; another major version is another interface.
constexpr const char* kLibrary = "libssl.so." CASEMATE_TEXT(OPENSSL_SHLIB_VERSION);

struct Loaded {
  OpenSsl functions;
  std::string error;
};

template <typename Function>
void Find(void* library, const char* name, Function& function, std::string& error) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr && error.empty()) {
    error = std::string(kLibrary) + " has no function " + name;
  }
}

Loaded LoadLibrary() {
  Loaded loaded;
  // A symbol of libcrypto is found through libssl, which needs it.
  void* const library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    loaded.error = dlerror();  // NOLINT(concurrency-mt-unsafe): glibc keeps one for each thread
    return loaded;
  }
#define CASEMATE_OPENSSL_FIND(name) Find(library, #name, loaded.functions.name, loaded.error);
  CASEMATE_OPENSSL_FUNCTIONS(CASEMATE_OPENSSL_FIND)
#undef CASEMATE_OPENSSL_FIND
  return loaded;
}

const Loaded& Library() {
  static const Loaded loaded = LoadLibrary();
  return loaded;
}

}  // namespace

Result<void> LoadOpenSsl() {
  if (const std::string& error = Library().error; !error.empty()) {
    return Error{ErrorCode::kUnavailable,
                 "TLS needs OpenSSL: " + error,
                 {},
                 "install the package of OpenSSL's library (Debian 12: libssl3)",
                 0};
  }
  return {};
}

const OpenSsl& Ssl() {
  return Library().functions;
}

}  // namespace casemate::http
