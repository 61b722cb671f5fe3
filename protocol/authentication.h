// The messages of a login (docs, "Message Formats", Authentication* and the answers to them).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/byte_reader.h"

namespace pgwarden::protocol {

/// What an Authentication message asks for.
namespace authentication {
inline constexpr std::uint32_t ok = 0;
inline constexpr std::uint32_t clear_password = 3;
inline constexpr std::uint32_t md5_password = 5;
inline constexpr std::uint32_t sasl = 10;
inline constexpr std::uint32_t sasl_continue = 11;
inline constexpr std::uint32_t sasl_final = 12;
}  // namespace authentication

// Bodies are without type byte and length. Each decode gives nullopt when the body does not have exactly the
// fields that the docs give it.

struct AuthenticationRequest {
  std::uint32_t type;
  Bytes data;  ///< of md5_password the salt, of sasl the mechanisms, of the next two the SASL data
};
std::optional<AuthenticationRequest> decode_authentication(Bytes body) noexcept;
/// The names in the data of an AuthenticationSASL.
std::optional<std::vector<std::string_view>> decode_sasl_mechanisms(Bytes data);

struct SaslInitialResponse {
  std::string_view mechanism;
  Bytes data;
};
std::optional<SaslInitialResponse> decode_sasl_initial_response(Bytes body) noexcept;

std::string encode_authentication_sasl(std::span<const std::string_view> mechanisms);
std::string encode_authentication_sasl_continue(std::string_view data);
std::string encode_authentication_sasl_final(std::string_view data);
std::string encode_authentication_ok();

std::string encode_password(std::string_view password);
std::string encode_sasl_initial_response(std::string_view mechanism, std::string_view data);
std::string encode_sasl_response(std::string_view data);

}  // namespace pgwarden::protocol
