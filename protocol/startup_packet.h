// The packets without a type byte: StartupMessage, SSLRequest, GSSENCRequest, CancelRequest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/byte_reader.h"

namespace pgwarden::protocol {

struct SslRequest {};
struct GssEncRequest {};

/// Names a session by the key that BackendKeyData gave its client; the key has 4 to 256 bytes (protocol 3.2).
struct CancelRequest {
  std::string key;  ///< process id and secret, as on the wire
};

struct StartupMessage {
  std::uint32_t version = 0;
  std::vector<std::pair<std::string, std::string>> parameters;  ///< in order, doubles included

  /// The value that the server will use: the last one; empty when there is none.
  std::string_view parameter(std::string_view name) const noexcept;
  /// `user`, and `database` with its default (the user), cut to 63 bytes as the server does.
  std::string user() const;
  std::string database() const;
  /// Puts a parameter in the last place, where it wins over others of that name, whatever their case, and
  /// over `options` (src/backend/utils/init/postinit.c, process_startup_options).
  void set(std::string_view name, std::string_view value);
  /// The packet, as it came if nothing was set.
  std::string encode() const;
};

/// A packet that is none of these, in words for the client, with its SQLSTATE; without one where the server
/// ends the connection without a word and only its log has these.
struct BadStartupPacket {
  std::string sqlstate;
  std::string message;
};

using StartupPacket =
    std::variant<BadStartupPacket, SslRequest, GssEncRequest, CancelRequest, StartupMessage>;

/// Whole length of the packet that begins with `bytes`, its length word included; nullopt while that is not
/// known. More than `startup_packet_bytes_max` + 4 or less than 8 is for decode_startup_packet to refuse.
std::optional<std::uint32_t> startup_packet_size(Bytes bytes) noexcept;

/// Decodes one whole packet, or says from its first eight bytes that it can only be garbage.
/// Rules: docs, "Message Formats"; src/backend/tcop/backend_startup.c, ProcessStartupPacket.
StartupPacket decode_startup_packet(Bytes packet);

}  // namespace pgwarden::protocol
