#include "proxy/net/libpq.h"

#include "config/keys.h"

namespace pgwarden::net {

void add_tls(LibpqKeywords& keywords, const config::UpstreamTls& tls) {
  keywords.insert(keywords.end(),
                  {{"sslmode", std::string(config::sslmode_words[static_cast<std::size_t>(tls.mode)])},
                   {"sslrootcert", tls.root_certificate},
                   {"sslcrl", tls.revocations},
                   {"sslcert", tls.certificate},
                   {"sslkey", tls.key},
                   {"sslpassword", tls.key_password},
                   {"ssl_min_protocol_version", tls.min_version},
                   {"ssl_max_protocol_version", tls.max_version}});
}

LibpqConnection connect_libpq(const LibpqKeywords& keywords) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : keywords) {
    if (value.empty()) continue;
    names.push_back(name);
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return {PQconnectdbParams(names.data(), values.data(), 0), PQfinish};
}

}  // namespace pgwarden::net
