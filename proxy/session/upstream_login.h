// pgwarden logs in to a server: the client's side of the exchange.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "protocol/frame_buffer.h"
#include "protocol/scram.h"

namespace pgwarden::session {

/// Who pgwarden is to a server. An empty password is none.
struct UpstreamAccount {
  std::string user;
  /// The password, or the keys that the client's own login has given.
  std::variant<protocol::Secret, protocol::ScramKeys> credentials;
};

/// What the connection to the server allows.
struct UpstreamChannel {
  std::string binding{};          ///< its tls-server-end-point; empty: none
  bool confidential = false;      ///< TLS or a Unix-domain socket: a password may be sent as it is
  bool binding_required = false;  ///< channel_binding=require
};

/// Sans-io: begins when the StartupMessage has been sent; feed() it what the server sends up to
/// AuthenticationOk (docs, "Start-up"; src/interfaces/libpq/fe-auth.c).
class UpstreamLogin {
 public:
  struct NeedMore {};
  /// Send these bytes and go on.
  struct Send {
    std::string bytes;
  };
  /// Derive the keys of the account's password, which takes its time, and go on with derived().
  struct Derive {
    protocol::ScramChallenge challenge;
  };
  /// Logged in. These bytes are the session's first: AuthenticationOk and what came with it.
  struct Done {
    std::string bytes;
  };
  /// The server's ErrorResponse.
  struct Refused {
    std::string error_response;
    std::string sqlstate;
    std::string message;
  };
  /// It cannot be done.
  struct Failed {
    std::string why;
  };
  using Step = std::variant<NeedMore, Send, Derive, Done, Refused, Failed>;

  UpstreamLogin(UpstreamAccount account, UpstreamChannel channel);

  /// Call it again, with nothing, after Send.
  Step feed(protocol::Bytes bytes);
  Step derived(const protocol::ScramKeys& keys);

 private:
  /// Which Authentication message may come next: there is one exchange, and that to its end.
  enum class Due : std::uint8_t { any_request, sasl_continue, sasl_final, ok };

  bool is_due(std::uint32_t request) const noexcept;
  std::optional<Step> on_frame(const protocol::FrameBuffer::Frame& frame);
  Step on_authentication(const protocol::FrameBuffer::Frame& frame);
  Step send_password(std::string_view md5_salt);
  Step begin_scram(protocol::Bytes mechanisms);
  Step on_challenge(protocol::Bytes server_first);

  UpstreamAccount account_;
  UpstreamChannel channel_;
  protocol::FrameBuffer frames_;
  std::string forwarded_;  ///< what the client has to see of the login
  std::optional<protocol::ScramClient> scram_;
  Due due_ = Due::any_request;
};

}  // namespace pgwarden::session
