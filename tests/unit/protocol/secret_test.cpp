#include "protocol/secret.h"

#include <openssl/crypto.h>

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <utility>

using namespace pgwarden::protocol;

TEST_CASE("a secret is what it was made of, also copied and moved") {
  const Secret secret("pencil");
  Secret copy = secret;
  CHECK(copy.view() == "pencil");
  CHECK(copy.view().data() != secret.view().data());
  const Secret moved = std::move(copy);
  CHECK(moved == secret);
  copy = secret;
  CHECK(copy == secret);
  copy = Secret();
  CHECK(copy.empty());
  CHECK(Secret("").empty());
  CHECK(secret.view() == "pencil");
}

TEST_CASE("secrets are equal when all their bytes are") {
  using namespace std::string_literals;
  CHECK(Secret("a\0b"s) == Secret("a\0b"s));
  CHECK_FALSE(Secret("a\0b"s) == Secret("a\0c"s));
  CHECK_FALSE(Secret("a") == Secret("ab"));
  CHECK_FALSE(Secret("a") == Secret());
  CHECK(Secret() == Secret());
}

TEST_CASE("secrets are in the secure heap, and where it is full in the ordinary one") {
  const Secret before("made before there was a secure heap");
  prepare_secure_heap();
  prepare_secure_heap();
  const Secret after("pencil");
  CHECK(CRYPTO_secure_allocated(after.view().data()) == 1);
  const std::string large(std::size_t{1} << 24U, 'x');
  const Secret too_large(large);
  CHECK(CRYPTO_secure_allocated(too_large.view().data()) == 0);
  CHECK(too_large.view() == large);
}

TEST_CASE("wiping leaves nothing, also of what was longer before") {
  std::string text(200, 's');
  text.resize(20);
  const char* memory = text.data();
  const std::size_t capacity = text.capacity();
  wipe(text);
  CHECK(text.empty());
  REQUIRE(text.data() == memory);
  CHECK(std::string(memory, capacity) == std::string(capacity, '\0'));
}
