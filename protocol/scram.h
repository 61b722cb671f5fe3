// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, both roles (RFC 5802, RFC 7677, RFC 5929; docs, "SASL
// Authentication"; src/backend/libpq/auth-scram.c, src/interfaces/libpq/fe-auth-scram.c).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/secret.h"

namespace pgwarden::protocol {

inline constexpr std::string_view scram_sha_256 = "SCRAM-SHA-256";
inline constexpr std::string_view scram_sha_256_plus = "SCRAM-SHA-256-PLUS";

inline constexpr std::size_t scram_key_bytes = 32;

/// What a server keeps of a password: pg_authid.rolpassword,
/// "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>". Whoever has it can pass for the server, not
/// for the client.
struct ScramVerifier {
  std::uint32_t iterations = 0;
  std::string salt;   ///< decoded
  Secret stored_key;  ///< scram_key_bytes
  Secret server_key;  ///< scram_key_bytes

  /// nullopt when `text` is not one.
  static std::optional<ScramVerifier> parse(std::string_view text);
  std::string text() const;
};

/// With a new random salt. The password is prepared by SASLprep, or taken as it is where that fails, as
/// pg_be_scram_build_secret does.
ScramVerifier make_verifier(std::string_view password, std::uint32_t iterations = 4096);

/// A verifier that no password fits, the same each time for one user and `seed`, so that nobody learns
/// from the salt which users there are (auth-scram.c, mock_scram_secret). `iterations` are those of the real
/// ones, which the client learns as well. To be made for each login, so that the time says nothing either.
ScramVerifier mock_verifier(std::string_view user, std::string_view seed, std::uint32_t iterations = 4096);

/// A step that failed: the peer's message is malformed, or it has proved nothing.
struct ScramFailure {
  /// 08P01: malformed; 28P01: wrong password; 28000: channel binding; 0A000: what PostgreSQL does not have.
  std::string sqlstate;
  std::string message;  ///< in words, without any secret
};

/// The server's role, for one login. `channel_binding` is the tls-server-end-point of this connection's own
/// certificate; empty: there is none, and SCRAM-SHA-256-PLUS was not offered.
class ScramServer {
 public:
  ScramServer(ScramVerifier verifier, std::string channel_binding);

  /// The client's first message (the data of its SASLInitialResponse), answered with the server's first
  /// message. A client that says that the server offers no channel binding ("y") where it did is refused:
  /// somebody between them took the offer away.
  std::variant<std::string, ScramFailure> first(std::string_view mechanism, std::string_view client_first);
  /// The client's last message, answered with the server's (AuthenticationSASLFinal). Compares in constant
  /// time.
  std::variant<std::string, ScramFailure> last(std::string_view client_final);
  /// After last() has succeeded: the ClientKey that the client's proof gave away, with which one can log in
  /// to a server that has the same verifier (RFC 5802, section 9).
  const Secret& client_key() const noexcept { return client_key_; }

 private:
  ScramVerifier verifier_;
  std::string channel_binding_;
  std::string gs2_header_;    ///< of the client's first message
  std::string nonce_;         ///< the client's and ours
  std::string auth_message_;  ///< up to and with the server's first message
  Secret client_key_;
};

/// What a client proves itself with. Derived from a password, or what another login has given.
struct ScramKeys {
  Secret client_key;
  Secret server_key;
};

/// What a server wants the keys to be derived with.
struct ScramChallenge {
  std::string salt;
  std::uint32_t iterations = 0;

  bool operator==(const ScramChallenge&) const = default;
};

/// The keys of a password; it is prepared as for make_verifier(). Takes its time: 4096 iterations about a
/// millisecond.
ScramKeys derive_scram_keys(std::string_view password, const ScramChallenge& challenge);

/// The client's role, for one login. `channel_binding` is the tls-server-end-point of the server's
/// certificate; empty: the connection is in clear, or the certificate's signature has no hash to bind to.
class ScramClient {
 public:
  /// Chooses among the mechanisms that the server offers: PLUS where both can.
  ScramClient(std::string channel_binding, bool server_offers_plus);

  std::string_view mechanism() const noexcept { return plus_ ? scram_sha_256_plus : scram_sha_256; }
  bool binds() const noexcept { return plus_; }
  std::string first();
  /// The server's first message. More than `iterations_max` iterations are refused: a hostile server could
  /// have us compute for hours.
  std::variant<ScramChallenge, ScramFailure> challenge(std::string_view server_first);
  /// The client's last message, after challenge() has succeeded.
  std::string last(const ScramKeys& keys);
  /// The server's last message: whether the server knows the password, too.
  std::optional<ScramFailure> verify(std::string_view server_final);

  static constexpr std::uint32_t iterations_max = 1'000'000;

 private:
  std::string channel_binding_;
  bool plus_ = false;
  std::string gs2_header_;
  std::string nonce_;          ///< ours
  std::string without_proof_;  ///< our last message, as far as it needs no keys
  std::string auth_message_;   ///< as far as it goes
  Secret server_key_;          ///< empty before last()
};

/// The answer to AuthenticationMD5Password: "md5" and 32 hex digits. nullopt where OpenSSL has no MD5 (FIPS).
std::optional<std::string> md5_response(std::string_view user, std::string_view password,
                                        std::string_view salt);

}  // namespace pgwarden::protocol
