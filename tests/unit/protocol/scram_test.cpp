#include "protocol/scram.h"

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <functional>
#include <string>
#include <utility>

#include "protocol/base64.h"
#include "protocol/scram_keys.h"

namespace {

using namespace pgwarden::protocol;
using namespace std::string_literals;

using Step = std::variant<std::string, ScramFailure>;

std::string sqlstate(const Step& step) {
  const auto* failure = std::get_if<ScramFailure>(&step);
  return failure == nullptr ? "" : failure->sqlstate;
}

std::string from_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < digits.size(); at += 2) {
    bytes += static_cast<char>(std::stoi(std::string(digits.substr(at, 2)), nullptr, 16));
  }
  return bytes;
}

ScramVerifier verifier() {
  static const ScramVerifier made = make_verifier("pencil");
  return made;
}

/// Another character; in base64 its upper bits differ, as a last one's lower bits may not count.
char another(char c) { return c >= 'A' && c <= 'D' ? 'w' : 'A'; }

/// With a password or, as after another login, with keys.
struct Client : ScramClient {
  Client(std::variant<Secret, ScramKeys> what, std::string binding, bool plus)
      : ScramClient(std::move(binding), plus), knows(std::move(what)) {}

  Step last(std::string_view server_first) {
    const auto asked = challenge(server_first);
    if (const auto* failure = std::get_if<ScramFailure>(&asked)) return *failure;
    const auto* keys = std::get_if<ScramKeys>(&knows);
    return ScramClient::last(
        keys != nullptr ? *keys
                        : derive_scram_keys(std::get<Secret>(knows).view(), std::get<ScramChallenge>(asked)));
  }

  std::variant<Secret, ScramKeys> knows;
};

Client client(std::string binding = {}, bool plus = false) {
  return {Secret("pencil"), std::move(binding), plus};
}

/// One login, each message of which can be changed on its way. What went wrong, as SQLSTATE; empty: nothing.
struct Exchange {
  std::function<void(std::string&)> client_first = [](std::string&) {};
  std::function<void(std::string&)> server_first = [](std::string&) {};
  std::function<void(std::string&)> client_final = [](std::string&) {};
  std::function<void(std::string&)> server_final = [](std::string&) {};
  Secret client_key;  ///< what the server has learnt

  std::string run(Client one, ScramServer other) {
    std::string message = one.first();
    client_first(message);
    Step step = other.first(one.mechanism(), message);
    if (!sqlstate(step).empty()) return "server " + sqlstate(step);
    message = std::get<std::string>(step);
    server_first(message);
    step = one.last(message);
    if (!sqlstate(step).empty()) return "client " + sqlstate(step);
    message = std::get<std::string>(step);
    client_final(message);
    step = other.last(message);
    client_key = other.client_key();
    if (!sqlstate(step).empty()) {
      CHECK(client_key.empty());
      return "server " + sqlstate(step);
    }
    message = std::get<std::string>(step);
    server_final(message);
    const auto failure = one.verify(message);
    return failure ? "client " + failure->sqlstate : "";
  }
  std::string run() { return run(client(), {verifier(), ""}); }
};

}  // namespace

