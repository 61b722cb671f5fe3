#include "proxy/session/session.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "protocol/frame_writer.h"
#include "protocol/messages.h"
#include "protocol/tags.h"

namespace {

using namespace pgwarden;
using namespace pgwarden::session;
using protocol::FrameWriter;
using Status = Session::Status;

const std::string token = "pgwarden_denied_test";

std::string query(std::string_view sql) { return protocol::encode_query(sql); }
std::string parse(std::string_view name, std::string_view sql) { return protocol::encode_parse(name, sql); }
std::string sync_message() { return FrameWriter('S').finish(); }
std::string ready(char status = 'I') { return std::move(FrameWriter('Z').byte(status)).finish(); }
std::string parameter(std::string_view name, std::string_view value) {
  return std::move(FrameWriter('S').cstr(name).cstr(value)).finish();
}
std::string server_error(std::string_view message) {
  return protocol::encode_error(
      'E', {{'S', "FEHLER"}, {'V', "ERROR"}, {'C', "42601"}, {'M', message}, {'P', "1"}});
}

/// A session that has logged in, with a policy of the test's own: texts with "DROP" are denied, with "WARN"
/// warned about, with "SET" may change the lexer's settings.
class Conversation {
 public:
  explicit Conversation(SessionSettings settings = {token, 1000, true}, bool log_in = true)
      : session(std::move(settings)) {
    if (log_in) {
      server(parameter("standard_conforming_strings", "on") + parameter("client_encoding", "UTF8") + ready());
      to_client.clear();
    }
  }

  /// Feeds the client's bytes; what the server gets.
  std::string client(const std::string& bytes) {
    session.feed_frontend(bytes);
    return go_on();
  }

  std::string go_on() {
    Outgoing out;
    status = session.advance_frontend(out);
    while (status == Status::judge && !hold) {
      session.answer(verdict(session.request()), out);
      status = session.advance_frontend(out);
    }
    const std::string sent = text(out);
    if (status == Status::judge || status == Status::wait) session.keep_frontend();
    return sent;
  }

  /// Feeds the server's bytes; what the client gets.
  std::string server(const std::string& bytes) {
    Outgoing out;
    session.feed_backend(bytes, out);
    return text(out);
  }

  static std::string text(const Outgoing& out) {
    std::string all;
    for (const auto& part : out.parts()) all.append(part.bytes);
    return all;
  }

  Session session;
  Outgoing to_client;
  Status status = Status::hungry;
  bool hold = false;  ///< leave verdicts open
  policy::OnDeny on_deny = policy::OnDeny::error;
  std::vector<Lexing> lexings;

 private:
  Answer verdict(const JudgeRequest& request) {
    lexings.push_back(request.lexing);
    const auto has = [&](std::string_view word) { return request.sql.find(word) != std::string_view::npos; };
    Answer answer;
    answer.may_change_lexing = has("SET");
    answer.effect = policy::Effect::allow;
    if (!has("DROP") && !has("WARN") && request.tag != 'F') return answer;
    answer.effect = has("WARN") ? policy::Effect::warn : policy::Effect::deny;
    Refusal refusal;
    refusal.sqlstate = "42501";
    refusal.explanation.message = "no";
    refusal.position = static_cast<std::int32_t>(request.sql.find("DROP"));
    refusal.on_deny = on_deny;
    answer.refusal = refusal;
    return answer;
  }
};

std::string denied(int number) { return token + "_" + std::to_string(number); }

std::string our_error(std::string_view position, std::string_view severity = "FEHLER") {
  return protocol::encode_error('E', {{'S', severity},
                                      {'V', severity == "FATAL" ? "FATAL" : "ERROR"},
                                      {'C', "42501"},
                                      {'M', "no"},
                                      {'P', position}});
}

TEST_CASE("a session of another kind than the upstream's URL wants ends before it begins", "[session]") {
  SessionSettings settings{token, 1000, true};
  settings.target_session = protocol::TargetSession::primary;
  const std::string primary = parameter("in_hot_standby", "off");
  const std::string standby = parameter("in_hot_standby", "on");
  Conversation wanted(settings, false);
  CHECK(wanted.client(query("INSERT")).empty());  // sent ahead: it is not known yet where it would run
  CHECK(wanted.status == Status::wait);
  CHECK(wanted.server(primary) == primary);
  CHECK_FALSE(wanted.session.may_continue());
  CHECK(wanted.server(ready()) == ready());
  CHECK(wanted.session.may_continue());
  CHECK(wanted.go_on() == query("INSERT"));
  CHECK(wanted.server(standby + ready()) ==
        standby + ready());  // what it becomes later is the client's affair
  Conversation unwanted(settings, false);
  CHECK(unwanted.server(standby + ready() + ready()) == standby);
  CHECK(unwanted.session.backend_ended());
  Outgoing last;
  unwanted.session.finish_backend(last);
  CHECK(Conversation::text(last).find("server is in hot standby mode") != std::string::npos);
}

}  // namespace

