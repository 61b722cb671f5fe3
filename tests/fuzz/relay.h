// A session between a client and a server that are both the input's, with a policy by words: statements with
// DROP are denied, those with END also end the session, those with WARN are warned about, those with SET may
// change how texts are read.
#pragma once

#include "protocol/messages.h"
#include "proxy/session/session.h"
#include "tests/fuzz/fuzz.h"

namespace pgwarden::fuzz {

inline constexpr std::string_view denial_token = "pgwarden_denied_fuzz";
inline constexpr std::uint32_t statement_bytes_max = 500;

/// What the input says of the session.
struct RelaySettings {
  explicit RelaySettings(unsigned flags)
      : protected_host((flags & 1) == 0),
        read_only((flags & 2) != 0),
        client_encrypted((flags & 4) != 0),
        server_encrypted((flags & 8) != 0),
        judges_later((flags & 16) != 0),
        sends_late((flags & 32) != 0) {}

  bool protected_host;
  bool read_only;
  bool client_encrypted;
  bool server_encrypted;
  bool judges_later;  ///< another thread judges: the buffers are needed meanwhile
  bool sends_late;    ///< the peers take nothing at once
};

inline bool denies(std::string_view sql) { return sql.find("DROP") != std::string_view::npos; }

inline session::Answer answer_to(const session::JudgeRequest& request, bool protected_host) {
  const auto has = [&](std::string_view word) { return request.sql.find(word) != std::string_view::npos; };
  session::Answer answer;
  answer.may_change_lexing = has("SET");
  answer.may_hide_temporary = has("SET");
  answer.effect = policy::Effect::allow;
  if (!protected_host) return answer;
  if (denies(request.sql)) {
    answer.effect = policy::Effect::deny;
    answer.refusal = session::plain_refusal("42501", "no");
    answer.refusal->position = static_cast<std::int32_t>(request.sql.find("DROP"));
    if (has("END")) answer.refusal->on_deny = policy::OnDeny::terminate;
  } else if (has("WARN")) {
    answer.effect = policy::Effect::warn;
    answer.refusal = session::plain_refusal("01000", "mind");
  }
  return answer;
}

/// The notice that comes of a warning.
inline std::string warning_notice() {
  return protocol::encode_error('N', {{'S', "WARNING"}, {'V', "WARNING"}, {'C', "01000"}, {'M', "mind"}});
}

/// Drives a session as proxy/net/connection does. What was fed is gone afterwards.
class Relay {
 public:
  using Status = session::Session::Status;

  explicit Relay(const RelaySettings& settings)
      : settings_(settings),
        session_({std::string(denial_token), statement_bytes_max, settings.protected_host, true,
                  settings.read_only}) {
    session_.encrypted(settings.client_encrypted, settings.server_encrypted);
  }

  void client(std::string_view bytes) {
    if (status_ == Status::wait) {
      unread_ += bytes;
    } else if (status_ == Status::hungry) {
      take(bytes);
    }
  }

  void server(std::string_view bytes) {
    if (session_.backend_ended()) return;
    session::Outgoing out;
    session_.feed_backend(bytes, out);
    if (settings_.sends_late) out.keep();
    send(out, to_client);
  }

  /// A client that waited for the server goes on.
  void resume() {
    while (status_ == Status::wait && session_.may_continue()) {
      advance();
      if (status_ == Status::hungry) take(std::exchange(unread_, {}));
    }
  }

  std::string finish() {
    session::Outgoing out;
    session_.finish_backend(out);
    std::string last;
    send(out, last);
    return last;
  }

  const session::Session& session() const { return session_; }
  Status status() const { return status_; }
  std::size_t unread() const { return unread_.size(); }

  std::string to_server;
  std::string to_client;
  bool records = true;  ///< keeps what was sent

 private:
  void take(std::string_view bytes) {
    const std::vector<char> memory(bytes.begin(), bytes.end());
    session_.feed_frontend({memory.data(), memory.size()});
    advance();
  }

  void advance() {
    session::Outgoing out;
    for (;;) {
      status_ = session_.advance_frontend(out);
      if (status_ == Status::judge && !settings_.judges_later) {
        session_.answer(answer_to(session_.request(), settings_.protected_host), out);
        continue;
      }
      if (settings_.sends_late) {
        out.keep();
        session_.keep_frontend();
      } else {
        send(out, to_server);
      }
      if (status_ == Status::hungry || status_ == Status::ended) break;
      session_.keep_frontend();
      if (status_ == Status::wait) break;
      session_.answer(answer_to(session_.request(), settings_.protected_host), out);
    }
    if (settings_.sends_late) send(out, to_server);
  }

  void send(session::Outgoing& out, std::string& sent) const {
    if (records) {
      for (const auto& part : out.parts()) sent += part.bytes;
    }
    out.clear();
  }

  RelaySettings settings_;
  session::Session session_;
  Status status_ = Status::hungry;
  std::string unread_;
};

}  // namespace pgwarden::fuzz
