#include "proxy/session/upstream_login.h"

#include <algorithm>
#include <utility>

#include "protocol/authentication.h"
#include "protocol/messages.h"
#include "protocol/tags.h"

namespace pgwarden::session {

namespace {

using protocol::ScramFailure;
using protocol::Secret;
namespace code = protocol::authentication_code;
namespace backend = protocol::backend;

/// src/include/libpq/auth.h, PG_MAX_AUTH_TOKEN_LENGTH; for errors and notices, too.
constexpr std::uint32_t server_body_bytes_max = 65'535;

}  // namespace

UpstreamLogin::UpstreamLogin(UpstreamAccount account, UpstreamChannel channel)
    : account_(std::move(account)), channel_(std::move(channel)), frames_(server_body_bytes_max) {}

UpstreamLogin::Step UpstreamLogin::feed(protocol::Bytes bytes) {
  frames_.feed(bytes);
  while (const auto frame = frames_.next()) {
    if (auto step = on_frame(*frame)) return std::move(*step);
  }
  if (frames_.broken()) return Failed{"it sent an impossible length"};
  return NeedMore{};
}

/// nullopt when the next frame can be looked at.
std::optional<UpstreamLogin::Step> UpstreamLogin::on_frame(const protocol::FrameBuffer::Frame& frame) {
  switch (frame.tag) {
    case backend::authentication:
      return on_authentication(frame);
    case backend::error_response: {
      const auto fields = protocol::decode_error_fields(frame.body);
      return Refused{std::string(frame.bytes), std::string(protocol::error_field(fields, 'C')),
                     std::string(protocol::error_field(fields, 'M'))};
    }
    case backend::notice_response:
    case backend::negotiate_protocol_version:
      forwarded_.append(frame.bytes);
      if (forwarded_.size() > server_body_bytes_max) return Failed{"it sent too many notices"};
      return std::nullopt;
    default:
      return Failed{"it sent an unexpected message"};
  }
}

bool UpstreamLogin::is_due(std::uint32_t request) const noexcept {
  switch (due_) {
    case Due::any_request:
      return request != code::sasl_continue && request != code::sasl_final;
    case Due::sasl_continue:
      return request == code::sasl_continue;
    case Due::sasl_final:
      return request == code::sasl_final;
    case Due::ok:
      break;
  }
  return request == code::ok;
}

/// The requests that there are: docs, "Message Formats", Authentication*.
UpstreamLogin::Step UpstreamLogin::on_authentication(const protocol::FrameBuffer::Frame& frame) {
  const auto asked = protocol::decode_authentication(frame.body);
  if (!asked) return Failed{"it sent a malformed authentication request"};
  if (!is_due(asked->request)) return Failed{"it does not keep to the order of a login"};
  switch (asked->request) {
    case code::ok:
      if (channel_.binding_required && !(scram_ && scram_->binds())) {
        return Failed{"channel binding is required, and it has authenticated pgwarden without"};
      }
      return Done{std::exchange(forwarded_, {}).append(frame.bytes).append(frames_.rest())};
    case code::cleartext_password:
    case code::md5_password:
      return send_password(asked->data);
    case code::sasl:
      return begin_scram(asked->data);
    case code::sasl_continue:
      return on_challenge(asked->data);
    case code::sasl_final:
      if (const auto failure = scram_->verify(asked->data)) return Failed{failure->message};
      due_ = Due::ok;
      return feed({});
    default:
      return Failed{"it asks for an authentication method that pgwarden does not know (" +
                    std::to_string(asked->request) + ")"};
  }
}

/// As it is, or with a salt as its MD5 hash.
UpstreamLogin::Step UpstreamLogin::send_password(std::string_view md5_salt) {
  const auto* const password = std::get_if<Secret>(&account_.credentials);
  if (password == nullptr) return Failed{"it asks for a password, and there is only a SCRAM key"};
  if (password->empty()) return Failed{"it asks for a password, and none is configured"};
  if (channel_.binding_required) return Failed{"channel binding is required, and it asks for a password"};
  due_ = Due::ok;
  if (!md5_salt.empty()) {
    const auto hash = protocol::md5_response(account_.user, password->view(), md5_salt);
    if (!hash) return Failed{"it asks for an MD5 hash, which OpenSSL does not make here"};
    return Send{protocol::encode_password(*hash)};
  }
  if (!channel_.confidential) return Failed{"it asks for the password as it is, which is sent by TLS only"};
  return Send{protocol::encode_password(password->view())};
}

UpstreamLogin::Step UpstreamLogin::begin_scram(protocol::Bytes mechanisms) {
  const auto offered = protocol::decode_sasl_mechanisms(mechanisms);
  const auto offers = [&offered](std::string_view name) {
    return offered && std::find(offered->begin(), offered->end(), name) != offered->end();
  };
  const bool plus = offers(protocol::scram_sha_256_plus);
  if (!plus && !offers(protocol::scram_sha_256))
    return Failed{"it offers no SASL mechanism that pgwarden knows"};
  if (const auto* password = std::get_if<Secret>(&account_.credentials); password && password->empty()) {
    return Failed{"it asks for a password, and none is configured"};
  }
  scram_.emplace(channel_.binding, plus);
  if (channel_.binding_required && !scram_->binds()) {
    return Failed{"channel binding is required, and it does not offer SCRAM-SHA-256-PLUS"};
  }
  due_ = Due::sasl_continue;
  return Send{protocol::encode_sasl_initial_response(scram_->mechanism(), scram_->first())};
}

UpstreamLogin::Step UpstreamLogin::on_challenge(protocol::Bytes server_first) {
  auto asked = scram_->challenge(server_first);
  if (const auto* failure = std::get_if<ScramFailure>(&asked)) return Failed{failure->message};
  if (const auto* keys = std::get_if<protocol::ScramKeys>(&account_.credentials)) return derived(*keys);
  return Derive{std::get<protocol::ScramChallenge>(std::move(asked))};
}

UpstreamLogin::Step UpstreamLogin::derived(const protocol::ScramKeys& keys) {
  due_ = Due::sasl_final;
  return Send{protocol::encode_sasl_response(scram_->last(keys))};
}

}  // namespace pgwarden::session
