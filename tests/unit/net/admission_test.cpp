#include "proxy/net/admission.h"

#include <catch2/catch_test_macros.hpp>
#include <list>
#include <string>

namespace pgwarden::net {
namespace {

policy::Address address(const std::string& text) {
  policy::Address address = *policy::parse_address(text);
  address.is_unix = false;
  return address;
}

TEST_CASE("places are counted in all, of an address and of a user, and come back", "[admission]") {
  Admission admission;
  config::Limits limits;
  limits.max_connections = 3;
  limits.max_connections_per_address = 2;
  limits.max_connections_per_user = 2;
  std::list<Admission::Place> places;
  const auto enter = [&](const std::string& from, const std::string& user) -> std::string {
    places.emplace_back();
    auto why = admission.enter(places.back(), limits, address(from));
    if (!why) why = admission.logged_in(places.back(), limits, user);
    if (!why) return "in";
    places.pop_back();
    return why->sqlstate + " " + why->message;
  };
  CHECK(enter("203.0.113.7", "a") == "in");
  CHECK(enter("203.0.113.7", "a") == "in");
  CHECK(enter("203.0.113.7", "b") == "53300 too many connections from this address");
  CHECK(enter("203.0.113.8", "a") == "53300 too many connections for role \"a\"");
  CHECK(enter("203.0.113.8", "b") == "in");
  CHECK(enter("203.0.113.9", "c") == "53300 sorry, too many clients already");
  admission.set_memory_full(true);
  places.clear();
  CHECK(enter("203.0.113.9", "c") == "53200 pgwarden has no memory for another session");
  admission.set_memory_full(false);
  CHECK(enter("203.0.113.7", "a") == "in");
}

TEST_CASE("a user who is not logged in takes no place of the user's", "[admission]") {
  Admission admission;
  config::Limits limits;
  limits.max_connections_per_user = 1;
  Admission::Place first, second;
  CHECK_FALSE(admission.enter(first, limits, {}));
  CHECK_FALSE(admission.enter(second, limits, {}));
  CHECK_FALSE(admission.logged_in(second, limits, "a"));
  CHECK(admission.logged_in(first, limits, "a"));
  CHECK(admission.full_for(limits, "a"));
  CHECK_FALSE(admission.full_for(limits, "b"));
}

}  // namespace
}  // namespace pgwarden::net
