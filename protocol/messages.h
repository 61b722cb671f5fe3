// The messages that pgwarden reads or makes itself; all others pass as frames.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/byte_reader.h"

namespace pgwarden::protocol {

// Bodies are without type byte and length. Each decode gives nullopt when the body does not have exactly the
// fields that the docs ("Message Formats") give it: the server answers such a message with 08P01 and runs
// nothing.

/// Query: one string.
std::optional<std::string_view> decode_query(Bytes body) noexcept;

/// Parse, without its parameter types.
struct Parse {
  std::string_view statement;  ///< name; empty is the unnamed statement
  std::string_view sql;
};
std::optional<Parse> decode_parse(Bytes body) noexcept;

/// FunctionCall, without its arguments: the function's OID.
std::optional<std::uint32_t> decode_function_call(Bytes body) noexcept;

/// ParameterStatus: name and value.
std::optional<std::pair<std::string_view, std::string_view>> decode_parameter_status(Bytes body) noexcept;

/// Field codes and values of an ErrorResponse or NoticeResponse, in order (docs, "Error and Notice Message
/// Fields").
using ErrorFields = std::vector<std::pair<char, std::string_view>>;

/// Fields that could be read; a body that ends early gives those before its end.
ErrorFields decode_error_fields(Bytes body);

/// The value of one field; empty when it is not there.
std::string_view error_field(const ErrorFields& fields, char code) noexcept;

std::string encode_query(std::string_view sql);
/// A Parse that names no parameter types.
std::string encode_parse(std::string_view statement, std::string_view sql);
/// ErrorResponse or NoticeResponse (`tag`); fields with an empty value are left out.
std::string encode_error(char tag, const ErrorFields& fields);
/// An ErrorResponse with severity FATAL: the last message of a session.
std::string encode_fatal(std::string_view sqlstate, std::string_view message, std::string_view hint = {});
std::string encode_terminate();
/// CancelRequest for the session that BackendKeyData gave `key` (process id and secret).
std::string encode_cancel(std::string_view key);
std::string encode_ssl_request();

}  // namespace pgwarden::protocol
