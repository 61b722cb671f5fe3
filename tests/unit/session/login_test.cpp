// The two roles of a login, played against each other and against peers that do not keep to it.
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <variant>

#include "protocol/authentication.h"
#include "protocol/frame_writer.h"
#include "protocol/messages.h"
#include "proxy/session/client_login.h"
#include "proxy/session/upstream_login.h"

namespace {

using namespace pgwarden::session;
using namespace pgwarden::protocol;
using namespace std::string_literals;

const std::string end_point(32, '\x5a');

std::string login_frame(char tag, std::string_view body) {
  return std::move(FrameWriter(tag).bytes(body)).finish();
}
std::string request(std::uint32_t type, std::string_view data = {}) {
  return std::move(FrameWriter('R').u32(type).bytes(data)).finish();
}

UpstreamAccount account(std::string_view password) { return {"app", Secret(password)}; }

/// What `upstream` makes of a login to a server that is `client`: both know the other's steps from the wire
/// alone.
UpstreamLogin::Step play_login(ClientLogin& client, UpstreamLogin& upstream, std::string* refused = nullptr) {
  std::string to_upstream = client.begin();
  for (int turn = 0; turn < 5; ++turn) {
    auto step = upstream.feed(to_upstream);
    if (const auto* derive = std::get_if<UpstreamLogin::Derive>(&step)) {
      step = upstream.derived(derive_scram_keys("secret", derive->challenge));
    }
    const auto* sent = std::get_if<UpstreamLogin::Send>(&step);
    if (sent == nullptr) return step;
    auto answer = client.feed(sent->bytes);
    if (auto* more = std::get_if<ClientLogin::Send>(&answer)) to_upstream = more->bytes;
    if (auto* done = std::get_if<ClientLogin::Done>(&answer)) to_upstream = done->bytes + request(0) + "Z";
    if (auto* refusal = std::get_if<ClientLogin::Refuse>(&answer)) {
      to_upstream = refusal->fatal;
      if (refused != nullptr) *refused = refusal->why;
    }
  }
  FAIL("the login has no end");
  return UpstreamLogin::NeedMore{};
}

std::string why(const UpstreamLogin::Step& step) {
  const auto* failed = std::get_if<UpstreamLogin::Failed>(&step);
  return failed == nullptr ? "" : failed->why;
}

}  // namespace

TEST_CASE(
    "who knows the password logs in, and the session's first bytes are AuthenticationOk and what follows") {
  for (const std::string& binding : {""s, end_point}) {
    ClientLogin client("app", make_verifier("secret"), binding);
    UpstreamLogin upstream(account("secret"), {.binding = binding, .binding_required = !binding.empty()});
    const auto step = play_login(client, upstream);
    REQUIRE(std::holds_alternative<UpstreamLogin::Done>(step));
    CHECK(std::get<UpstreamLogin::Done>(step).bytes == request(0) + "Z");
  }
}

TEST_CASE("who does not, or is nobody, gets the same answer") {
  for (const auto& verifier : {make_verifier("other"), mock_verifier("app", "seed")}) {
    ClientLogin client("app", verifier, "");
    UpstreamLogin upstream(account("secret"), {});
    const auto step = play_login(client, upstream);
    REQUIRE(std::holds_alternative<UpstreamLogin::Refused>(step));
    CHECK(std::get<UpstreamLogin::Refused>(step).sqlstate == "28P01");
    CHECK(std::get<UpstreamLogin::Refused>(step).message ==
          "password authentication failed for user \"app\"");
  }
}

TEST_CASE("the key that a login gives away logs in elsewhere, without the password") {
  const auto verifier = make_verifier("secret");
  ClientLogin first("app", verifier, "");
  UpstreamLogin knows_password(account("secret"), {});
  REQUIRE(std::holds_alternative<UpstreamLogin::Done>(play_login(first, knows_password)));
  ClientLogin second("app", verifier, end_point);
  UpstreamLogin knows_key({"app", ScramKeys{first.client_key(), verifier.server_key}},
                          {.binding = end_point});
  CHECK(std::holds_alternative<UpstreamLogin::Done>(play_login(second, knows_key)));
}

TEST_CASE("channel binding notices another certificate") {
  ClientLogin client("app", make_verifier("secret"), end_point);
  UpstreamLogin upstream(account("secret"), {.binding = std::string(32, 'x')});
  std::string refused;
  const auto step = play_login(client, upstream, &refused);
  CHECK(std::holds_alternative<UpstreamLogin::Refused>(step));
  CHECK(refused.find("channel binding") != std::string::npos);
}

TEST_CASE("a client has to begin with SASL, and with one message at a time") {
  const auto refusal = [](const std::string& bytes) {
    ClientLogin client("app", make_verifier("secret"), "");
    const auto step = client.feed(bytes);
    const auto* refused = std::get_if<ClientLogin::Refuse>(&step);
    return refused == nullptr ? "" : refused->fatal;
  };
  const std::string first = "n,,n=,r=abcdefghijkl";
  CHECK(refusal(encode_sasl_initial_response("SCRAM-SHA-256", first)).empty());
  CHECK(refusal(login_frame('Q', "SELECT 1\0"s)).find("08P01") != std::string::npos);
  CHECK(refusal(login_frame('p', "secret\0"s)).find("08P01") != std::string::npos);
  CHECK(refusal("p\xff\xff\xff\xff").find("08P01") != std::string::npos);
  CHECK(refusal(encode_sasl_initial_response("SCRAM-SHA-1", first)) != "");
  CHECK(refusal(encode_sasl_initial_response("SCRAM-SHA-256-PLUS",
                                             "p=tls-server-end-point,,n=,r=abcdefghijkl")) != "");
}