TEST_CASE("what is allowed passes as it came, cut anywhere") {
  const std::string stream = query("SELECT 1") + parse("s", "SELECT 2") + sync_message() +
                             std::move(FrameWriter('d').bytes("copied")).finish() + query("SELECT 3");
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    Conversation talk;
    std::string sent;
    for (std::size_t at = 0; at < stream.size(); at += piece) sent += talk.client(stream.substr(at, piece));
    CAPTURE(piece);
    REQUIRE(sent == stream);
  }
}

TEST_CASE("a denied query is replaced and the server's error becomes ours") {
  Conversation talk;
  REQUIRE(talk.client(query("x DROP")) == query(denied(1)));
  REQUIRE(talk.server(server_error("syntax error at or near \"" + denied(1) + "\"") + ready()) ==
          our_error("3") + ready());
}

TEST_CASE("positions are counted in characters") {
  Conversation talk;
  talk.client(query("\xC3\xA4\xE2\x82\xAC DROP"));
  REQUIRE(talk.server(server_error(denied(1))) == our_error("4"));
}

TEST_CASE("a denied parse keeps its name, and a second one in the segment leaves no trace") {
  Conversation talk;
  REQUIRE(talk.client(parse("s", "DROP 1") + parse("t", "DROP 2") + sync_message()) ==
          parse("s", denied(1)) + parse("t", denied(2)) + sync_message());
  REQUIRE(talk.server(server_error(denied(1)) + ready()) == our_error("1") + ready());
  REQUIRE(talk.session.idle());
}

TEST_CASE("an error of the server's own is not touched, and a denial it skipped is forgotten") {
  Conversation talk;
  talk.client(parse("", "SELECT wrong") + parse("", "DROP") + sync_message() + query("DROP later"));
  const std::string other = server_error("column \"wrong\" does not exist");
  REQUIRE(talk.server(other + ready()) == other + ready());
  REQUIRE(talk.server(server_error(denied(2)) + ready()) == our_error("1") + ready());
}

TEST_CASE("a rule may end the session with its denial") {
  Conversation talk;
  talk.on_deny = policy::OnDeny::terminate;
  talk.client(query("DROP"));
  REQUIRE(talk.server(server_error(denied(1)) + ready()) == our_error("1", "FATAL"));
  REQUIRE(talk.session.backend_ended());
  REQUIRE(talk.client(query("SELECT 1")).empty());
}

TEST_CASE("a warning forwards the statement and adds a notice between two frames") {
  Conversation talk;
  REQUIRE(talk.client(query("WARN")) == query("WARN"));
  const std::string answer = ready();
  const std::string notice =
      protocol::encode_error('N', {{'S', "WARNING"}, {'V', "WARNING"}, {'C', "42501"}, {'M', "no"}});
  REQUIRE(talk.server(answer) == notice + answer);
}

