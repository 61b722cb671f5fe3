#include "proxy/session/client_login.h"

#include <utility>
#include <vector>

#include "protocol/authentication.h"
#include "protocol/messages.h"
#include "protocol/tags.h"

namespace pgwarden::session {

namespace {

/// src/backend/libpq/auth-sasl.c, PG_MAX_SASL_MESSAGE_LENGTH; the name of the mechanism besides.
constexpr std::uint32_t client_body_bytes_max = 1024 + 64;

}  // namespace

ClientLogin::ClientLogin(std::string user, protocol::ScramVerifier verifier, std::string channel_binding)
    : user_(std::move(user)),
      offers_plus_(!channel_binding.empty()),
      scram_(std::move(verifier), std::move(channel_binding)),
      frames_(client_body_bytes_max) {}

std::string ClientLogin::begin() const {
  std::vector<std::string_view> mechanisms;
  if (offers_plus_) mechanisms.push_back(protocol::scram_sha_256_plus);
  mechanisms.push_back(protocol::scram_sha_256);
  return protocol::encode_authentication_sasl(mechanisms);
}

ClientLogin::Step ClientLogin::feed(protocol::Bytes bytes) {
  frames_.feed(bytes);
  if (const auto frame = frames_.next()) return on_frame(*frame);
  if (frames_.broken()) return refuse({"08P01", "invalid length of a SASL message"});
  return NeedMore{};
}

ClientLogin::Step ClientLogin::on_frame(const protocol::FrameBuffer::Frame& frame) {
  if (frame.tag != protocol::frontend::authentication_response) {
    return refuse({"08P01", "expected a SASL response, received another message"});
  }
  if (mechanism_.empty()) {
    const auto initial = protocol::decode_sasl_initial_response(frame.body);
    if (!initial || initial->mechanism.empty()) return refuse({"08P01", "malformed SASLInitialResponse"});
    mechanism_ = initial->mechanism;
    if (!initial->data) return Send{protocol::encode_authentication_sasl_continue({})};
    return on_first(*initial->data);
  }
  if (!begun_) return on_first(frame.body);
  auto answer = scram_.last(frame.body);
  if (const auto* failure = std::get_if<protocol::ScramFailure>(&answer)) return refuse(*failure);
  return Done{protocol::encode_authentication_sasl_final(std::get<std::string>(answer)), frames_.rest()};
}

ClientLogin::Step ClientLogin::on_first(protocol::Bytes client_first) {
  begun_ = true;
  auto answer = scram_.first(mechanism_, client_first);
  if (const auto* failure = std::get_if<protocol::ScramFailure>(&answer)) return refuse(*failure);
  return Send{protocol::encode_authentication_sasl_continue(std::get<std::string>(answer))};
}

ClientLogin::Step ClientLogin::refuse(const protocol::ScramFailure& failure) const {
  // As the server has it, which does not say either what was wrong.
  const std::string told = failure.sqlstate == "28P01"
                               ? "password authentication failed for user \"" + user_ + "\""
                               : failure.message;
  return Refuse{protocol::encode_fatal(failure.sqlstate, told), failure.message};
}

}  // namespace pgwarden::session
