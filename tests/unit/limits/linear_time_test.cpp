// What reads the bytes of others takes time in proportion to their number, for the worst patterns that there
// are.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>

#include "cli/check/check_script.h"
#include "config/load.h"
#include "config/presets.h"
#include "config/upstream_url.h"
#include "policy/statement_reader.h"
#include "protocol/frame_writer.h"
#include "protocol/messages.h"
#include "proxy/session/session.h"

namespace pgwarden {
namespace {

/// With a number in place of "<n>", another each time.
std::string repeat(std::string_view text, std::size_t bytes) {
  const std::size_t number = text.find("<n>");
  std::string all;
  for (int i = 0; all.size() < bytes; ++i) {
    all += text.substr(0, number);
    if (number != std::string_view::npos) all.append(std::to_string(i)).append(text.substr(number + 3));
  }
  return all;
}

using Run = std::function<void(const std::string&)>;

/// Processor time of this thread: others may run meanwhile.
double seconds(const Run& run, const std::string& text) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  };
  const double began = now();
  run(text);
  return now() - began;
}

/// Four times the text takes about four times as long, where it takes long enough to tell; 16 times were
/// quadratic.
void check_linear(const Run& run, std::string_view pattern, std::size_t bytes, std::string_view before = {}) {
  INFO(pattern);
  const std::string begin(before);
  constexpr double noise = 0.2;
  double shorter = 0;
  double longer = 0;
  for (int attempt = 0; attempt < 3; ++attempt) {  // what else the machine does slows a run down now and then
    shorter = seconds(run, begin + repeat(pattern, bytes));
    longer = seconds(run, begin + repeat(pattern, 4 * bytes));
    if (longer < 9 * shorter + noise) break;
  }
  INFO(shorter << " s, four times as much: " << longer << " s");
  CHECK(longer < 9 * shorter + noise);
}

session::Answer deny(const session::JudgeRequest&) {
  session::Answer answer;
  answer.refusal = session::plain_refusal();
  return answer;
}

/// Feeds both sides of a session that denies everything.
void relay(const std::string& from_client, const std::string& from_server, std::size_t piece) {
  session::Session session({"token", 1000});
  session::Outgoing out;
  session.feed_backend(std::move(protocol::FrameWriter('Z').byte('I')).finish(), out);
  for (std::size_t at = 0; at < from_client.size(); at += piece) {
    session.feed_frontend(std::string_view(from_client).substr(at, piece));
    while (session.advance_frontend(out) == session::Session::Status::judge) {
      session.answer(deny(session.request()), out);
    }
    out.clear();
  }
  for (std::size_t at = 0; at < from_server.size(); at += piece) {
    session.feed_backend(std::string_view(from_server).substr(at, piece), out);
    out.clear();
  }
}

}  // namespace

TEST_CASE("literals are masked in linear time") {
  const auto mask = [](const std::string& text) { policy::mask_literals(text, std::size_t{1} << 30); };
  for (const char* pattern : {"'",    "''",  "$a$",   "$$", "$a", "/*", "*/", "/**/", "-",  "--\n", "\"",
                              "E'\\", "U&'", "'a'\n", "a",  "1",  "1e", ".",  "+",    "\\", "\n",   "\xff"}) {
    check_linear(mask, pattern, 250'000);
  }
}

TEST_CASE("statements are read in linear time, as far as they are read") {
  const auto read = [](const std::string& text) {
    const policy::Reading reading = policy::read_statements(text, {});
  };
  for (const char* pattern : {"'", "$a$", "$$", "/*", "/**/", "--\n", "\"", "E'\\", "'a'\n", "SELECT 1;", ";",
                              "SELECT /* c */ 1;\n", "DROP TABLE t;", "CREATE TEMP TABLE t (a int);",
                              "SELECT f('SELECT 1');", "DO 'BEGIN END';"}) {
    check_linear(read, pattern, 25'000);
  }
  check_linear(read, ", 1 NOT /* c */ IN (1)", 50'000, "SELECT 1");
}

TEST_CASE("scripts are checked in linear time") {
  const policy::Policy guarded = config::preset_policy("guarded");
  policy::Principal who;
  who.user = "ann";
  who.host = "db";
  const auto check = [&](const std::string& text) { cli::check_script({guarded, who}, "script", text); };
  for (const char* pattern : {";",
                              "SELECT 1;\n",
                              "DROP TABLE t;\n",
                              "\\",
                              "\\x ",
                              "\\x\n",
                              ":",
                              ":'",
                              ":'a'",
                              ":a ",
                              "`",
                              "\\if\n",
                              "(",
                              "begin ",
                              "\\copy ",
                              "\\copy t from stdin\n",
                              "COPY t FROM STDIN;\n",
                              "-- pgwarden: allow drop-table why\n",
                              "-- pgwarden: allow drop-table why\nDROP TABLE t;\n",
                              "'",
                              "$$",
                              "/*",
                              "\\;",
                              "\\echo '",
                              "\\set a b\n",
                              "\\g\n",
                              "\r\n"}) {
    check_linear(check, pattern, 25'000);
  }
}

TEST_CASE("configurations and URLs are read in linear time") {
  const auto load = [](const std::string& text) { config::load_text(text, "file"); };
  for (const char* pattern : {"a:\n", "- a\n", "- ", "[", "{", "[a,", "{a: ", "? ", "- - ", "&a ", "'",
                              "\"\\n", "#\n", "---\n", "%\n", "| ", "\n", ", a: {"}) {
    check_linear(load, pattern, 25'000);
  }
  check_linear(load, "k<n>:\n", 50'000);
  check_linear(load, "- name: r<n>\n  effect: deny\n  match: {}\n", 25'000, "rules:\n");
  check_linear(load, "\n    d<n>: postgres://h/d", 25'000, "listeners:\n- listen: a:1\n  databases:");
  const auto parse = [](const std::string& text) {
    config::parse_upstream_url(text, config::UnknownParameters::keep);
    config::rewritten_url(text, {"127.0.0.1", 6432}, false);
  };
  for (const char* pattern : {"&a=b", "&sslmode=require", "%20", "&", "="}) {
    check_linear(parse, pattern, 25'000, "postgres://h/d?x=y");
  }
  for (const char* pattern : {"a", "@", ":", "/", "[", "%", ","})
    check_linear(parse, pattern, 25'000, "postgres://");
}

TEST_CASE("messages pass in linear time, cut anywhere") {
  const std::string query = protocol::encode_query("DROP");
  const std::string parse = protocol::encode_parse("", "DROP");
  const std::string sync = protocol::FrameWriter('S').finish();
  const std::string error = protocol::encode_error('E', {{'M', "token_1"}});
  const std::string ready = std::move(protocol::FrameWriter('Z').byte('I')).finish();
  const std::string copy_in = protocol::FrameWriter('G').finish();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{65'536}}) {
    for (const std::string& pattern : {query, parse, sync, parse + sync, sync + query}) {
      check_linear([&](const std::string& text) { relay(text, "", piece); }, pattern, 40'000);
    }
    for (const std::string& pattern : {error, ready, error + ready, copy_in, copy_in + error}) {
      check_linear([&](const std::string& text) { relay(repeat(query, text.size()), text, piece); }, pattern,
                   40'000);
    }
  }
}

}  // namespace pgwarden
