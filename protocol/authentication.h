// The messages with which a client logs in, of both sides (docs, "Message Formats", Authentication... and
// 'p'). Those with a secret in them are for the caller to wipe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/byte_reader.h"

namespace pgwarden::protocol {

// Bodies are without type byte and length; nullopt as for messages.h.

/// What a server asks for, with what belongs to it: the salt of MD5, the mechanisms or data of SASL.
struct Authentication {
  std::uint32_t request;  ///< see authentication_code
  Bytes data;
};
std::optional<Authentication> decode_authentication(Bytes body) noexcept;

/// The mechanisms of AuthenticationSASL, from its data.
std::optional<std::vector<std::string_view>> decode_sasl_mechanisms(Bytes data);

/// Whether an Authentication message asks for the next step of a SASL exchange: AuthenticationSASL (10) or
/// AuthenticationSASLContinue (11), and not AuthenticationSASLFinal, with which the server is content.
bool is_sasl_exchange(Bytes body) noexcept;

/// AuthenticationSASL without the mechanisms that bind the channel ("...-PLUS"); nullopt when `body` is that
/// of another message, or names no other mechanism.
std::optional<std::string> without_channel_binding(Bytes body);

/// A SASLInitialResponse. Without data the server is to answer with an empty AuthenticationSASLContinue, on
/// which the data follows. A SASLResponse is nothing but data.
struct SaslInitialResponse {
  std::string_view mechanism;
  std::optional<Bytes> data;
};
std::optional<SaslInitialResponse> decode_sasl_initial_response(Bytes body) noexcept;

/// PasswordMessage: the password, or the answer to MD5.
std::optional<std::string_view> decode_password(Bytes body) noexcept;

std::string encode_authentication_ok();
std::string encode_authentication_sasl(const std::vector<std::string_view>& mechanisms);
std::string encode_authentication_sasl_continue(Bytes data);
std::string encode_authentication_sasl_final(Bytes data);

std::string encode_sasl_initial_response(std::string_view mechanism, Bytes data);
std::string encode_sasl_response(Bytes data);
std::string encode_password(std::string_view password);

}  // namespace pgwarden::protocol
