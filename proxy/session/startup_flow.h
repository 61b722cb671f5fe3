// A connection before it is a session: the packets without a type byte, and what each is answered.
#pragma once

#include <string>
#include <variant>

#include "protocol/proxy_header.h"
#include "protocol/startup_packet.h"

namespace pgwarden::session {

/// Whether a client may, or has to, encrypt its connection.
enum class TlsRule : std::uint8_t { none, offered, required };

/// Takes the first bytes of a client up to its StartupMessage or CancelRequest (docs, "Start-up" and "SSL
/// Session Encryption"), and a proxy's header before them. Holds at most one packet and what was fed behind
/// it.
class StartupFlow {
 public:
  struct NeedMore {};
  /// Send this one byte and go on.
  struct Reply {
    char byte;
  };
  /// Send 'S', and encrypt what follows.
  struct StartTls {};
  struct Cancel {
    protocol::CancelRequest request;
  };
  struct Start {
    protocol::StartupMessage message;
    std::string rest;  ///< what the client sent behind it without waiting
  };
  /// Send this message and close.
  struct Refuse {
    std::string fatal;  ///< may be empty
    std::string why;
  };
  using Step = std::variant<NeedMore, Reply, StartTls, Cancel, Start, Refuse>;

  /// With `proxy_header_due` nothing but a PROXY protocol header may come first, and without it none.
  explicit StartupFlow(bool proxy_header_due, TlsRule tls = TlsRule::none)
      : tls_(tls), proxy_header_due_(proxy_header_due) {}

  Step feed(protocol::Bytes bytes);
  /// How many of these bytes, the next ones, it takes; none: they begin a TLS handshake, after which it goes
  /// on with encrypted().
  std::size_t takes(protocol::Bytes next) const;
  /// The connection is encrypted from here on.
  void encrypted() noexcept { encrypted_ = ssl_asked_ = gssenc_asked_ = true; }
  /// Where the client is, when a proxy's header has said so.
  const std::optional<protocol::ProxySource>& source() const noexcept { return source_; }

 private:
  std::optional<Step> on_proxy_header();
  Step on_packet(const std::string& packet);
  Step refuse(const std::string& sqlstate, const std::string& message);

  TlsRule tls_;
  std::string buffer_;
  bool proxy_header_due_;
  std::optional<protocol::ProxySource> source_;
  bool encrypted_ = false;
  bool ssl_asked_ = false;
  bool gssenc_asked_ = false;
};

}  // namespace pgwarden::session
