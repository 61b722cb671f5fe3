// A client logs in to pgwarden by SCRAM: the server's side of the exchange.
#pragma once

#include <string>
#include <variant>

#include "protocol/frame_buffer.h"
#include "protocol/scram.h"

namespace pgwarden::session {

/// Sans-io: begin() is what to send first, then feed() what the client sends (docs, "SASL Authentication";
/// src/backend/libpq/auth-sasl.c).
class ClientLogin {
 public:
  struct NeedMore {};
  /// Send these bytes and go on.
  struct Send {
    std::string bytes;
  };
  /// The client has proved itself: send these bytes, after which AuthenticationOk is due.
  struct Done {
    std::string bytes;
    std::string rest;  ///< what the client sent behind its proof without waiting
  };
  /// Send this message and close.
  struct Refuse {
    std::string fatal;
    std::string why;  ///< for the log
  };
  using Step = std::variant<NeedMore, Send, Done, Refuse>;

  /// `channel_binding`: the tls-server-end-point of the client's connection; empty: SCRAM-SHA-256-PLUS is not
  /// offered.
  ClientLogin(std::string user, protocol::ScramVerifier verifier, std::string channel_binding);

  std::string begin() const;
  Step feed(protocol::Bytes bytes);

  /// After Done: with what one can log in as this client to a server that has the same verifier.
  const protocol::Secret& client_key() const noexcept { return scram_.client_key(); }

 private:
  Step on_frame(const protocol::FrameBuffer::Frame& frame);
  Step on_first(protocol::Bytes client_first);
  Step refuse(const protocol::ScramFailure& failure) const;

  std::string user_;
  bool offers_plus_;
  protocol::ScramServer scram_;
  protocol::FrameBuffer frames_;
  std::string mechanism_;  ///< that the client has chosen
  bool begun_ = false;     ///< its first message was there
};

}  // namespace pgwarden::session