TEST_CASE("later bytes wait for a verdict, in order, and survive their buffer") {
  Conversation talk;
  talk.hold = true;
  std::string chunk = query("SELECT 1") + query("DROP") + sync_message();
  REQUIRE(talk.client(chunk).empty());
  REQUIRE(talk.status == Status::judge);
  chunk.assign(chunk.size(), '!');
  REQUIRE(talk.session.request().sql == "SELECT 1");
  talk.hold = false;
  REQUIRE(talk.go_on() == query("SELECT 1") + query(denied(1)) + sync_message());
}

TEST_CASE("a malformed statement gets the server's own answer to it") {
  Conversation talk;
  const std::string two_strings = std::move(FrameWriter('Q').cstr("SELECT 1").cstr("DROP TABLE t")).finish();
  REQUIRE(talk.client(two_strings) == query(denied(1)));
  REQUIRE(talk.server(server_error(denied(1))) ==
          protocol::encode_error(
              'E', {{'S', "FEHLER"}, {'V', "ERROR"}, {'C', "08P01"}, {'M', "invalid message format"}}));
}

TEST_CASE("a statement over the limit is refused at its end without being held, and the session goes on") {
  Conversation talk;
  const std::string large = query(std::string(2000, 'x'));
  REQUIRE(talk.client(large.substr(0, 500)).empty());
  REQUIRE(talk.client(large.substr(500) + query("SELECT 1")) == query(denied(1)) + query("SELECT 1"));
  const std::string error = talk.server(server_error(denied(1)));
  REQUIRE(error.find("C54000") != std::string::npos);
}

TEST_CASE("on a host that is not protected a large statement passes unseen") {
  Conversation talk({token, 1000, false});
  const std::string large = query(std::string(2000, 'x'));
  REQUIRE(talk.client(large) == large);
}

TEST_CASE("a broken stream ends the session after what is under way") {
  Conversation talk;
  REQUIRE(talk.client(query("SELECT 1") + "?????" + query("SELECT 2")) == query("SELECT 1"));
  REQUIRE(talk.status == Status::ended);
  REQUIRE(talk.server(ready()) == ready());
  Outgoing last;
  talk.session.finish_backend(last);
  const std::string fatal = Conversation::text(last);
  REQUIRE(fatal.find("VFATAL") != std::string::npos);
  REQUIRE(fatal.find("C08P01") != std::string::npos);
  REQUIRE(fatal.find("unknown message type") != std::string::npos);
}

TEST_CASE("a server that breaks the protocol is cut off, with words for the client") {
  Conversation talk;
  talk.server("\x01garbage");
  REQUIRE(talk.session.backend_ended());
  Outgoing last;
  talk.session.finish_backend(last);
  REQUIRE(Conversation::text(last).find("the server broke the protocol") != std::string::npos);
}