TEST_CASE("passwords as they are go over a confidential connection only") {
  UpstreamLogin clear(account("secret"), {});
  CHECK(why(clear.feed(request(3))).find("TLS only") != std::string::npos);
  UpstreamLogin confidential(account("secret"), {.confidential = true});
  const auto step = confidential.feed(request(3));
  REQUIRE(std::holds_alternative<UpstreamLogin::Send>(step));
  CHECK(std::get<UpstreamLogin::Send>(step).bytes == login_frame('p', "secret\0"s));
  CHECK(std::holds_alternative<UpstreamLogin::Done>(confidential.feed(request(0))));
}

TEST_CASE("an MD5 hash is sent in clear, too") {
  UpstreamLogin login(account("secret"), {});
  const auto step = login.feed(request(5, "abcd"));
  REQUIRE(std::holds_alternative<UpstreamLogin::Send>(step));
  // md5(md5("secret" "app") "abcd"), as PostgreSQL's own md5() has it
  CHECK(std::get<UpstreamLogin::Send>(step).bytes ==
        login_frame('p', "md5883f61cc18cc4ae54ca301892bb10c29\0"s));
}

TEST_CASE("what a server may not ask, or not now, ends the login") {
  const auto failure = [](const std::string& bytes, UpstreamAccount who = account("secret"),
                          UpstreamChannel channel = {}) {
    UpstreamLogin login(std::move(who), std::move(channel));
    return why(login.feed(bytes));
  };
  const std::string scram = request(10, "SCRAM-SHA-256\0\0"s);
  CHECK(failure(scram).empty());
  CHECK(failure(request(0)).empty());
  CHECK(failure(request(7)).find("(7)") != std::string::npos);
  CHECK(failure(request(10, "SCRAM-SHA-512\0\0"s)) != "");
  CHECK(failure(request(10, "SCRAM-SHA-256"s)) != "");
  CHECK(failure(request(11, "r=x")) != "");
  CHECK(failure(request(12, "v=x")) != "");
  CHECK(failure(request(5, "abc")) != "");
  CHECK(failure(login_frame('R', "ab")) != "");
  CHECK(failure(login_frame('Z', "I")) != "");
  CHECK(failure("R\xff\xff\xff\xff") != "");
  CHECK(failure(scram, account("")).find("none is configured") != std::string::npos);
  CHECK(failure(request(5, "abcd"), account("")).find("none is configured") != std::string::npos);
  CHECK(failure(request(5, "abcd"), {"app", ScramKeys{}}).find("SCRAM key") != std::string::npos);
  for (const std::string& unbound : {request(0), request(5, "abcd"), scram}) {
    CHECK(failure(unbound, account("secret"), {.binding = end_point, .binding_required = true})
              .find("channel binding") != std::string::npos);
  }
}

TEST_CASE("a server that ends a SCRAM exchange early has not proved itself") {
  UpstreamLogin early(account("secret"), {});
  REQUIRE(std::holds_alternative<UpstreamLogin::Send>(early.feed(request(10, "SCRAM-SHA-256\0\0"s))));
  CHECK(why(early.feed(request(0))) != "");
}

TEST_CASE("notices of the login reach the client, and not without end") {
  const std::string notice = encode_error('N', {{'S', "NOTICE"}, {'M', "the password expires"}});
  UpstreamLogin login(account("secret"), {});
  CHECK(std::holds_alternative<UpstreamLogin::NeedMore>(login.feed(notice)));
  const auto step = login.feed(request(0));
  REQUIRE(std::holds_alternative<UpstreamLogin::Done>(step));
  CHECK(std::get<UpstreamLogin::Done>(step).bytes == notice + request(0));
  UpstreamLogin flooded(account("secret"), {});
  UpstreamLogin::Step last;
  for (int i = 0; i < 2000 && !std::holds_alternative<UpstreamLogin::Failed>(last); ++i)
    last = flooded.feed(notice);
  CHECK(why(last).find("notices") != std::string::npos);
}

TEST_CASE("an error of the server is what the login ends with") {
  UpstreamLogin login(account("secret"), {});
  const auto step = login.feed(encode_fatal("53300", "sorry, too many clients already"));
  REQUIRE(std::holds_alternative<UpstreamLogin::Refused>(step));
  CHECK(std::get<UpstreamLogin::Refused>(step).sqlstate == "53300");
  UpstreamLogin bare(account("secret"), {});
  const auto nothing_said = bare.feed(login_frame('E', "\0"s));
  REQUIRE(std::holds_alternative<UpstreamLogin::Refused>(nothing_said));
  CHECK(std::get<UpstreamLogin::Refused>(nothing_said).sqlstate.empty());
}
