#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>

#include "protocol/scram.h"

namespace pgwarden::protocol {

namespace {

/// Appends the digest of `text`, which is wiped, in hex.
bool append_md5(std::string& to, std::string& text) {
  std::array<unsigned char, 16> digest{};
  const bool done = EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_md5(), nullptr) == 1;
  for (const unsigned char byte : digest) {
    to += "0123456789abcdef"[byte >> 4U];
    to += "0123456789abcdef"[byte & 0xfU];
  }
  OPENSSL_cleanse(digest.data(), digest.size());
  wipe(text);
  return done;
}

}  // namespace

std::optional<std::string> md5_response(std::string_view user, std::string_view password,
                                        std::string_view salt) {
  std::string text;
  text.reserve(password.size() + user.size());  // so that it leaves no copy behind
  text.append(password).append(user);
  std::string hash;
  hash.reserve(64);
  std::string answer = "md5";
  const bool hashed = append_md5(hash, text);
  hash.append(salt);
  if (!append_md5(answer, hash) || !hashed) return std::nullopt;
  return answer;
}

}  // namespace pgwarden::protocol
