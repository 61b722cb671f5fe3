// The state machine of one session: what happens to each message of the client and of the server.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/frame_reader.h"
#include "protocol/session_attributes.h"
#include "proxy/session/denials.h"
#include "proxy/session/judgement.h"
#include "proxy/session/lexer_state.h"
#include "proxy/session/outgoing.h"
#include "proxy/session/pipeline.h"

namespace pgwarden::session {

struct SessionSettings {
  std::string denial_token;  ///< see Denials
  std::uint32_t max_statement_bytes = 16u << 20;
  bool protected_host = true;   ///< false: nothing waits, and only malformed statements are replaced
  bool temporary_first = true;  ///< false: the startup parameters may move pg_temp from its first place
  bool read_only = false;       ///< begins so: a server that then reports something else ends the session
  /// The kind of server that is wanted: with another the session ends before it begins.
  protocol::TargetSession target_session = protocol::TargetSession::any;
};

/// Sans-io (D18): bytes in, bytes out, no sockets, no clock, no log. Begins when the StartupMessage has been
/// sent to the server. One thread at a time.
///
/// The client's side: feed_frontend(), then advance_frontend() until it is `hungry`. At `judge` the message
/// in request() waits for answer(); at `wait` for answers of the server; later bytes stay unread meanwhile.
/// When the fed buffer has to go before `hungry`, call keep_frontend().
class Session {
 public:
  enum class Status : std::uint8_t { hungry, judge, wait, ended };

  explicit Session(SessionSettings settings);

  void feed_frontend(protocol::Bytes chunk) { frontend_.feed(chunk); }
  Status advance_frontend(Outgoing& to_backend);
  JudgeRequest request() const;
  void answer(Answer answer, Outgoing& to_backend);
  void keep_frontend();

  /// Takes all of `chunk`.
  void feed_backend(protocol::Bytes chunk, Outgoing& to_frontend);
  /// The server has closed its side: the client's last message, if one is due.
  void finish_backend(Outgoing& to_frontend);

  /// The policy has changed and says otherwise of this session's host.
  void set_protected(bool protected_host) noexcept { settings_.protected_host = protected_host; }

  /// Which of its connections are encrypted. Channel binding ties a login to one of them, and cannot reach
  /// from the client to the server: it is not offered to a client in clear, and explained to one that tries
  /// it all the same.
  void encrypted(bool client, bool server) noexcept {
    client_encrypted_ = client;
    server_encrypted_ = server;
  }

  /// A session that said `wait` can go on: call advance_frontend().
  bool may_continue() const noexcept;
  /// Ends the session with this FATAL message for the client as soon as the server's side has ended.
  void fail(std::string_view sqlstate, std::string_view message, std::string_view hint = {});
  /// Nothing more of the server will be forwarded.
  bool backend_ended() const noexcept { return backend_ended_; }

  /// The first ReadyForQuery has been seen.
  bool logged_in() const noexcept { return transaction_status_ != '\0'; }
  /// The server has refused the login. True once.
  bool take_login_failure() noexcept { return std::exchange(login_failed_, false); }
  /// Logged in, outside a transaction, with nothing under way in either direction.
  bool idle() const noexcept { return transaction_status_ == 'I' && quiet(); }
  /// The same within a transaction, which may have failed.
  bool idle_in_transaction() const noexcept { return logged_in() && transaction_status_ != 'I' && quiet(); }
  /// The key of BackendKeyData: process id and secret as on the wire; empty before.
  const std::string& cancel_key() const noexcept { return cancel_key_; }
  /// As the server last reported it; nullopt before.
  const std::optional<std::string>& application_name() const noexcept { return application_name_; }

 private:
  void on_frontend_header(const protocol::FrameReader::Item& item);
  Status on_frontend_frame(Outgoing& to_backend);
  Status wait_or_judge();
  void forward_frontend_frame(Outgoing& to_backend);
  void drop_frontend_frame();
  void replace(char tag, Refusal refusal, std::string_view statement, std::string_view sql,
               Outgoing& to_backend);
  void sent_statement(char tag);
  void on_backend_header(const protocol::FrameReader::Item& item);
  void on_backend_frame(const protocol::FrameReader::Item& item, Outgoing& to_frontend);
  void on_ready_for_query(char status);
  bool is_login_failure(protocol::Bytes error_response) const;
  bool binds_channel(protocol::Bytes error_response) const;
  /// The server is known to be of the kind that is wanted: before, nothing is to run there.
  bool is_wanted() const noexcept {
    return logged_in() || settings_.target_session == protocol::TargetSession::any;
  }
  void send_notices(Outgoing& to_frontend);
  bool quiet() const noexcept;

  SessionSettings settings_;
  protocol::FrameReader frontend_;
  protocol::FrameReader backend_;
  Pipeline pipeline_;
  LexerState lexer_;
  protocol::SessionAttributes attributes_;
  Denials denials_;
  std::vector<std::string> notices_;  ///< of rules that warn, not yet between two frames of the server

  protocol::Bytes frame_;   ///< the message being judged; empty when there is none
  std::string frame_copy_;  ///< what frame_ points into after keep_frontend()
  LexicalHazards hazards_;  ///< of frame_
  Lexing lexing_ = Lexing::either;
  bool waiting_ = false;  ///< for the server to answer what was sent before
  bool frontend_ended_ = false;
  bool backend_ended_ = false;
  bool prepared_may_change_lexing_ = false;
  bool client_encrypted_ = false;
  bool server_encrypted_ = false;
  bool proving_ = false;  ///< a SASL exchange is under way
  bool login_failed_ = false;
  char transaction_status_ = '\0';
  std::string fatal_;
  std::string cancel_key_;
  std::optional<std::string> application_name_;
};

}  // namespace pgwarden::session
