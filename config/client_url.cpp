#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>
#include <boost/url/url_view.hpp>
#include <utility>

#include "config/host_list.h"
#include "config/upstream_url.h"

namespace pgwarden::config {

namespace {

namespace urls = boost::urls;

/// Everything but letters, digits and a few signs as %XX.
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view plain = "-._~/";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          plain.find(c) != std::string_view::npos;
    if (is_plain) {
      encoded += c;
    } else {
      encoded.append("%").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
  }
  return encoded;
}

/// Parameters about the way to the server: the client's way is another one.
bool is_about_the_way(std::string_view name) {
  constexpr auto names = std::to_array<std::string_view>(
      {"host", "hostaddr", "port", "channel_binding", "gssencmode", "requiressl", "requirepeer"});
  return std::find(names.begin(), names.end(), name) != names.end() ||
         (name.starts_with("ssl") && name != "sslmode");
}

std::string client_query(const urls::url_view& url, const Endpoint& listen, bool reveal_password) {
  std::string query;
  bool has_sslmode = false;
  const auto add = [&query](std::string_view parameter) {
    if (!query.empty()) query += '&';
    query += parameter;
  };
  for (const auto& parameter : url.encoded_params()) {
    const std::string name = parameter.key.decode();
    if (is_about_the_way(name)) continue;
    if (name == "sslmode") {
      if (!std::exchange(has_sslmode, true)) add("sslmode=disable");
    } else if (name == "password" && !reveal_password) {
      add("password=***");
    } else {
      std::string text(parameter.key.data(), parameter.key.size());
      if (parameter.has_value) text.append("=").append(parameter.value.data(), parameter.value.size());
      add(text);
    }
  }
  if (!has_sslmode) add("sslmode=disable");
  if (listen.is_unix()) add("host=" + percent_encoded(listen.host.substr(0, listen.host.rfind('/'))));
  return query;
}

/// Where a client finds a listener: one on every address is found on this machine. For a socket the query
/// names the directory; the host is there for drivers that cannot read a URL without one.
std::string client_host(const Endpoint& listen) {
  if (listen.is_unix()) return "localhost";
  if (listen.host == "0.0.0.0") return "127.0.0.1";
  if (listen.host == "::") return "[::1]";
  return listen.host.find(':') == std::string::npos ? listen.host : "[" + listen.host + "]";
}

}  // namespace

std::string rewritten_url(std::string_view url, const Endpoint& listen, bool reveal_password) {
  if (!parse_upstream_url(url, UnknownParameters::keep, LoginDemands::ignore).value) return "";
  const std::string one_host = take_hosts(url)->rest;
  const auto parsed = urls::parse_uri(one_host);
  urls::url rewritten(*parsed);
  if (rewritten.has_password() && !reveal_password) rewritten.set_encoded_password("***");
  rewritten.set_encoded_host(client_host(listen));
  rewritten.set_port_number(listen.port);
  rewritten.set_encoded_query(client_query(*parsed, listen, reveal_password));
  return std::string(rewritten.buffer());
}

}  // namespace pgwarden::config
