#include <algorithm>
#include <utility>

#include "protocol/base64.h"
#include "protocol/scram.h"
#include "protocol/scram_keys.h"
#include "protocol/scram_reader.h"

namespace pgwarden::protocol {

namespace {

// As PostgreSQL makes it (src/include/common/scram-common.h).
constexpr std::size_t salt_bytes = 16;
// Goes into a message that clients take with at most 2,000 bytes (fe-connect.c).
constexpr std::size_t salt_bytes_max = 512;

/// What stands before `end` in `text`, and takes both away.
std::string_view take_until(std::string_view& text, char end) {
  const std::size_t size = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(std::min(size + 1, text.size()));
  return taken;
}

}  // namespace

std::optional<ScramVerifier> ScramVerifier::parse(std::string_view text) {
  if (take_until(text, '$') != scram_sha_256) return std::nullopt;
  const std::optional<std::uint32_t> iterations = parse_scram_iterations(take_until(text, ':'));
  const std::optional<std::string> salt = decode_base64(take_until(text, '$'));
  std::optional<Secret> stored_key = decode_scram_key(take_until(text, ':'));
  std::optional<Secret> server_key = decode_scram_key(text);
  if (!iterations || !salt || salt->empty() || salt->size() > salt_bytes_max || !stored_key || !server_key) {
    return std::nullopt;
  }
  return ScramVerifier{*iterations, *salt, std::move(*stored_key), std::move(*server_key)};
}

std::string ScramVerifier::text() const {
  return std::string(scram_sha_256) + '$' + std::to_string(iterations) + ':' + encode_base64(salt) + '$' +
         encode_base64(stored_key.view()) + ':' + encode_base64(server_key.view());
}

ScramVerifier make_verifier(std::string_view password, std::uint32_t iterations) {
  std::string salt = random_bytes(salt_bytes);
  ScramKeys keys = derive_scram_keys(password, {salt, iterations});
  return {iterations, std::move(salt), sha256(keys.client_key.view()), std::move(keys.server_key)};
}

ScramVerifier mock_verifier(std::string_view user, std::string_view seed, std::uint32_t iterations) {
  const Secret key(seed);
  const Secret salt = hmac_sha256(key, user);
  // A StoredKey is the hash of a ClientKey: nobody knows what this one would be the hash of.
  const Secret stored_key = hmac_sha256(key, salt.view());
  return {iterations, std::string(salt.view().substr(0, salt_bytes)), stored_key, stored_key};
}

}  // namespace pgwarden::protocol
