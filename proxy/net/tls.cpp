#include "proxy/net/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "config/endpoint.h"
#include "policy/network.h"

namespace pgwarden::net {

namespace {

using config::SslMode;

/// As the wire has it: each name behind its length (src/backend/libpq/be-secure-openssl.c,
/// PG_ALPN_PROTOCOL_VECTOR).
constexpr auto alpn = std::to_array<unsigned char>({10, 'p', 'o', 's', 't', 'g', 'r', 'e', 's', 'q', 'l'});

/// The most that one TLS record to a client holds. libpq before 9.6 and some drivers read 8 KiB at a time,
/// and may wait for the socket while the rest of a larger record is already theirs.
constexpr long record_bytes_max = 8192;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + tls_error()); }

TlsContext new_context(const SSL_METHOD* method) {
  TlsContext context(SSL_CTX_new(method), SSL_CTX_free);
  if (context == nullptr) fail("TLS");
  SSL_CTX_set_options(context.get(),
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // One record at a time: a peer may send any number that hold no bytes for us, and the thread has other
  // sessions.
  SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  return context;
}

int version_of(std::string_view name) {
  if (name.empty()) return 0;
  return name == "TLSv1.3" ? TLS1_3_VERSION : TLS1_2_VERSION;
}

void use_certificate(SSL_CTX& context, const std::string& certificate, const std::string& key,
                     const std::string& password) {
  // OpenSSL would else ask on the terminal.
  SSL_CTX_set_default_passwd_cb_userdata(&context, const_cast<char*>(password.c_str()));
  if (SSL_CTX_use_certificate_chain_file(&context, certificate.c_str()) != 1) {
    fail("cannot use the certificate \"" + certificate + "\"");
  }
  if (SSL_CTX_use_PrivateKey_file(&context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    fail("cannot use the private key \"" + key + "\"");
  }
  if (SSL_CTX_check_private_key(&context) != 1) {
    fail("the private key \"" + key + "\" does not belong to the certificate \"" + certificate + "\"");
  }
  SSL_CTX_set_default_passwd_cb_userdata(&context, nullptr);
}

void trust(SSL_CTX& context, const std::string& path) {
  if (SSL_CTX_load_verify_file(&context, path.c_str()) != 1)
    fail("cannot use the root certificates \"" + path + "\"");
}

/// A client that offers protocols must offer PostgreSQL's; one that offers none may come all the same.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_bytes, const unsigned char* offered,
                    unsigned offered_bytes, void*) {
  const int agreed = SSL_select_next_proto(const_cast<unsigned char**>(out), out_bytes, alpn.data(),
                                           alpn.size(), offered, offered_bytes);
  return agreed == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::string home_file(const char* name) {
  const char* const home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.postgresql/" + name;
}

/// libpq's default for a file (fe-connect.c): ~/.postgresql/NAME, if it is there.
std::string default_file(const char* name) {
  const std::string path = home_file(name);
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? path : "";
}

/// As libpq (fe-secure-openssl.c): nobody else may read the file.
void check_key_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    throw std::runtime_error("private key file \"" + path + "\" does not exist");
  const mode_t others = status.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
  if ((status.st_mode & others) != 0) {
    throw std::runtime_error("private key file \"" + path +
                             "\" has group or world access; permissions must be u=rw (0600)");
  }
}

void use_roots(SSL_CTX& context, const config::UpstreamTls& tls) {
  const std::string roots = tls.root_certificate.empty() ? default_file("root.crt") : tls.root_certificate;
  if (roots.empty()) {
    if (tls.mode < SslMode::verify_ca) return;
    throw std::runtime_error(
        "sslmode=verify-ca and verify-full need sslrootcert: a file with root certificates, or \"system\"");
  }
  if (roots == "system") {
    if (SSL_CTX_set_default_verify_paths(&context) != 1) fail("cannot use the system's root certificates");
  } else {
    trust(context, roots);
  }
  // Also for `require`: as in libpq, a root certificate that is there is used.
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, nullptr);
  const std::string revocations = tls.revocations.empty() ? default_file("root.crl") : tls.revocations;
  if (revocations.empty()) return;
  X509_STORE* const store = SSL_CTX_get_cert_store(&context);
  if (X509_STORE_load_file(store, revocations.c_str()) != 1)
    fail("cannot use the revocation list \"" + revocations + "\"");
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

/// Shown to a server that asks. The default files are used where they can be, as nobody has asked for them.
void use_client_certificate(SSL_CTX& context, const config::UpstreamTls& tls) {
  if (!tls.shows_certificate) return;
  const bool said = !tls.certificate.empty();
  const std::string certificate = said ? tls.certificate : default_file("postgresql.crt");
  if (certificate.empty()) return;
  const std::string key = tls.key.empty() ? home_file("postgresql.key") : tls.key;
  try {
    check_key_file(key);
    use_certificate(context, certificate, key, tls.key_password);
  } catch (const std::runtime_error&) {
    if (said || tls.mode >= SslMode::require) throw;
  }
}

TlsContext listener_context(const config::ListenerTls& tls) {
  if (tls.mode == SslMode::disable) return nullptr;
  TlsContext context = new_context(TLS_server_method());
  SSL_CTX_set_min_proto_version(context.get(), version_of(tls.min_version));
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  // As the server, which resumes no sessions.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
  SSL_CTX_set_max_send_fragment(context.get(), record_bytes_max);
  SSL_CTX_set_alpn_select_cb(context.get(), select_protocol, nullptr);
  use_certificate(*context, tls.certificate, tls.key, "");
  if (!tls.client_ca.empty()) {
    trust(*context, tls.client_ca);
    SSL_CTX_set_client_CA_list(context.get(), SSL_load_client_CA_file(tls.client_ca.c_str()));
  }
  // As the server: a certificate that a client shows has to be good, also where it need not show one.
  if (!tls.client_ca.empty()) {
    const int demanded = tls.mode >= SslMode::verify_ca ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | demanded, nullptr);
  }
  return context;
}

