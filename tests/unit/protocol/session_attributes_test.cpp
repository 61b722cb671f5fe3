#include "protocol/session_attributes.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace pgwarden::protocol {
namespace {

std::string mismatch(TargetSession wanted, const char* in_hot_standby, const char* read_only) {
  SessionAttributes attributes(wanted);
  attributes.reported("server_version", "17.0");
  attributes.reported("in_hot_standby", in_hot_standby);
  attributes.reported("default_transaction_read_only", read_only);
  return attributes.mismatch();
}

TEST_CASE("the kind of session that a server gives", "[session_attributes]") {
  using T = TargetSession;
  CHECK(mismatch(T::any, "on", "on").empty());
  CHECK(mismatch(T::read_write, "off", "off").empty());
  CHECK(mismatch(T::read_write, "on", "off") == "session is read-only");
  CHECK(mismatch(T::read_write, "off", "on") == "session is read-only");
  CHECK(mismatch(T::read_only, "off", "off") == "session is not read-only");
  CHECK(mismatch(T::read_only, "on", "off").empty());
  CHECK(mismatch(T::read_only, "off", "on").empty());
  CHECK(mismatch(T::primary, "off", "on").empty());
  CHECK(mismatch(T::primary, "on", "off") == "server is in hot standby mode");
  CHECK(mismatch(T::standby, "on", "off").empty());
  CHECK(mismatch(T::standby, "off", "on") == "server is not in hot standby mode");
  CHECK(mismatch(T::prefer_standby, "off", "off") == "server is not in hot standby mode");
}

TEST_CASE("what old servers do not report is not guessed", "[session_attributes]") {
  const std::string unknown =
      "server does not report what target_session_attrs needs: PostgreSQL 14 and later do";
  CHECK(SessionAttributes(TargetSession::any).mismatch().empty());
  CHECK(SessionAttributes(TargetSession::primary).mismatch() == unknown);
  CHECK(SessionAttributes(TargetSession::read_only).mismatch() == unknown);
  SessionAttributes half(TargetSession::read_write);
  half.reported("in_hot_standby", "off");
  CHECK(half.mismatch() == unknown);
}

TEST_CASE("prefer-standby asks twice", "[session_attributes]") {
  using T = TargetSession;
  CHECK(passes(T::prefer_standby) == std::vector{T::standby, T::any});
  CHECK(passes(T::primary) == std::vector{T::primary});
}

}  // namespace
}  // namespace pgwarden::protocol
