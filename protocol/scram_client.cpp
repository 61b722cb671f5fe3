#include <utility>

#include "protocol/base64.h"
#include "protocol/scram.h"
#include "protocol/scram_keys.h"
#include "protocol/scram_reader.h"

namespace pgwarden::protocol {

ScramClient::ScramClient(std::string channel_binding, bool server_offers_plus)
    : channel_binding_(std::move(channel_binding)), plus_(server_offers_plus && !channel_binding_.empty()) {}

std::string ScramClient::first() {
  const std::string_view flag = plus_ ? scram_tls_server_end_point : channel_binding_.empty() ? "n" : "y";
  gs2_header_ = std::string(flag) + ",,";
  nonce_ = new_scram_nonce();
  auth_message_ = "n=,r=" + nonce_;  // the user is the one of the startup packet
  return gs2_header_ + auth_message_;
}

std::variant<ScramChallenge, ScramFailure> ScramClient::challenge(std::string_view server_first) {
  const std::string own_nonce = std::exchange(nonce_, {});  // good for one answer
  ScramReader reader(server_first, scram_server_message_bytes_max);
  const std::string_view nonce = reader.nonce();
  const std::optional<std::string> salt = decode_base64(reader.value('s'));
  const std::optional<std::uint32_t> iterations = parse_scram_iterations(reader.value('i'));
  reader.end();
  if (own_nonce.empty() || nonce.size() <= own_nonce.size() || !nonce.starts_with(own_nonce)) {
    reader.fail("the nonce does not match");
  }
  if (!salt || salt->empty()) reader.fail("invalid salt");
  if (!iterations) reader.fail("invalid iteration count");
  if (reader.failure()) return *reader.failure();
  if (*iterations > iterations_max) {
    return ScramFailure{"08P01", "the server wants more than " + std::to_string(iterations_max) +
                                     " iterations of SCRAM: " + std::to_string(*iterations)};
  }

  without_proof_ =
      "c=" + encode_base64(gs2_header_ + (plus_ ? channel_binding_ : "")) + ",r=" + std::string(nonce);
  auth_message_.append(",").append(server_first).append(",").append(without_proof_);
  return ScramChallenge{*salt, *iterations};
}

std::string ScramClient::last(const ScramKeys& keys) {
  server_key_ = keys.server_key;
  const Secret proof = apply_client_signature(keys.client_key, sha256(keys.client_key.view()), auth_message_);
  return without_proof_ + ",p=" + encode_base64(proof.view());
}

std::optional<ScramFailure> ScramClient::verify(std::string_view server_final) {
  if (server_final.starts_with("e=")) {  // PostgreSQL sends an ErrorResponse instead
    return ScramFailure{"28P01", "the server reports an error in the SCRAM exchange"};
  }
  ScramReader reader(server_final, scram_server_message_bytes_max);
  const std::optional<Secret> signature = decode_scram_key(reader.value('v'));
  reader.end();
  if (!signature) reader.fail("invalid server signature");
  if (server_key_.empty()) reader.fail("it comes too early");
  if (reader.failure()) return reader.failure();
  if (!(hmac_sha256(server_key_, auth_message_) == *signature)) {
    return ScramFailure{"28P01", "incorrect server signature"};
  }
  return std::nullopt;
}

}  // namespace pgwarden::protocol
