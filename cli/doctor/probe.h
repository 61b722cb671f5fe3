// What a server says before anybody has logged in to it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/doctor/certificate.h"
#include "proxy/net/upstream_search.h"

namespace pgwarden::cli::doctor {

/// The first answer to a StartupMessage (docs, "Message Formats", Authentication*).
struct Answer {
  enum class Kind : std::uint8_t { none, error, accepted, password, md5, gss, sspi, sasl, other };
  Kind kind = Kind::none;
  std::string sqlstate;                 ///< of an error
  std::string message;                  ///< of an error
  std::vector<std::string> mechanisms;  ///< of SASL
  std::string server_version;           ///< when it has let the user in
};

/// One address of a host.
struct Probe {
  std::string address;
  std::string failure;    ///< why there is no connection; then nothing else is known
  std::string tls;        ///< "TLSv1.3, TLS_AES_256_GCM_SHA384"; empty in clear
  bool verified = false;  ///< the server's certificate has been checked
  std::optional<Certificate> certificate;
  Answer answer;  ///< `none` when nobody was to be logged in
};

/// Connects to every address of each of the upstream's hosts as the proxy does. `user`: empty asks for no
/// login. `name_failure`: of a host without addresses, why.
std::vector<Probe> probe(const net::Target& target, const std::string& user, const std::string& database,
                         std::chrono::milliseconds time_max, std::string& name_failure);

}  // namespace pgwarden::cli::doctor
