#include "protocol/authentication.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "protocol/tags.h"

namespace {

using namespace pgwarden::protocol;
using namespace std::string_literals;

std::string_view body_of(const std::string& frame) { return std::string_view(frame).substr(5); }

}  // namespace

TEST_CASE("what a server asks for") {
  CHECK(encode_authentication_ok() == "R\0\0\0\10\0\0\0\0"s);
  CHECK(encode_authentication_sasl({"SCRAM-SHA-256-PLUS", "X"}) ==
        "R\0\0\0\36\0\0\0\12SCRAM-SHA-256-PLUS\0X\0\0"s);
  CHECK(encode_authentication_sasl_continue("r=1") == "R\0\0\0\13\0\0\0\13r=1"s);
  CHECK(encode_authentication_sasl_final("v=1") == "R\0\0\0\13\0\0\0\14v=1"s);

  const std::string body = "\0\0\0\5salt"s;
  const auto md5 = decode_authentication(body);
  REQUIRE(md5);
  CHECK(md5->request == authentication_code::md5_password);
  CHECK(md5->data == "salt");
  CHECK_FALSE(decode_authentication("\0\0\0"s));
  CHECK_FALSE(decode_authentication(""));
}

TEST_CASE("the mechanisms of AuthenticationSASL end with an empty name and nothing follows") {
  const std::string frame = encode_authentication_sasl({"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"});
  const auto sasl = decode_authentication(body_of(frame));
  REQUIRE(sasl);
  const auto mechanisms = decode_sasl_mechanisms(sasl->data);
  REQUIRE(mechanisms);
  CHECK(*mechanisms == std::vector<std::string_view>{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"});
  CHECK(decode_sasl_mechanisms("\0"s)->empty());
  CHECK_FALSE(decode_sasl_mechanisms(""));
  CHECK_FALSE(decode_sasl_mechanisms("SCRAM-SHA-256\0"s));
  CHECK_FALSE(decode_sasl_mechanisms("SCRAM-SHA-256\0\0X"s));
}

TEST_CASE("a client's first answer names its mechanism and may have data") {
  const std::string frame = encode_sasl_initial_response("SCRAM-SHA-256", "n,,n=,r=1");
  CHECK(frame == "p\0\0\0\37SCRAM-SHA-256\0\0\0\0\11n,,n=,r=1"s);
  const auto response = decode_sasl_initial_response(body_of(frame));
  REQUIRE(response);
  CHECK(response->mechanism == "SCRAM-SHA-256");
  CHECK(response->data == "n,,n=,r=1");

  const auto without = decode_sasl_initial_response("X\0\xff\xff\xff\xff"s);
  REQUIRE(without);
  CHECK_FALSE(without->data);
  CHECK(decode_sasl_initial_response("X\0\0\0\0\0"s)->data == "");
  CHECK_FALSE(decode_sasl_initial_response("X\0\xff\xff\xff\xffmore"s));
  CHECK_FALSE(decode_sasl_initial_response("X\0\0\0\0\1ab"s));
  for (std::size_t size = 0; size < body_of(frame).size(); ++size) {
    CHECK_FALSE(decode_sasl_initial_response(body_of(frame).substr(0, size)));
  }
}

TEST_CASE("the other answers of a client") {
  CHECK(encode_sasl_response("c=biws") == "p\0\0\0\12c=biws"s);
  const std::string frame = encode_password("pencil");
  CHECK(frame == "p\0\0\0\13pencil\0"s);
  CHECK(decode_password(body_of(frame)) == "pencil");
  CHECK_FALSE(decode_password("pencil"));
  CHECK_FALSE(decode_password("pencil\0more"s));
  CHECK_FALSE(decode_password(""));
}
