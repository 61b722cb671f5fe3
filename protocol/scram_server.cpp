#include <utility>

#include "protocol/base64.h"
#include "protocol/scram.h"
#include "protocol/scram_keys.h"
#include "protocol/scram_reader.h"

namespace pgwarden::protocol {

ScramServer::ScramServer(ScramVerifier verifier, std::string channel_binding)
    : verifier_(std::move(verifier)), channel_binding_(std::move(channel_binding)) {}

std::variant<std::string, ScramFailure> ScramServer::first(std::string_view mechanism,
                                                           std::string_view client_first) {
  const bool plus = mechanism == scram_sha_256_plus;
  if (plus ? channel_binding_.empty() : mechanism != scram_sha_256) {
    return ScramFailure{"08P01", "client selected an invalid SASL authentication mechanism"};
  }
  ScramReader reader(client_first, scram_client_message_bytes_max);
  const std::string_view flag = reader.item();
  const std::string_view authzid = reader.item();
  const std::string_view bare = reader.rest();
  if (flag == "y" && !channel_binding_.empty()) {
    return ScramFailure{"28000",
                        "SCRAM channel binding negotiation error: the client supports SCRAM channel binding "
                        "but thinks the server does not"};
  }
  if (plus ? flag != scram_tls_server_end_point : flag != "n" && flag != "y") {
    reader.fail("its channel-binding flag does not fit the mechanism");
  }
  if (!authzid.empty()) {
    return ScramFailure{"0A000", "client uses authorization identity, but it is not supported"};
  }
  if (bare.starts_with('m')) {
    return ScramFailure{"0A000", "client requires an unsupported SCRAM extension"};
  }
  reader.value('n');  // the user is the one of the startup packet
  const std::string_view nonce = reader.nonce();
  reader.skip_extensions();
  if (reader.failure()) return *reader.failure();

  gs2_header_ = std::string(flag) + ",,";
  nonce_ = std::string(nonce) + new_scram_nonce();
  std::string server_first =
      "r=" + nonce_ + ",s=" + encode_base64(verifier_.salt) + ",i=" + std::to_string(verifier_.iterations);
  auth_message_ = std::string(bare) + ',' + server_first;
  return server_first;
}

std::variant<std::string, ScramFailure> ScramServer::last(std::string_view client_final) {
  const std::string nonce = std::exchange(nonce_, {});  // good for one answer
  ScramReader reader(client_final, scram_client_message_bytes_max);
  const std::string_view binding = reader.value('c');
  const std::string_view answered = reader.nonce();
  reader.skip_extensions('p');
  const std::size_t proof_at = client_final.size() - reader.rest().size();
  const std::optional<Secret> proof = decode_scram_key(reader.value('p'));
  reader.end();
  if (!proof) reader.fail("the proof is not one");
  if (reader.failure()) return *reader.failure();

  const bool binds = gs2_header_.starts_with('p');
  if (binding != encode_base64(gs2_header_ + (binds ? channel_binding_ : ""))) {
    if (binds) return ScramFailure{"28000", "SCRAM channel binding check failed"};
    return ScramFailure{"08P01", "unexpected SCRAM channel-binding attribute in client-final-message"};
  }
  if (answered != nonce) return ScramFailure{"08P01", "invalid SCRAM response: the nonce does not match"};
  auth_message_.append(",").append(client_final.substr(0, proof_at - 1));
  Secret client_key = apply_client_signature(*proof, verifier_.stored_key, auth_message_);
  if (!(sha256(client_key.view()) == verifier_.stored_key)) {
    return ScramFailure{"28P01", "password authentication failed"};
  }
  client_key_ = std::move(client_key);
  return "v=" + encode_base64(hmac_sha256(verifier_.server_key, auth_message_).view());
}

}  // namespace pgwarden::protocol
