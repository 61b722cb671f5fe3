// What OpenSSL needs to know for TLS to clients and to servers.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.h"

namespace pgwarden::net {

using TlsContext = std::shared_ptr<SSL_CTX>;
using TlsState = std::unique_ptr<SSL, decltype(&SSL_free)>;

/// The contexts of all listeners and upstreams of a configuration, which must outlive them.
class TlsContexts {
 public:
  /// Throws std::runtime_error that says which listener or upstream is wrong.
  explicit TlsContexts(const config::Config& config);

  /// Of the listener at this place; nullptr when it speaks no TLS.
  TlsContext listener(std::size_t index) const { return listeners_.at(index); }
  /// Of an upstream of the configuration; nullptr when there is no TLS to it.
  TlsContext upstream(const config::Upstream& upstream) const { return upstreams_.at(&upstream); }

 private:
  std::vector<TlsContext> listeners_;
  std::unordered_map<const config::Upstream*, TlsContext> upstreams_;
};

/// A connection from a client, before its handshake.
TlsState accepting(SSL_CTX& context);
/// A connection to the server `host`, before its handshake. Throws std::runtime_error.
TlsState connecting(SSL_CTX& context, const config::UpstreamTls& parameters, const std::string& host);

/// Whether both sides have agreed to speak PostgreSQL's protocol (ALPN).
bool agreed_on_postgresql(const SSL& tls);

/// tls-server-end-point of a connection (RFC 5929, section 4.1; src/backend/libpq/be-secure-openssl.c,
/// be_tls_get_certificate_hash): a hash of the server's certificate. Empty where its signature algorithm has
/// no hash of its own.
std::string server_end_point(SSL& tls);

/// The common name and the DNS names of the certificate that the peer has shown; empty when there is none
/// that was verified. Names with a NUL in them are left out.
std::vector<std::string> certificate_names(SSL& tls);

/// Why the last call of OpenSSL on this thread failed. Empties its queue of errors.
std::string tls_error();

}  // namespace pgwarden::net
