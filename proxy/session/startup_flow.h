// A connection before it is a session: the packets without a type byte, and what each is answered.
#pragma once

#include <string>
#include <variant>

#include "protocol/startup_packet.h"

namespace pgwarden::session {

/// Takes the first bytes of a client up to its StartupMessage or CancelRequest (docs, "Start-up" and "SSL
/// Session Encryption"). Holds at most one packet and what was fed behind it.
class StartupFlow {
 public:
  struct NeedMore {};
  /// Send this one byte and go on.
  struct Reply {
    char byte;
  };
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
  using Step = std::variant<NeedMore, Reply, Cancel, Start, Refuse>;

  Step feed(protocol::Bytes bytes);

 private:
  Step on_packet(const std::string& packet);
  Step refuse(const std::string& sqlstate, const std::string& message);

  std::string buffer_;
  bool ssl_asked_ = false;
  bool gssenc_asked_ = false;
};

}  // namespace pgwarden::session
