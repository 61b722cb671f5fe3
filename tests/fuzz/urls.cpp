// Whatever the text: a connection URL is read or refused for a reason that does not tell its password; the
// URL that clients get leads to the listener and to the same database, and can be read again. Addresses that
// are read are written as they were meant.
//
// Input: a byte for the ways to read it, then the text.
#include "config/endpoint.h"
#include "config/upstream_url.h"
#include "policy/network.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace pgwarden;
using config::Endpoint;
using config::LoginDemands;
using config::UnknownParameters;

constexpr std::string_view password = "S3cretWord";

void check_endpoint(std::string_view text) {
  const auto endpoint = config::parse_listen(text);
  fuzz::require(endpoint.value.has_value() == endpoint.error.empty(), "right or wrong", text);
  if (!endpoint.value) return;
  const std::string written = config::to_string(*endpoint.value);
  const auto again = config::parse_listen(written);
  fuzz::require(again.value && *again.value == *endpoint.value, "an address reads as it was written",
                written);
}

void check_host(std::string_view text) {
  const auto host = config::parse_host(text);
  fuzz::require(host.value.has_value() == host.error.empty(), "right or wrong", text);
  if (!host.value) return;
  const auto again = config::parse_host(*host.value);
  fuzz::require(again.value && *again.value == *host.value, "a host has one spelling", text);
}

void check_network(std::string_view text) {
  const auto network = policy::parse_network(text);
  if (!network) return;
  const auto again = policy::parse_network(policy::to_string(*network));
  fuzz::require(again && policy::to_string(*again) == policy::to_string(*network),
                "a network reads as written", text);
}

void check_rewritten(std::string_view url, const config::Upstream& upstream, const Endpoint& listen) {
  for (const bool reveals : {false, true}) {
    const std::string rewritten = config::rewritten_url(url, listen, reveals);
    fuzz::require(!rewritten.empty(), "what can be read can be rewritten", url);
    const auto again = config::parse_upstream_url(rewritten, UnknownParameters::keep);
    fuzz::require(again.value.has_value(), "clients can read their URL", rewritten + "\n" + again.error);
    fuzz::require(again.value->hosts.size() == 1 && again.value->hosts.front().endpoint.port == listen.port,
                  "it leads to the listener alone", rewritten);
    fuzz::require(again.value->user == upstream.user && again.value->database == upstream.database,
                  "with the same user and database", rewritten);
    if (reveals) fuzz::require(again.value->password == upstream.password, "and password", rewritten);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const unsigned ways = input.byte();
  const std::string_view text = input.rest();
  check_endpoint(text);
  check_host(text);
  check_network(text);
  const auto unknown = (ways & 1) == 0 ? UnknownParameters::refuse : UnknownParameters::keep;
  const auto login = (ways & 2) == 0 ? LoginDemands::refuse : LoginDemands::ignore;
  const auto parsed = config::parse_upstream_url(text, unknown, login);
  fuzz::require(parsed.value.has_value() == parsed.error.empty(), "right or wrong", text);
  const std::string_view authority = text.substr(0, text.find_first_of("/?#", text.find("//") + 2));
  const bool is_password =
      authority.ends_with(":" + std::string(password) + "@h") && text.find(password) == text.rfind(password);
  fuzz::require(!is_password || (parsed.error + parsed.hint).find(password) == std::string::npos,
                "an error does not tell the password", parsed.error);
  if (parsed.value) {
    const Endpoint listen =
        (ways & 4) == 0 ? Endpoint{"0.0.0.0", 6432} : Endpoint{"/run/x y/.s.PGSQL.6432", 6432};
    check_rewritten(text, *parsed.value, listen);
  }
  return 0;
}