TEST_CASE("the example of RFC 7677, section 3") {
  const ScramKeys keys = derive_scram_keys("pencil", {*decode_base64("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096});
  const Secret stored_key = sha256(keys.client_key.view());
  const std::string nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const std::string auth_message =
      "n=user,r=rOprNGfwEbeRWgbNEkqO,r=" + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=" + nonce;
  const Secret proof = apply_client_signature(keys.client_key, stored_key, auth_message);
  CHECK(encode_base64(proof.view()) == "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  CHECK(encode_base64(hmac_sha256(keys.server_key, auth_message).view()) ==
        "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  CHECK(apply_client_signature(proof, stored_key, auth_message) == keys.client_key);
}

TEST_CASE("passwords are prepared as PostgreSQL prepares them") {
  std::ifstream file(TEST_DATA_DIR "/scram_verifiers.txt");
  std::size_t known = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const std::size_t space = line.find(' ');
    const std::string password = from_hex(std::string_view(line).substr(0, space));
    const std::string text = line.substr(space + 1);
    CAPTURE(line);
    const auto verifier = ScramVerifier::parse(text);
    REQUIRE(verifier);
    CHECK(verifier->text() == text);
    CHECK(Exchange().run({Secret(password), "", false}, {*verifier, ""}).empty());
    CHECK(Exchange().run({Secret(password + "!"), "", false}, {*verifier, ""}) == "server 28P01");
    const ScramKeys keys = derive_scram_keys(password, {verifier->salt, verifier->iterations});
    CHECK(keys.server_key == verifier->server_key);
    ++known;
  }
  CHECK(known == 17);
}

TEST_CASE("a verifier that was made can be read and has a salt of its own") {
  const ScramVerifier one = make_verifier("pencil", 1);
  const ScramVerifier other = make_verifier("pencil", 1);
  CHECK(one.salt.size() == 16);
  CHECK(one.salt != other.salt);
  const auto read = ScramVerifier::parse(one.text());
  REQUIRE(read);
  CHECK(read->iterations == 1);
  CHECK(read->text() == one.text());
  CHECK(Exchange().run(client(), {*read, ""}).empty());
}

TEST_CASE("what is not a verifier is not taken for one") {
  const std::string good = verifier().text();
  REQUIRE(ScramVerifier::parse(good));
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_FALSE(ScramVerifier::parse(good.substr(0, size)));
  }
  const std::string keys = good.substr(good.rfind('$'));
  for (const std::string& text :
       {good + "=", good + " ", " " + good, good + good, "md5" + std::string(32, 'a'), "pencil"s,
        "SCRAM-SHA-256$0:c2FsdA==" + keys, "SCRAM-SHA-256$-1:c2FsdA==" + keys,
        "SCRAM-SHA-256$:c2FsdA==" + keys, "SCRAM-SHA-256$+1:c2FsdA==" + keys,
        "SCRAM-SHA-256$2147483648:c2FsdA==" + keys, "SCRAM-SHA-256$1x:c2FsdA==" + keys,
        "SCRAM-SHA-256$1:" + keys, "SCRAM-SHA-256$1:c2FsdA" + keys, "SCRAM-SHA-1$1:c2FsdA==" + keys,
        "scram-sha-256$1:c2FsdA==" + keys, "SCRAM-SHA-256$1:c2FsdA==$c2FsdA==:c2FsdA=="s,
        "SCRAM-SHA-256$1:" + encode_base64(std::string(513, 's')) + keys}) {
    CAPTURE(text);
    CHECK_FALSE(ScramVerifier::parse(text));
  }
  CHECK(ScramVerifier::parse("SCRAM-SHA-256$2147483647:c2FsdA==" + keys));
}

TEST_CASE("a mock verifier stays the same and lets nobody in") {
  const ScramVerifier mock = mock_verifier("ann", "seed");
  CHECK(mock.text() == mock_verifier("ann", "seed").text());
  CHECK(mock.salt != mock_verifier("bob", "seed").salt);
  CHECK(mock.salt != mock_verifier("ann", "other seed").salt);
  CHECK(mock.salt.size() == verifier().salt.size());
  CHECK(mock.iterations == verifier().iterations);
  CHECK(mock_verifier("ann", "seed", 10'000).iterations == 10'000);
  CHECK(ScramVerifier::parse(mock.text()));
  CHECK(Exchange().run(client(), {mock, ""}) == "server 28P01");
  // Not even with what the verifier itself tells.
  for (const Secret& key : {mock.stored_key, mock.server_key, Secret(std::string(32, '\0'))}) {
    CHECK(Exchange().run({ScramKeys{key, mock.server_key}, "", false}, {mock, ""}) == "server 28P01");
  }
}

TEST_CASE("a login, and the key that it gives away logs in as well") {
  Exchange exchange;
  CHECK(exchange.run().empty());
  REQUIRE(exchange.client_key.view().size() == scram_key_bytes);
  const ScramKeys keys{exchange.client_key, verifier().server_key};
  CHECK(Exchange().run({keys, "", false}, {verifier(), ""}).empty());
  CHECK(Exchange().run({keys, "binding", true}, {verifier(), "binding"}).empty());
  // The key of one salt is not that of another.
  CHECK(Exchange().run({keys, "", false}, {make_verifier("pencil"), ""}) == "server 28P01");
  // Whoever has stolen the verifier cannot log in with it.
  CHECK(Exchange().run({ScramKeys{verifier().stored_key, verifier().server_key}, "", false},
                       {verifier(), ""}) == "server 28P01");
}

TEST_CASE("a wrong password, and a server that knows another one") {
  CHECK(Exchange().run({Secret("pencil2"), "", false}, {verifier(), ""}) == "server 28P01");
  CHECK(Exchange().run({Secret(""), "", false}, {verifier(), ""}) == "server 28P01");
  ScramVerifier other = verifier();
  other.server_key = make_verifier("pencil").server_key;
  CHECK(Exchange().run(client(), {other, ""}) == "client 28P01");
}

TEST_CASE("channel binding") {
  CHECK(client("b", true).mechanism() == scram_sha_256_plus);
  CHECK(client("b", false).mechanism() == scram_sha_256);
  CHECK(client("", true).mechanism() == scram_sha_256);
  CHECK(client("", false).first().starts_with("n,,n=,r="));
  CHECK(client("b", false).first().starts_with("y,,n=,r="));
  CHECK(client("b", true).first().starts_with("p=tls-server-end-point,,n=,r="));

  CHECK(Exchange().run(client("b", true), {verifier(), "b"}).empty());
  CHECK(Exchange().run(client("b", false), {verifier(), ""}).empty());
  SECTION("a client that cannot do it may go without") {
    CHECK(Exchange().run(client("", true), {verifier(), "b"}).empty());
  }
  SECTION("each end sees another certificate: somebody is between them") {
    CHECK(Exchange().run(client("b", true), {verifier(), "c"}) == "server 28000");
    CHECK(Exchange().run(client("b", true), {verifier(), "bb"}) == "server 28000");
  }
  SECTION("the offer was taken away on its way") {
    CHECK(Exchange().run(client("b", false), {verifier(), "b"}) == "server 28000");
  }
  SECTION("it was not offered") {
    CHECK(Exchange().run(client("b", true), {verifier(), ""}) == "server 08P01");
  }
  SECTION("mechanism and flag contradict each other") {
    const auto attempt = [](std::string_view mechanism, std::string_view message, const char* binding) {
      ScramServer server(verifier(), binding);
      return sqlstate(server.first(mechanism, message));
    };
    CHECK(attempt(scram_sha_256, "n,,n=,r=1", "b").empty());
    CHECK(attempt(scram_sha_256, "p=tls-server-end-point,,n=,r=1", "b") == "08P01");
    CHECK(attempt(scram_sha_256_plus, "n,,n=,r=1", "b") == "08P01");
    CHECK(attempt(scram_sha_256_plus, "y,,n=,r=1", "b") == "28000");
    CHECK(attempt(scram_sha_256_plus, "p=tls-unique,,n=,r=1", "b") == "08P01");
    CHECK(attempt(scram_sha_256_plus, "p=tls-server-end-point,,n=,r=1", "b").empty());
    CHECK(attempt("SCRAM-SHA-1", "n,,n=,r=1", "") == "08P01");
    CHECK(attempt("", "n,,n=,r=1", "") == "08P01");
  }
  SECTION("the flag is another one the second time") {
    for (const auto* flag : {"c=eSws", "c=biwsYg==", "c=", "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCws"}) {
      Exchange exchange;
      exchange.client_final = [flag](std::string& message) { message.replace(0, message.find(','), flag); };
      CHECK(exchange.run() == "server 08P01");
    }
    Exchange exchange;
    exchange.client_final = [](std::string& message) { message.replace(0, message.find(','), "c=biws"); };
    CHECK(exchange.run(client("b", true), {verifier(), "b"}) == "server 28000");
  }
}

TEST_CASE("a client's first message is taken as PostgreSQL takes it") {
  const auto attempt = [](const std::string& message) {
    ScramServer server(verifier(), "");
    return sqlstate(server.first(scram_sha_256, message));
  };
  const std::string good = "n,,n=,r=rOprNGfwEbeRWgbNEkqO";
  CHECK(attempt(good).empty());
  CHECK(attempt("y,,n=ann=2C,r=!~").empty());
  CHECK(attempt(good + ",x=1,Y=").empty());
  const std::size_t shortest = good.find("r=") + 3;  // one character of a nonce
  for (std::size_t size = 0; size < shortest; ++size) CHECK(attempt(good.substr(0, size)) == "08P01");
  for (std::size_t size = shortest; size < good.size(); ++size) CHECK(attempt(good.substr(0, size)).empty());

  for (const std::string& bad : {"n,,r=1,n="s,
                                 "n,,n=,s=1"s,
                                 "n,,n,r=1"s,
                                 "n,,,r=1"s,
                                 "n,n=,r=1"s,
                                 ",,n=,r=1"s,
                                 "x,,n=,r=1"s,
                                 "nn,,n=,r=1"s,
                                 "N,,n=,r=1"s,
                                 "n, ,n=,r=1"s,
                                 "p=tls-server-end-point,,n=,r=1"s,
                                 "n,,n=,r="s,
                                 "n,,n=,r=a b"s,
                                 "n,,n=,r=\x7f"s,
                                 "n,,n=,r=\xc3\xa9"s,
                                 "n,,n=,r=1,"s,
                                 "n,,n=,r=1,,"s,
                                 "n,,n=,r=1,x"s,
                                 "n,,n=,r=1,1=x"s,
                                 "n,,n=,r=1\0"s,
                                 "n,,n=a\0b,r=1"s,
                                 "n,,n=,R=1"s,
                                 "n,,n=,r=" + std::string(1017, 'r')}) {
    CAPTURE(bad);
    const std::string state = attempt(bad);
    CHECK((state == "08P01" || (bad.starts_with("n, ,") && state == "0A000") ||
           (bad.starts_with("n,n=") && state == "0A000")));
  }
  CHECK(attempt("n,,n=,r=" + std::string(1016, 'r')).empty());
  CHECK(attempt("n,a=root,n=,r=1") == "0A000");
  CHECK(attempt("n,,m=x,n=,r=1") == "0A000");
}

TEST_CASE("a client's last message is taken as PostgreSQL takes it") {
  const auto with = [](std::function<void(std::string&)> change) {
    Exchange exchange;
    exchange.client_final = std::move(change);
    return exchange.run();
  };
  std::size_t length = 0;
  CHECK(with([&](std::string& message) { length = message.size(); }).empty());
  for (std::size_t size = 0; size < length; ++size) {
    CHECK(with([size](std::string& message) { message.resize(size); }) == "server 08P01");
  }
  // Each byte, changed: the proof does not fit, or it is no message of this exchange any more.
  for (std::size_t at = 0; at < length; ++at) {
    CAPTURE(at);
    const std::string end = with([at](std::string& message) { message[at] = another(message[at]); });
    const bool in_proof = at >= length - 44;
    CHECK(end == (in_proof && at != length - 1 ? "server 28P01" : "server 08P01"));
  }
  CHECK(with([](std::string& message) { message += ",x=1"; }) == "server 08P01");
  CHECK(with([](std::string& message) { message += ","; }) == "server 08P01");
  CHECK(with([](std::string& message) { message += '\0'; }) == "server 08P01");
  CHECK(with([](std::string& message) { message += std::string(2000, 'x'); }) == "server 08P01");
  CHECK(with([](std::string& message) { message.insert(message.find(",p="), ",p=AAAA"); }) == "server 08P01");
  CHECK(with([](std::string& message) { message.insert(message.find(",p="), ",1=x"); }) == "server 08P01");
  CHECK(with([](std::string& message) { message.insert(message.find(",p="), "x"); }) == "server 08P01");
  // An extension is allowed, but the proof covers it.
  CHECK(with([](std::string& message) { message.insert(message.find(",p="), ",x=1"); }) == "server 28P01");
  CHECK(with([](std::string& message) { message = "c=biws,r=,p=" + encode_base64(std::string(32, '\0')); }) ==
        "server 08P01");
}

TEST_CASE("a server grants one answer to its nonce, and none before it has given one") {
  ScramServer server(verifier(), "");
  CHECK(sqlstate(server.last("c=,r=1,p=" + encode_base64(std::string(32, 'p')))) == "08P01");
  CHECK(sqlstate(server.last("c=,r=,p=" + encode_base64(std::string(32, 'p')))) == "08P01");
  Client one = client();
  const auto server_first = std::get<std::string>(server.first(one.mechanism(), one.first()));
  const auto client_final = std::get<std::string>(one.last(server_first));
  CHECK(sqlstate(server.last("nonsense")) == "08P01");
  CHECK(sqlstate(server.last(client_final)) == "08P01");
  CHECK(server.client_key().empty());
}

TEST_CASE("a server's first message is taken as libpq takes it, or more strictly") {
  const auto with = [](std::function<void(std::string&)> change) {
    Exchange exchange;
    exchange.server_first = std::move(change);
    return exchange.run();
  };
  std::size_t length = 0;
  CHECK(with([&](std::string& message) { length = message.size(); }).empty());
  for (std::size_t size = 0; size <= length - 4; ++size) {
    CHECK(with([size](std::string& message) { message.resize(size); }) == "client 08P01");
  }
  for (std::size_t at = 0; at < length; ++at) {
    CHECK_FALSE(with([at](std::string& message) { message[at] ^= 1; }).empty());
  }
  const auto replacing = [&](std::string_view what, const std::string& by) {
    return with([&](std::string& message) {
      const std::size_t at = message.find(what);
      message.replace(at, message.find(',', at) - at, by);
    });
  };
  CHECK(replacing("r=", "r=" + std::string(48, 'n')) == "client 08P01");
  CHECK(replacing("r=", "r=") == "client 08P01");
  CHECK(replacing("r=", "m=x") == "client 08P01");
  CHECK(replacing("s=", "s=") == "client 08P01");
  CHECK(replacing("s=", "s=c2FsdA") == "client 08P01");
  CHECK(replacing("s=", "s=c2FsdA==\n") == "client 08P01");
  CHECK(replacing("s=", "s=" + encode_base64(std::string(2000, 's'))) == "client 08P01");
  for (const char* iterations : {"0", "", "-1", "+1", " 1", "1 ", "0x10", "1e3", "1000001", "2147483648",
                                 "4294967297", "18446744073709551617", "99999999999999999999999999"}) {
    CAPTURE(iterations);
    CHECK(replacing("i=", std::string("i=") + iterations) == "client 08P01");
  }
  CHECK(replacing("i=", "i=1") == "server 28P01");
  CHECK(replacing("i=", "i=4096,") == "client 08P01");
  CHECK(replacing("i=", "i=4096,x=1") == "client 08P01");

  SECTION("the nonce has to be more than ours") {
    const auto answer = [](const std::string& half) {
      Client one = client();
      return sqlstate(one.last("r=" + one.first().substr(8) + half + ",s=c2FsdA==,i=1"));
    };
    CHECK(answer("") == "08P01");
    CHECK(answer("\x7f") == "08P01");
    CHECK(answer("x").empty());
  }
  SECTION("it gets one answer") {
    Client one = client();
    const std::string message = "r=" + one.first().substr(8) + "x,s=c2FsdA==,i=1";
    CHECK(sqlstate(one.last(message)).empty());
    CHECK(sqlstate(one.last(message)) == "08P01");
  }
  SECTION("nothing was asked yet") { CHECK(sqlstate(client().last("r=x,s=c2FsdA==,i=1")) == "08P01"); }
}

TEST_CASE("a server that has proved nothing is not believed") {
  const auto with = [](std::function<void(std::string&)> change) {
    Exchange exchange;
    exchange.server_final = std::move(change);
    return exchange.run();
  };
  std::size_t length = 0;
  CHECK(with([&](std::string& message) { length = message.size(); }).empty());
  for (std::size_t size = 0; size < length; ++size) {
    CHECK(with([size](std::string& message) { message.resize(size); }) == "client 08P01");
  }
  for (std::size_t at = 0; at < length; ++at) {
    CHECK_FALSE(with([at](std::string& message) { message[at] = another(message[at]); }).empty());
  }
  CHECK(with([](std::string& message) { message += ",x=1"; }) == "client 08P01");
  CHECK(with([](std::string& message) { message = "e=other-error"; }) == "client 28P01");
  CHECK(with([](std::string& message) { message = "v=" + encode_base64(std::string(32, '\0')); }) ==
        "client 28P01");

  SECTION("nor one that skips its challenge") {
    Client one = client();
    one.first();
    const std::string guess = "v=" + encode_base64(hmac_sha256(Secret(), "").view());
    CHECK(one.verify(guess));
    CHECK(client().verify(guess));
  }
}

TEST_CASE("the answer to AuthenticationMD5Password") {
  // Python: "md5" + md5((md5(b"pencil" + b"ann").hexdigest().encode() + b"salt")).hexdigest()
  CHECK(md5_response("ann", "pencil", "salt") == "md54933d913ee8ea3c8d73c6322de31508f");
}
