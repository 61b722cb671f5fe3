// Command-line values, with errors that say which option is wrong.
#pragma once

#include <stdexcept>
#include <string>

#include "config/endpoint.h"
#include "config/upstream_url.h"

namespace pgwarden::cli {

template <typename T>
T require(const config::Parsed<T>& parsed, const std::string& what) {
  if (parsed.value) return *parsed.value;
  throw std::runtime_error(what + ": " + parsed.error +
                           (parsed.hint.empty() ? "" : "\nhint: " + parsed.hint));
}

inline config::Endpoint listen_address(const std::string& text) {
  return require(config::parse_listen(text), "--listen");
}

inline config::Upstream upstream(const std::string& url,
                                 config::LoginDemands login = config::LoginDemands::refuse) {
  return require(config::parse_upstream_url(url, config::UnknownParameters::keep, login), "URL");
}

}  // namespace pgwarden::cli