/// None over a Unix-domain socket, as in libpq.
TlsContext upstream_context(const config::Upstream& upstream) {
  const config::UpstreamTls& tls = upstream.tls;
  const auto is_unix = [](const config::Host& host) { return host.endpoint.is_unix(); };
  if (tls.mode == SslMode::disable || std::all_of(upstream.hosts.begin(), upstream.hosts.end(), is_unix)) {
    return nullptr;
  }
  TlsContext context = new_context(TLS_client_method());
  SSL_CTX_set_min_proto_version(context.get(), version_of(tls.min_version));
  SSL_CTX_set_max_proto_version(context.get(), version_of(tls.max_version));
  SSL_CTX_set_alpn_protos(context.get(), alpn.data(), alpn.size());
  use_roots(*context, tls);
  use_client_certificate(*context, tls);
  return context;
}

std::string in_words(const config::Endpoint& endpoint) { return "\"" + to_string(endpoint) + "\""; }

}  // namespace

TlsContexts::TlsContexts(const config::Config& config) {
  std::string whose;
  try {
    for (const config::Listener& listener : config.listeners) {
      whose = "listener " + in_words(listener.listen);
      listeners_.push_back(listener.listen.is_unix() ? nullptr : listener_context(listener.tls));
      const auto add = [&](const config::Upstream& upstream) {
        whose = "upstream " + in_words(upstream.hosts.front().endpoint);
        upstreams_.emplace(&upstream, upstream_context(upstream));
      };
      if (listener.upstream) add(*listener.upstream);
      for (const auto& [name, upstream] : listener.databases) add(upstream);
    }
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("TLS of " + whose + ": " + error.what());
  }
}

TlsState accepting(SSL_CTX& context) {
  TlsState tls(SSL_new(&context), SSL_free);
  if (tls == nullptr) fail("TLS");
  SSL_set_accept_state(tls.get());
  return tls;
}

TlsState connecting(SSL_CTX& context, const config::UpstreamTls& parameters, const std::string& host) {
  TlsState tls(SSL_new(&context), SSL_free);
  if (tls == nullptr) fail("TLS");
  SSL_set_connect_state(tls.get());
  const bool is_address = policy::parse_address(host).has_value();
  if (parameters.sni && !is_address) SSL_set_tlsext_host_name(tls.get(), host.c_str());
  if (parameters.mode == SslMode::verify_full) {
    X509_VERIFY_PARAM* const wanted = SSL_get0_param(tls.get());
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const int known = is_address ? X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str())
                                 : X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
    if (known != 1) fail("TLS");
  }
  return tls;
}

bool agreed_on_postgresql(const SSL& tls) {
  const unsigned char* name = nullptr;
  unsigned bytes = 0;
  SSL_get0_alpn_selected(&tls, &name, &bytes);
  return std::string_view(reinterpret_cast<const char*>(name), bytes) == "postgresql";
}

std::string server_end_point(SSL& tls) {
  const std::unique_ptr<X509, decltype(&X509_free)> peer(
      SSL_is_server(&tls) ? nullptr : SSL_get1_peer_certificate(&tls), X509_free);
  const X509* const certificate = peer ? peer.get() : SSL_get_certificate(&tls);
  int digest = NID_undef;
  if (certificate == nullptr ||
      X509_get_signature_info(const_cast<X509*>(certificate), &digest, nullptr, nullptr, nullptr) != 1)
    return "";
  if (digest == NID_md5 || digest == NID_sha1) digest = NID_sha256;
  const EVP_MD* const algorithm = EVP_get_digestbynid(digest);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  if (algorithm == nullptr || X509_digest(certificate, algorithm, hash.data(), &size) != 1) return "";
  return {reinterpret_cast<const char*>(hash.data()), size};
}

namespace {

void add_name(std::vector<std::string>& names, const ASN1_STRING* text) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size < 0) return;
  std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  if (!name.empty() && name.find('\0') == std::string::npos) names.push_back(std::move(name));
}

}  // namespace

std::vector<std::string> certificate_names(SSL& tls) {
  const std::unique_ptr<X509, decltype(&X509_free)> peer(SSL_get1_peer_certificate(&tls), X509_free);
  std::vector<std::string> names;
  if (peer == nullptr || SSL_get_verify_result(&tls) != X509_V_OK) return names;
  const X509_NAME* const subject = X509_get_subject_name(peer.get());
  if (const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1); at >= 0) {
    add_name(names, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  }
  auto* const alternatives =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(peer.get(), NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* const each = sk_GENERAL_NAME_value(alternatives, i);
    if (each->type == GEN_DNS) add_name(names, each->d.dNSName);
  }
  GENERAL_NAMES_free(alternatives);
  return names;
}

std::string tls_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unexpected end of the connection";
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? "error " + std::to_string(code) : reason;
}

}  // namespace pgwarden::net
