// Base64 as SCRAM has it: padded, without white space (RFC 4648, section 4; src/common/base64.c).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgwarden::protocol {

std::string encode_base64(std::string_view bytes);
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace pgwarden::protocol
