#include "protocol/base64.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace pgwarden::protocol;
using namespace std::string_literals;

TEST_CASE("base64 there and back, for each length of padding") {
  CHECK(encode_base64("") == "");
  CHECK(encode_base64("n,,") == "biws");
  CHECK(encode_base64("\xff\xff\xff") == "////");
  CHECK(encode_base64("\xfb\xf0") == "+/A=");
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string bytes(size, static_cast<char>(size));
    CHECK(decode_base64(encode_base64(bytes)) == bytes);
  }
}

TEST_CASE("base64 that is not clean is refused") {
  for (const std::string& text :
       {"biw"s, "biws="s, " biws"s, "biws\n"s, "biws    "s, "bi-s"s, "bi_s"s, "b==="s, "===="s, "bi=s"s,
        "bi==biws"s, "biw\0"s, "bi,s"s, "b\xc3\xa9s"s, "biws----"s}) {
    CAPTURE(text);
    CHECK_FALSE(decode_base64(text));
  }
}