TEST_CASE("strings are read as the server will read them") {
  Conversation talk;
  SECTION("no backslash: no difference") {
    talk.client(query("SELECT 'a'"));
    REQUIRE(talk.lexings == std::vector{Lexing::standard});
  }
  SECTION("as reported") {
    talk.server(parameter("standard_conforming_strings", "off"));
    talk.client(query("SELECT '\\'"));
    REQUIRE(talk.lexings == std::vector{Lexing::escapes});
  }
  SECTION("after a statement that may change it, only when the server has answered") {
    talk.client(query("SET x"));
    REQUIRE(talk.client(query("SELECT '\\'")).empty());
    REQUIRE(talk.status == Status::wait);
    REQUIRE_FALSE(talk.session.may_continue());
    talk.server(parameter("standard_conforming_strings", "off") + ready());
    REQUIRE(talk.session.may_continue());
    REQUIRE(talk.go_on() == query("SELECT '\\'"));
    REQUIRE(talk.lexings == std::vector{Lexing::standard, Lexing::escapes});
  }
  SECTION("only a drained pipeline settles it: an error takes a SET back, a function may hide one") {
    talk.server(parameter("standard_conforming_strings", "off"));
    talk.client(query("SELECT 1/0"));
    REQUIRE(talk.client(query("SELECT '\\'")).empty());
    talk.server(server_error("division by zero") + parameter("standard_conforming_strings", "on") + ready());
    talk.go_on();
    REQUIRE(talk.lexings == std::vector{Lexing::standard, Lexing::standard});
  }
  SECTION("non-ASCII text waits only where the encoding may be changing") {
    talk.client(query("SELECT 1") + query("SELECT '\xC3\xA4'"));
    REQUIRE(talk.status == Status::hungry);
    talk.client(query("SET x") + query("SELECT '\xC3\xA4'"));
    REQUIRE(talk.status == Status::wait);
  }
  SECTION("both ways where no answer will come before the client goes on") {
    talk.client(parse("", "SET x") + parse("", "SELECT '\\'"));
    REQUIRE(talk.lexings == std::vector{Lexing::standard, Lexing::either});
  }
  SECTION("a statement prepared earlier may change it when it runs") {
    talk.client(parse("s", "SET x") + sync_message());
    talk.server(ready());
    talk.client(std::move(FrameWriter('E').cstr("").u32(0)).finish() + parse("", "SELECT '\\'"));
    REQUIRE(talk.lexings == std::vector{Lexing::standard, Lexing::either});
  }
  SECTION("bytes above 127 in an encoding that hides ASCII cannot be read") {
    talk.server(parameter("client_encoding", "SJIS"));
    talk.client(query("SELECT '\x95\x5c'"));
    REQUIRE(talk.lexings == std::vector{Lexing::unreadable});
  }
}

TEST_CASE("before the login is done a statement with a backslash waits") {
  Conversation talk({token, 1000, true}, false);
  REQUIRE(talk.client(query("SELECT 1") + query("SELECT '\\'")) == query("SELECT 1"));
  REQUIRE(talk.status == Status::wait);
  talk.server(parameter("standard_conforming_strings", "on") + parameter("client_encoding", "UTF8") +
              ready());
  REQUIRE(talk.go_on().empty());  // the first SELECT is still owed
  talk.server(ready());
  REQUIRE(talk.go_on() == query("SELECT '\\'"));
}

TEST_CASE("of very many open denials the first are answered without their words") {
  Conversation talk;
  std::string many;
  for (int i = 0; i < 300; ++i) many += query("DROP");
  talk.client(many);
  const std::string first = talk.server(server_error(denied(1)) + ready());
  REQUIRE(first.find("C42501") != std::string::npos);
  REQUIRE(first.find(token) == std::string::npos);
  REQUIRE(talk.server(server_error(denied(300)) + ready()) == our_error("1") + ready());
}

TEST_CASE("an error that only looks like an answer to a denial is the server's own") {
  Conversation talk;
  talk.client(query("DROP"));
  REQUIRE(talk.server(server_error(denied(1)) + ready()) == our_error("1") + ready());
  for (const int number : {1, 2}) {
    talk.client(query("SELECT 1"));
    REQUIRE(talk.server(server_error(denied(number)) + ready()) == server_error(denied(number)) + ready());
  }
}

TEST_CASE("bytes to send outlive what is kept again and again") {
  // A verdict is open, the server takes nothing, and more statements stand behind: everything moves to
  // copies.
  Conversation talk;
  talk.hold = true;
  std::string chunk =
      query("SELECT 'first statement of many'") + query("SELECT 'second'") + query("SELECT 'third'");
  const std::string all = chunk;
  talk.session.feed_frontend(chunk);
  Outgoing out;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(talk.session.advance_frontend(out) == Status::judge);
    out.keep();
    talk.session.keep_frontend();
    chunk.assign(chunk.size(), '!');
    talk.session.answer({policy::Effect::allow, false, false, std::nullopt}, out);
  }
  REQUIRE(talk.session.advance_frontend(out) == Status::hungry);
  REQUIRE(Conversation::text(out) == all);
}

