#include "protocol/messages.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "protocol/tags.h"

namespace {

using namespace pgwarden::protocol;
using namespace std::string_literals;

}  // namespace

TEST_CASE("a query is one string and nothing else") {
  CHECK(decode_query("SELECT 1\0"s) == "SELECT 1");
  CHECK(decode_query("\0"s) == "");
  CHECK_FALSE(decode_query("SELECT 1"s));
  CHECK_FALSE(decode_query("SELECT 1\0DROP TABLE t\0"s));
  CHECK_FALSE(decode_query(""s));
}

TEST_CASE("a parse has a name, a text and as many types as it says") {
  const std::string body = "s1\0SELECT $1\0\0\1\0\0\0\x17"s;
  const auto parse = decode_parse(body);
  REQUIRE(parse);
  CHECK(parse->statement == "s1");
  CHECK(parse->sql == "SELECT $1");
  CHECK(decode_parse("\0SELECT 1\0\0\0"s));
  CHECK_FALSE(decode_parse("\0SELECT 1\0\0\1"s));
  CHECK_FALSE(decode_parse("\0SELECT 1\0\0\0more"s));
  CHECK_FALSE(decode_parse("\0SELECT 1\0"s));
  CHECK_FALSE(decode_parse("\0SELECT 1\0\xff\xff\0\0"s));
}

TEST_CASE("what is encoded has its length and can be decoded") {
  CHECK(encode_query("x") == "Q\0\0\0\6x\0"s);
  CHECK(encode_parse("n", "x") == "P\0\0\0\12n\0x\0\0\0"s);
  CHECK(encode_terminate() == "X\0\0\0\4"s);
  CHECK(encode_cancel("pidkey") == "\0\0\0\16\4\xd2\x16\x2epidkey"s);
}

TEST_CASE("error fields keep their order, empty ones are left out, every field is optional") {
  const std::string error = encode_error(backend::error_response, {{'S', "ERROR"}, {'D', ""}, {'M', "no"}});
  CHECK(error == "E\0\0\0\20SERROR\0Mno\0\0"s);
  const ErrorFields fields = decode_error_fields(std::string_view(error).substr(5));
  REQUIRE(fields.size() == 2);
  CHECK(error_field(fields, 'M') == "no");
  CHECK(error_field(fields, 'X').empty());
  CHECK(decode_error_fields("").empty());
  CHECK(decode_error_fields("Mwithout an end").empty());
}
