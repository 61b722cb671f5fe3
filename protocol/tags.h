// Every message type byte and startup code of the protocol, once, per direction.
// Source: PostgreSQL docs, "Message Formats"; src/include/libpq/protocol.h and pqcomm.h.
#pragma once

#include <cstdint>

namespace pgwarden::protocol {

namespace frontend {
inline constexpr char authentication_response = 'p';  ///< password, SASL and GSS answers share it
inline constexpr char query = 'Q';
inline constexpr char parse = 'P';
inline constexpr char bind = 'B';
inline constexpr char describe = 'D';
inline constexpr char execute = 'E';
inline constexpr char close = 'C';
inline constexpr char flush = 'H';
inline constexpr char sync = 'S';
inline constexpr char function_call = 'F';
inline constexpr char copy_data = 'd';
inline constexpr char copy_done = 'c';
inline constexpr char copy_fail = 'f';
inline constexpr char terminate = 'X';
}  // namespace frontend

namespace backend {
inline constexpr char authentication = 'R';
inline constexpr char backend_key_data = 'K';
inline constexpr char parameter_status = 'S';
inline constexpr char negotiate_protocol_version = 'v';
inline constexpr char ready_for_query = 'Z';
inline constexpr char row_description = 'T';
inline constexpr char data_row = 'D';
inline constexpr char command_complete = 'C';
inline constexpr char empty_query_response = 'I';
inline constexpr char parse_complete = '1';
inline constexpr char bind_complete = '2';
inline constexpr char close_complete = '3';
inline constexpr char no_data = 'n';
inline constexpr char parameter_description = 't';
inline constexpr char portal_suspended = 's';
inline constexpr char function_call_response = 'V';
inline constexpr char copy_in_response = 'G';
inline constexpr char copy_out_response = 'H';
inline constexpr char copy_both_response = 'W';
inline constexpr char copy_data = 'd';
inline constexpr char copy_done = 'c';
inline constexpr char error_response = 'E';
inline constexpr char notice_response = 'N';
inline constexpr char notification_response = 'A';
}  // namespace backend

/// Codes in the place of a protocol version in a packet without a type byte.
namespace startup_code {
inline constexpr std::uint32_t cancel = (1234u << 16) | 5678u;
inline constexpr std::uint32_t ssl = (1234u << 16) | 5679u;
inline constexpr std::uint32_t gssenc = (1234u << 16) | 5680u;
}  // namespace startup_code

/// What an Authentication message asks for.
namespace authentication_code {
inline constexpr std::uint32_t ok = 0;
inline constexpr std::uint32_t cleartext_password = 3;
inline constexpr std::uint32_t md5_password = 5;
inline constexpr std::uint32_t gss = 7;
inline constexpr std::uint32_t sspi = 9;
inline constexpr std::uint32_t sasl = 10;
inline constexpr std::uint32_t sasl_continue = 11;
inline constexpr std::uint32_t sasl_final = 12;
}  // namespace authentication_code

/// The server's MAX_STARTUP_PACKET_LENGTH: bytes of a packet without its length word.
inline constexpr std::uint32_t startup_packet_bytes_max = 10'000;

}  // namespace pgwarden::protocol
