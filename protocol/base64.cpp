#include "protocol/base64.h"

#include <openssl/evp.h>

#include <climits>

#include "protocol/octets.h"

namespace pgwarden::protocol {

std::string encode_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock writes a NUL behind it
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), octets(bytes),
                  static_cast<int>(bytes.size()));
  text.pop_back();
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  // EVP_DecodeBlock skips white space, takes "-" for the end and does not say how much is padding.
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const bool clean =
      text.size() % 4 == 0 && text.size() <= INT_MAX &&
      text.substr(0, text.size() - padding)
              .find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") ==
          std::string_view::npos;
  if (!clean) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), octets(text),
                  static_cast<int>(text.size()));
  bytes.resize(bytes.size() - padding);
  return bytes;
}

}  // namespace pgwarden::protocol
