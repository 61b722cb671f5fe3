#include "proxy/session/session.h"

#include <utility>

#include "protocol/authentication.h"
#include "protocol/messages.h"
#include "protocol/tags.h"

namespace pgwarden::session {

namespace {

using protocol::BodyMode;
using protocol::FrameReader;
using protocol::FrameRules;
using protocol::Treatment;
namespace backend = protocol::backend;
namespace frontend = protocol::frontend;

// The server's limits on the length word (src/include/libpq/libpq.h, PQ_SMALL_MESSAGE_LIMIT and
// PQ_LARGE_MESSAGE_LIMIT; auth.c, PG_MAX_AUTH_TOKEN_LENGTH), which does not count the type byte.
constexpr std::uint32_t small_length_max = 10'000 + 4;
constexpr std::uint32_t large_length_max = 0x3fffffff + 4;
constexpr std::uint32_t authentication_length_max = 65'535 + 4;
/// Longer bodies of an ErrorResponse or ParameterStatus cannot be what we look for.
constexpr std::uint32_t inspected_body_max = 64 * 1024;
constexpr std::size_t notices_max = 256;

constexpr std::string_view channel_binding_lost =
    "SCRAM channel binding cannot pass through pgwarden: TLS to the server begins there";
constexpr std::string_view channel_binding_hint =
    "Connect with channel_binding=disable, or without TLS between the client and pgwarden (sslmode=disable).";

constexpr FrameRules frontend_rules = [] {
  FrameRules rules;
  for (const char tag :
       {frontend::query, frontend::parse, frontend::function_call, frontend::bind, frontend::copy_data}) {
    rules.set(tag, Treatment::inspect, large_length_max);
  }
  for (const char tag : {frontend::describe, frontend::execute, frontend::close, frontend::sync,
                         frontend::copy_done, frontend::copy_fail}) {
    rules.set(tag, Treatment::inspect, small_length_max);
  }
  rules.set(frontend::flush, Treatment::stream, small_length_max);
  rules.set(frontend::terminate, Treatment::stream, small_length_max);
  rules.set(frontend::authentication_response, Treatment::stream, authentication_length_max);
  return rules;
}();

constexpr FrameRules backend_rules = [] {
  FrameRules rules;
  for (const char tag :
       {backend::negotiate_protocol_version, backend::row_description, backend::data_row,
        backend::command_complete, backend::empty_query_response, backend::parse_complete,
        backend::bind_complete, backend::close_complete, backend::no_data, backend::parameter_description,
        backend::portal_suspended, backend::function_call_response, backend::copy_out_response,
        backend::copy_data, backend::copy_done, backend::notice_response, backend::notification_response}) {
    rules.set(tag, Treatment::stream, large_length_max);
  }
  for (const char tag : {backend::authentication, backend::error_response, backend::parameter_status,
                         backend::copy_in_response, backend::copy_both_response}) {
    rules.set(tag, Treatment::inspect, large_length_max);
  }
  rules.set(backend::ready_for_query, Treatment::inspect, 5);
  rules.set(backend::backend_key_data, Treatment::inspect, 4 + 4 + 256);
  return rules;
}();

Refusal too_large(std::uint32_t limit) {
  Refusal refusal = plain_refusal("54000", "statement is too large for pgwarden to verify");
  refusal.explanation.detail =
      "The statement was not executed.  The limit is " + std::to_string(limit) + " bytes.";
  refusal.explanation.hint =
      "Send large values as parameters or with COPY, or ask an operator to raise \"max_statement_bytes\".";
  return refusal;
}

bool is_judged(char tag) {
  return tag == frontend::query || tag == frontend::parse || tag == frontend::function_call;
}

/// The name and text of a judged message; nullopt when it is malformed.
std::optional<protocol::Parse> text_of(protocol::Bytes frame) {
  const protocol::Bytes body = FrameReader::body(frame);
  switch (frame.front()) {
    case frontend::query:
      if (const auto sql = protocol::decode_query(body)) return protocol::Parse{{}, *sql};
      return std::nullopt;
    case frontend::parse:
      return protocol::decode_parse(body);
    default:
      if (!protocol::decode_function_call(body)) return std::nullopt;
      return protocol::Parse{};
  }
}

}  // namespace

Session::Session(SessionSettings settings)
    : settings_(std::move(settings)),
      frontend_(frontend_rules),
      backend_(backend_rules),
      attributes_(settings_.target_session),
      denials_(std::move(settings_.denial_token)) {
  pipeline_.sent_startup();
}

Session::Status Session::advance_frontend(Outgoing& to_backend) {
  if (!frame_.empty()) return waiting_ ? wait_or_judge() : Status::judge;
  while (!frontend_ended_) {
    const FrameReader::Item item = frontend_.next();
    switch (item.kind) {
      case FrameReader::Kind::need_more:
        return Status::hungry;
      case FrameReader::Kind::run:
        to_backend.forward(item.bytes);
        break;
      case FrameReader::Kind::header:
        on_frontend_header(item);
        break;
      case FrameReader::Kind::frame:
        frame_ = item.bytes;
        if (const Status status = on_frontend_frame(to_backend); status != Status::hungry) return status;
        break;
      case FrameReader::Kind::skipped:
        // Not earlier: no server answers a statement that it has not read, and some clients cannot bear it.
        replace(item.tag, too_large(settings_.max_statement_bytes), {}, {}, to_backend);
        break;
      case FrameReader::Kind::broken:
        fail("08P01", frontend_.error());
        break;
    }
  }
  return Status::ended;
}

void Session::on_frontend_header(const FrameReader::Item& item) {
  if (is_judged(item.tag)) {
    if (item.body_bytes <= settings_.max_statement_bytes) {
      frontend_.choose(BodyMode::whole);
    } else if (settings_.protected_host) {
      frontend_.choose(BodyMode::skip);
    } else {
      frontend_.choose(BodyMode::stream);
      sent_statement(item.tag);
      lexer_.may_change();
    }
    return;
  }
  frontend_.choose(BodyMode::stream);
  switch (item.tag) {
    case frontend::sync:
      pipeline_.sent_sync();
      break;
    case frontend::copy_data:
      pipeline_.sent_copy_data();
      break;
    case frontend::copy_done:
    case frontend::copy_fail:
      pipeline_.sent_copy_end();
      break;
    default:  // Bind, Describe, Execute, Close
      pipeline_.sent_extended();
      if (prepared_may_change_lexing_) lexer_.may_change();
  }
}

/// Asks for a verdict on frame_, or for time; `hungry` when the frame is done with.
Session::Status Session::on_frontend_frame(Outgoing& to_backend) {
  const auto text = text_of(frame_);
  if (!text) {
    replace(frame_.front(), plain_refusal("08P01", "invalid message format"), {}, {}, to_backend);
    drop_frontend_frame();
    return Status::hungry;
  }
  hazards_ = LexicalHazards::of(text->sql);
  return wait_or_judge();
}

Session::Status Session::wait_or_judge() {
  const std::optional<Lexing> lexing = lexer_.lexing_of(hazards_, pipeline_);
  waiting_ = (settings_.protected_host && !lexing) || !is_wanted();
  lexing_ = lexing.value_or(Lexing::either);
  return waiting_ ? Status::wait : Status::judge;
}

JudgeRequest Session::request() const {
  const char tag = frame_.front();
  JudgeRequest request{tag, text_of(frame_)->sql, 0, lexing_, settings_.temporary_first};
  if (tag == frontend::function_call) {
    request.function_oid = *protocol::decode_function_call(FrameReader::body(frame_));
  }
  return request;
}

void Session::answer(Answer answer, Outgoing& to_backend) {
  const char tag = frame_.front();
  if (answer.effect == policy::Effect::deny) {
    const auto text = text_of(frame_);
    Refusal refusal = answer.refusal ? std::move(*answer.refusal) : plain_refusal();
    replace(tag, std::move(refusal), text->statement, text->sql, to_backend);
    drop_frontend_frame();
    return;
  }
  if (answer.effect == policy::Effect::warn && answer.refusal && notices_.size() < notices_max) {
    const policy::Explanation& words = answer.refusal->explanation;
    notices_.push_back(protocol::encode_error(backend::notice_response, {{'S', "WARNING"},
                                                                         {'V', "WARNING"},
                                                                         {'C', answer.refusal->sqlstate},
                                                                         {'M', words.message},
                                                                         {'D', words.detail},
                                                                         {'H', words.hint}}));
  }
  sent_statement(tag);
  if (answer.may_hide_temporary) settings_.temporary_first = false;
  if (answer.may_change_lexing) {
    lexer_.may_change();
    if (tag == frontend::parse) prepared_may_change_lexing_ = true;
  }
  forward_frontend_frame(to_backend);
}

void Session::forward_frontend_frame(Outgoing& to_backend) {
  if (std::string collected = frontend_.release(); !collected.empty()) {
    to_backend.write(std::move(collected));
  } else if (!frame_copy_.empty()) {
    to_backend.write(std::exchange(frame_copy_, {}));
  } else {
    to_backend.forward(frame_);
  }
  frame_ = {};
}

void Session::drop_frontend_frame() {
  frontend_.release();
  frame_copy_ = {};
  frame_ = {};
}

void Session::replace(char tag, Refusal refusal, std::string_view statement, std::string_view sql,
                      Outgoing& to_backend) {
  to_backend.write(denials_.replace(tag, statement, std::move(refusal), sql, lexer_.utf8()));
  sent_statement(tag);
}

void Session::sent_statement(char tag) {
  if (tag == frontend::parse) {
    pipeline_.sent_extended();
  } else {
    pipeline_.sent_query();
  }
}

void Session::keep_frontend() {
  if (!frame_.empty() && !frontend_.owns_frame() && frame_copy_.empty()) {
    frame_copy_ = frame_;
    frame_ = frame_copy_;
  }
  frontend_.keep();
}

void Session::feed_backend(protocol::Bytes chunk, Outgoing& to_frontend) {
  backend_.feed(chunk);
  while (!backend_ended_) {
    if (!notices_.empty()) send_notices(to_frontend);
    const FrameReader::Item item = backend_.next();
    switch (item.kind) {
      case FrameReader::Kind::need_more:
        return;
      case FrameReader::Kind::run:
        to_frontend.forward(item.bytes);
        break;
      case FrameReader::Kind::header:
        on_backend_header(item);
        break;
      case FrameReader::Kind::frame:
        on_backend_frame(item, to_frontend);
        break;
      case FrameReader::Kind::skipped:  // never chosen
      case FrameReader::Kind::broken:
        fail("08P01", "the server broke the protocol: " + backend_.error());
        backend_ended_ = true;
        break;
    }
  }
}

void Session::on_backend_header(const FrameReader::Item& item) {
  bool whole = item.body_bytes <= inspected_body_max;
  if (item.tag == backend::error_response) {
    pipeline_.received_error();
    whole = whole && (!denials_.empty() || !logged_in());
  } else if (item.tag == backend::copy_in_response || item.tag == backend::copy_both_response) {
    pipeline_.received_copy_in();
    whole = false;
  }
  backend_.choose(whole ? BodyMode::whole : BodyMode::stream);
}

void Session::on_backend_frame(const FrameReader::Item& item, Outgoing& to_frontend) {
  const protocol::Bytes body = FrameReader::body(item.bytes);
  if (item.tag == backend::error_response) {
    login_failed_ = is_login_failure(body);
    if (binds_channel(body)) {
      backend_.release();
      to_frontend.write(protocol::encode_fatal("28000", channel_binding_lost, channel_binding_hint));
      return;
    }
    if (auto swapped = denials_.swap(body)) {
      backend_.release();
      to_frontend.write(std::move(swapped->error_response));
      if (swapped->on_deny == policy::OnDeny::terminate) frontend_ended_ = backend_ended_ = true;
      return;
    }
  } else if (item.tag == backend::authentication) {
    proving_ = protocol::is_sasl_exchange(body);
    if (server_encrypted_ && !client_encrypted_) {  // libpq ends a connection in clear that is offered it
      if (auto plain = protocol::without_channel_binding(body)) {
        backend_.release();
        to_frontend.write(std::move(*plain));
        return;
      }
    }
  } else if (item.tag == backend::ready_for_query && body.size() == 1) {
    if (const std::string why = logged_in() ? "" : attributes_.mismatch(); !why.empty()) {
      // As libpq takes it: another server, or this one later, may be what is wanted.
      fail("57P03", why, "The upstream's URL demands it (target_session_attrs).");
      backend_ended_ = true;
      backend_.release();
      return;
    }
    on_ready_for_query(body.front());
  } else if (item.tag == backend::backend_key_data) {
    if (!logged_in()) cancel_key_ = body;
  } else if (item.tag == backend::parameter_status) {
    if (const auto status = protocol::decode_parameter_status(body)) {
      lexer_.reported(status->first, status->second);
      if (!logged_in()) attributes_.reported(status->first, status->second);
      if (status->first == "application_name") application_name_ = status->second;
      if (settings_.read_only && status->first == "default_transaction_read_only" && status->second != "on") {
        fail("25006", "terminating connection because the server does not hold it to read-only transactions");
        backend_ended_ = true;
      }
    }
  }
  if (std::string collected = backend_.release(); !collected.empty()) {
    to_frontend.write(std::move(collected));
  } else {
    to_frontend.forward(item.bytes);
  }
}

void Session::on_ready_for_query(char status) {
  transaction_status_ = status;
  pipeline_.received_ready();
  if (pipeline_.drained()) lexer_.settled();
}

/// Class 28, invalid authorization: a wrong password, no such role, no entry in pg_hba.conf.
bool Session::is_login_failure(protocol::Bytes error_response) const {
  return !logged_in() &&
         protocol::error_field(protocol::decode_error_fields(error_response), 'C').starts_with("28");
}

/// Whether the server refuses a login for its channel binding (auth-scram.c: 28000, before it says that the
/// proof is right; a wrong password is 28P01). Some clients say in clear, too, that they could bind.
bool Session::binds_channel(protocol::Bytes error_response) const {
  if (!server_encrypted_ || !proving_) return false;
  return protocol::error_field(protocol::decode_error_fields(error_response), 'C') == "28000";
}

/// Notices may come at any time, but only between two frames.
void Session::send_notices(Outgoing& to_frontend) {
  if (!logged_in() || !backend_.at_boundary()) return;
  for (std::string& notice : notices_) to_frontend.write(std::move(notice));
  notices_.clear();
}

void Session::finish_backend(Outgoing& to_frontend) {
  backend_ended_ = true;
  if (!fatal_.empty() && backend_.at_boundary()) to_frontend.write(std::exchange(fatal_, {}));
}

bool Session::may_continue() const noexcept {
  return waiting_ && is_wanted() &&
         (!settings_.protected_host || lexer_.lexing_of(hazards_, pipeline_).has_value());
}

void Session::fail(std::string_view sqlstate, std::string_view message, std::string_view hint) {
  if (fatal_.empty()) fatal_ = protocol::encode_fatal(sqlstate, message, hint);
  frontend_ended_ = true;
}

bool Session::quiet() const noexcept {
  return pipeline_.drained() && frame_.empty() && backend_.at_boundary() && frontend_.at_boundary();
}

}  // namespace pgwarden::session
