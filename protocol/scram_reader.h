// Reads a SCRAM message, "r=...,s=...,i=..." (RFC 5802, section 7). The first error sticks: everything is
// empty after it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/scram.h"

namespace pgwarden::protocol {

/// The flag of the only channel binding that there is in PostgreSQL (RFC 5929, section 4).
inline constexpr std::string_view scram_tls_server_end_point = "p=tls-server-end-point";

/// What a server accepts of a client (PG_MAX_SASL_MESSAGE_LENGTH), and libpq of a server.
inline constexpr std::size_t scram_client_message_bytes_max = 1024;
inline constexpr std::size_t scram_server_message_bytes_max = 2000;

class ScramReader {
 public:
  ScramReader(std::string_view message, std::size_t bytes_max);

  /// Up to the next comma, or to the end.
  std::string_view item();
  /// The value of the next attribute, which has to be `name`.
  std::string_view value(char name);
  /// The attribute "r": printable and not empty.
  std::string_view nonce();
  /// Passes over optional extensions, which nobody has defined yet, up to an attribute `name` or the end.
  void skip_extensions(char name = '\0');
  /// Nothing may be left.
  void end();

  std::string_view rest() const noexcept { return rest_; }
  void fail(std::string_view why);
  const std::optional<ScramFailure>& failure() const noexcept { return failure_; }

 private:
  std::string_view rest_;
  bool ended_ = false;  ///< "a=b," has not: behind the comma something is missing
  std::optional<ScramFailure> failure_;
};

/// 1 to INT_MAX, as PostgreSQL has them.
std::optional<std::uint32_t> parse_scram_iterations(std::string_view digits);

}  // namespace pgwarden::protocol
