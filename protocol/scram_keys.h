// The keys and signatures of SCRAM-SHA-256 (RFC 5802, section 3), by OpenSSL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/scram.h"
#include "protocol/secret.h"

namespace pgwarden::protocol {

Secret hmac_sha256(const Secret& key, std::string_view text);
Secret sha256(std::string_view text);

/// The client's proof for its key, and the key for its proof: which of them is given makes no difference.
Secret apply_client_signature(const Secret& key_or_proof, const Secret& stored_key,
                              std::string_view auth_message);

/// A key or proof of scram_key_bytes, from base64.
std::optional<Secret> decode_scram_key(std::string_view base64);

std::string random_bytes(std::size_t count);

/// A client's or server's new half of the nonce, as long as PostgreSQL's.
std::string new_scram_nonce();

}  // namespace pgwarden::protocol
