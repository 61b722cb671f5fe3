#include "protocol/scram_keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <cstddef>
#include <stdexcept>

#include "protocol/base64.h"
#include "protocol/octets.h"
#include "protocol/saslprep.h"

namespace pgwarden::protocol {

namespace {

constexpr std::size_t nonce_bytes = 18;

/// Takes what OpenSSL computes; wiped.
struct Digest {
  Digest() = default;
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  ~Digest() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
  operator Secret() const { return Secret({reinterpret_cast<const char*>(bytes.data()), bytes.size()}); }

  std::array<unsigned char, scram_key_bytes> bytes{};
};

void demand(bool done) {
  if (!done) throw std::runtime_error("OpenSSL cannot compute SHA-256");
}

}  // namespace

Secret hmac_sha256(const Secret& key, std::string_view text) {
  Digest digest;
  const std::string_view key_text = key.view();
  demand(HMAC(EVP_sha256(), key_text.data(), static_cast<int>(key_text.size()), octets(text), text.size(),
              digest.bytes.data(), nullptr) != nullptr);
  return digest;
}

Secret sha256(std::string_view text) {
  Digest digest;
  demand(EVP_Digest(text.data(), text.size(), digest.bytes.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return digest;
}

ScramKeys derive_scram_keys(std::string_view password, const ScramChallenge& challenge) {
  const std::string& salt = challenge.salt;
  const Secret prepared = prepare_password(password);
  Digest salted;
  demand(PKCS5_PBKDF2_HMAC(prepared.view().data(), static_cast<int>(prepared.view().size()), octets(salt),
                           static_cast<int>(salt.size()), static_cast<int>(challenge.iterations),
                           EVP_sha256(), static_cast<int>(salted.bytes.size()), salted.bytes.data()) == 1);
  return {hmac_sha256(salted, "Client Key"), hmac_sha256(salted, "Server Key")};
}

Secret apply_client_signature(const Secret& key_or_proof, const Secret& stored_key,
                              std::string_view auth_message) {
  const Secret signature = hmac_sha256(stored_key, auth_message);
  Digest result;
  for (std::size_t i = 0; i < result.bytes.size(); ++i) {
    result.bytes[i] = static_cast<unsigned char>(key_or_proof.view()[i] ^ signature.view()[i]);
  }
  return result;
}

std::optional<Secret> decode_scram_key(std::string_view base64) {
  std::optional<std::string> bytes = decode_base64(base64);
  if (!bytes) return std::nullopt;
  const bool fits = bytes->size() == scram_key_bytes;
  Secret key(*bytes);
  wipe(*bytes);
  if (!fits) return std::nullopt;
  return key;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    throw std::runtime_error("OpenSSL has no random bytes");
  }
  return bytes;
}

std::string new_scram_nonce() { return encode_base64(random_bytes(nonce_bytes)); }

}  // namespace pgwarden::protocol