TEST_CASE("a server that does not hold a read-only session to it is cut off") {
  const std::string off = parameter("default_transaction_read_only", "off");
  Conversation talk({.denial_token = token, .read_only = true}, false);
  talk.server(parameter("default_transaction_read_only", "on") + ready());
  REQUIRE_FALSE(talk.session.backend_ended());
  REQUIRE(talk.server(off + ready()) == off);
  REQUIRE(talk.session.backend_ended());
  REQUIRE(talk.client(query("SELECT 1")).empty());
  Outgoing last;
  talk.session.finish_backend(last);
  REQUIRE(Conversation::text(last).find("C25006") != std::string::npos);

  Conversation writing;
  writing.server(off);
  REQUIRE_FALSE(writing.session.backend_ended());
}

TEST_CASE("the session knows the cancel key, the application name and whether it is idle") {
  Conversation talk({token, 1000, true}, false);
  const auto key = [](std::string_view bytes) { return std::move(FrameWriter('K').bytes(bytes)).finish(); };
  talk.server(key("12345678") + parameter("application_name", "psql") + ready() + key("another"));
  REQUIRE(talk.session.idle());
  REQUIRE(talk.session.cancel_key() == "12345678");
  REQUIRE(talk.session.application_name() == "psql");
  talk.client(query("BEGIN"));
  REQUIRE_FALSE(talk.session.idle());
  talk.server(ready('T'));
  REQUIRE_FALSE(talk.session.idle());
}

TEST_CASE("channel binding that fails where the connection to the server is encrypted is explained") {
  const auto authentication = [](std::uint32_t request) {
    return std::move(FrameWriter('R').u32(request)).finish();
  };
  const auto refusal = [](std::string_view sqlstate) {
    return protocol::encode_error(
        'E', {{'S', "FATAL"}, {'C', sqlstate}, {'M', "SCRAM channel binding check failed"}});
  };
  const auto answer_of = [&](bool client, bool server, std::uint32_t request, std::string_view sqlstate) {
    Conversation talk({token, 1000, true}, false);
    talk.session.encrypted(client, server);
    REQUIRE(talk.server(authentication(request)) == authentication(request));
    return talk.server(refusal(sqlstate));
  };
  constexpr std::uint32_t sasl_continue = 11;
  constexpr std::uint32_t sasl_final = 12;
  for (const bool client : {true, false}) {
    REQUIRE(answer_of(client, true, sasl_continue, "28000").find("cannot pass through pgwarden") !=
            std::string::npos);
    REQUIRE(answer_of(client, true, sasl_continue, "28P01") == refusal("28P01"));
    REQUIRE(answer_of(client, true, sasl_final, "28000") == refusal("28000"));
    REQUIRE(answer_of(client, false, sasl_continue, "28000") == refusal("28000"));
  }
}

TEST_CASE("channel binding is not offered to a client in clear") {
  const auto offer = [](std::initializer_list<std::string_view> mechanisms) {
    FrameWriter writer('R');
    writer.u32(10);
    for (const std::string_view mechanism : mechanisms) writer.cstr(mechanism);
    return std::move(writer.cstr("")).finish();
  };
  const std::string both = offer({"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"});
  const auto offered = [&](bool client, bool server, const std::string& message) {
    Conversation talk({token, 1000, true}, false);
    talk.session.encrypted(client, server);
    return talk.server(message);
  };
  REQUIRE(offered(false, true, both) == offer({"SCRAM-SHA-256"}));
  REQUIRE(offered(true, true, both) == both);
  REQUIRE(offered(false, false, both) == both);
  REQUIRE(offered(false, true, offer({"SCRAM-SHA-256-PLUS"})) == offer({"SCRAM-SHA-256-PLUS"}));
}
