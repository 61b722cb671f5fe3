// The driver of one client connection: moves bytes between two sockets and the session's state machine.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "proxy/audit/decision.h"
#include "proxy/net/account.h"
#include "proxy/net/admission.h"
#include "proxy/net/step.h"
#include "proxy/net/stream.h"
#include "proxy/net/unchanged.h"
#include "proxy/net/upstream_search.h"
#include "proxy/net/worker.h"
#include "proxy/session/session.h"
#include "proxy/session/startup_flow.h"

namespace pgwarden::net {

/// One client connection from accept to close. Lives on its worker's thread; kept alive by its coroutine
/// while it starts, and by one handler or coroutine per direction afterwards. It takes no decision: it
/// performs what the session says.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Worker& worker, Socket client, std::size_t listener, std::uint64_t number);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  /// `address` is the client's.
  void start(const Protocol::endpoint& address);
  /// Closes with 57P01, or as soon as no transaction is running any more: its worker is draining.
  void drain();
  /// Closes with 57P01 now.
  void terminate();
  /// Ends what has been idle, or unread, for too long. To be called now and then.
  void look(Unchanged::Clock::time_point now);

 private:
  friend struct Step;
  using Status = session::Session::Status;
  /// What a server says to a StartupMessage, as far as another server could be asked.
  struct FirstAnswer {
    enum class Kind : std::uint8_t { ready, error, not_now, failed, unreachable };
    Kind kind = Kind::ready;
    std::string why;
  };
  /// A denial that waits for its turn.
  struct Held {
    session::Answer answer;
    DenialPace::Clock::time_point turn;
  };

  asio::awaitable<void> start_up();
  asio::awaitable<std::optional<session::StartupFlow::Start>> read_startup_packet();
  asio::awaitable<void> forward_cancel(protocol::CancelRequest request);
  asio::awaitable<bool> encrypt_client(TlsContext tls, bool direct);
  asio::awaitable<std::optional<std::string>> open_upstream(const protocol::StartupMessage& message,
                                                            const std::optional<Account>& account);
  asio::awaitable<std::string> mismatch(protocol::TargetSession wanted, std::string& bytes);
  asio::awaitable<bool> open_address(std::string startup_packet, UpstreamSearch& search);
  asio::awaitable<FirstAnswer> ask(std::string startup_packet, Encrypt encrypt, const UpstreamSearch& search);
  asio::awaitable<std::shared_ptr<const config::User>> find_user(const protocol::StartupMessage& message,
                                                                 std::string& why);
  asio::awaitable<std::optional<Account>> log_in_client(const protocol::StartupMessage& message,
                                                        std::string& bytes);
  asio::awaitable<std::optional<std::string>> log_in_upstream(session::UpstreamAccount account);
  asio::awaitable<protocol::ScramKeys> keys_of(const protocol::Secret& password,
                                               const protocol::ScramChallenge& challenge);
  asio::awaitable<std::string> server_bytes(error_code& error);
  asio::awaitable<void> client_leaves();
  asio::awaitable<std::size_t> end_of_turn();
  void relay(protocol::Bytes from_client, protocol::Bytes from_server);
  void relay_frontend(error_code error);
  bool take_frontend(protocol::Bytes chunk);
  Status advance_frontend();
  void keep_frontend();
  asio::awaitable<void> frontend_waits(Status status);
  bool answer(session::Answer answer);
  asio::awaitable<void> judge_elsewhere();
  asio::awaitable<void> wait_for_turn();
  void end_frontend(error_code error);
  void leave_upstream(error_code error);
  void relay_backend(error_code error);
  bool take_backend(protocol::Bytes chunk);
  bool send_to_client();
  void backend_waits(error_code error);
  asio::awaitable<void> end_backend();
  asio::awaitable<void> refuse(std::string fatal);
  const config::Listener& listener() const;
  bool proxy_header_due() const;
  boost::json::object named() const;
  session::TlsRule tls_rule(const TlsContext& tls) const;
  asio::awaitable<bool> begin_session(protocol::StartupMessage& message,
                                      const std::optional<Account>& account);
  void become_pending();
  void no_longer_pending();
  asio::awaitable<bool> admitted(const std::string& user);
  asio::awaitable<bool> user_admitted(const std::string& user);
  asio::awaitable<bool> not_rejected(std::optional<Rejection> rejection, std::string user);
  void log_rejection(const Rejection& rejection, const std::string& user) const;
  void login_failed();
  void login_finished();
  void give_up(std::string_view sqlstate, std::string_view message);
  void end_session(std::string_view sqlstate, std::string_view message, std::string_view hint = {});
  std::optional<Target> route(const std::string& database) const;

  const std::shared_ptr<const policy::Policy>& current_policy();
  audit::Context audit_context() const;
  session::Answer record(policy::Verdict verdict, std::string_view sql);
  void after_backend_bytes();
  void upstream_gone();
  void run(asio::awaitable<void> coroutine);
  Step handler(void (Connection::*function)(error_code));
  void again(void (Connection::*function)(error_code));
  void broken(const std::exception_ptr& fault);
  void arm(std::chrono::milliseconds delay, void (Connection::*action)());
  void disarm();
  void on_login_timeout();
  bool ending() const;
  void close();

  Worker& worker_;
  /// What held when the client came, and holds until its session begins: were a reload to change it half-way,
  /// the user of one configuration could get the server login of another. Rules and limits are the worker's.
  const std::shared_ptr<const config::Config> config_;
  const std::shared_ptr<const TlsContexts> tls_;
  Stream client_;
  Stream upstream_;
  Timer timer_;   ///< the login deadline, later the time for last bytes
  Timer wakeup_;  ///< cancelled to wake a session that waits for the server; never expires, but for a turn
  const std::size_t listener_;
  const std::uint64_t number_;
  policy::Principal who_;
  audit::Repeats repeats_;
  Target target_;
  std::shared_ptr<const policy::Policy> policy_;  ///< that protected_ was taken from
  bool protected_ = true;
  bool cancel_key_known_ = false;  ///< to the worker's CancelKeys
  std::unique_ptr<Held> held_;
  unsigned timer_use_ = 0;      ///< tells an expiry under way from one that still counts
  bool discarding_ = false;     ///< the client's bytes no longer matter
  bool frontend_done_ = false;  ///< the client has closed its side
  bool backend_done_ = false;   ///< the server has closed its side
  bool relaying_ = false;       ///< the StartupMessage is on its way; bytes go in both directions
  bool login_done_ = false;
  std::optional<std::list<Connection*>::iterator> pending_;  ///< in the worker's list
  Admission::Place place_;
  std::uint64_t chunks_from_client_ = 0;
  std::uint64_t chunks_from_server_ = 0;
  Unchanged quiet_;
  Unchanged unread_;
  std::optional<session::Session> session_;
  session::Outgoing to_upstream_;
  session::Outgoing to_client_;
};

}  // namespace pgwarden::net
