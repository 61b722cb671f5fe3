#include "bench/conversation.h"

#include <utility>

#include "protocol/frame_writer.h"
#include "protocol/messages.h"
#include "proxy/session/judgement.h"

namespace pgwarden::bench {

namespace {

using protocol::FrameWriter;
using session::Session;
using Status = Session::Status;

constexpr const char* denial_token = "pgwarden_denied_bench";
constexpr int rows = 1000;
constexpr std::size_t read_bytes = 16384;  ///< what one read brings of much

std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

std::vector<std::string> cut(const std::string& bytes) {
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < bytes.size(); at += read_bytes)
    pieces.push_back(bytes.substr(at, read_bytes));
  return pieces;
}

std::string empty_message(char tag) { return FrameWriter(tag).finish(); }
std::string ready() { return std::move(FrameWriter('Z').byte('I')).finish(); }
std::string complete(const char* tag) { return std::move(FrameWriter('C').cstr(tag)).finish(); }

std::string row_description() {
  return std::move(
             FrameWriter('T').u16(1).cstr("abalance").u32(16402).u16(3).u32(23).u16(4).u32(0xffffffff).u16(0))
      .finish();
}

std::string data_row(const std::string& value) {
  return std::move(FrameWriter('D').u16(1).u32(static_cast<std::uint32_t>(value.size())).bytes(value))
      .finish();
}

std::string bind(const std::string& statement) {
  return std::move(FrameWriter('B').cstr("").cstr(statement).u16(0).u16(1).u32(4).bytes("4711").u16(0))
      .finish();
}

std::string execute() { return std::move(FrameWriter('E').cstr("").u32(0)).finish(); }
std::string describe() { return std::move(FrameWriter('D').byte('P').cstr("")).finish(); }
std::string sync() { return empty_message('S'); }
std::string copy_data(const std::string& data) { return std::move(FrameWriter('d').bytes(data)).finish(); }
std::string copy_response(char tag) { return std::move(FrameWriter(tag).byte('\0').u16(1).u16(0)).finish(); }

std::string parse(const std::string& sql) { return protocol::encode_parse("", sql); }
std::string parse_complete() { return empty_message('1'); }
std::string bind_complete() { return empty_message('2'); }
std::string one_row() { return data_row("0") + complete("SELECT 1"); }

/// All of it at once; how many bytes there were.
std::size_t send(session::Outgoing& outgoing) {
  std::size_t size = 0;
  for (const auto& part : outgoing.parts()) size += part.bytes.size();
  outgoing.consume(size);
  return size;
}

Transcript denials() {
  Transcript all{"denied", {}};
  for (const char* sql : {"DROP TABLE \"Product\" CASCADE", "TRUNCATE orders", "DELETE FROM users",
                          "ALTER TABLE users DROP COLUMN email"}) {
    all.exchanges.push_back({protocol::encode_query(sql), {}});
  }
  return all;
}

}  // namespace

std::vector<Transcript> transcripts() {
  Transcript simple{"simple", {}};
  Transcript extended{"extended", {}};
  Transcript prepared{"prepared", {}};
  Transcript longer{"long statements", {}};
  Exchange pipeline;
  pipeline.server.emplace_back();
  for (const Statement& statement : statements()) {
    const Exchange exchange{protocol::encode_query(statement.sql), {row_description() + one_row() + ready()}};
    if (statement.sql.size() > 2000) {
      longer.exchanges.push_back(exchange);
      continue;
    }
    simple.exchanges.push_back(exchange);
    extended.exchanges.push_back(
        {parse(statement.sql) + bind("") + describe() + execute() + sync(),
         {parse_complete() + bind_complete() + row_description() + one_row() + ready()}});
    prepared.exchanges.push_back({bind("s1") + execute() + sync(), {bind_complete() + one_row() + ready()}});
    pipeline.client += parse(statement.sql) + bind("") + execute();
    pipeline.server[0] += parse_complete() + bind_complete() + one_row();
  }
  pipeline.client += sync();
  pipeline.server[0] += ready();

  const std::string line(1024, 'x');
  const std::string many_rows = row_description() + repeated(data_row(line.substr(0, 100)), rows);
  const std::string copied = repeated(copy_data(line), rows);
  const Exchange result{protocol::encode_query("SELECT * FROM t"),
                        cut(many_rows + complete("SELECT 1000") + ready())};
  const Exchange copy_out{
      protocol::encode_query("COPY t TO STDOUT"),
      cut(copy_response('H') + copied + empty_message('c') + complete("COPY 1000") + ready())};
  Transcript copy_in{"COPY in", {{protocol::encode_query("COPY t FROM STDIN"), {copy_response('G')}}}};
  for (const std::string& piece : cut(copied)) copy_in.exchanges.push_back({piece, {""}});
  copy_in.exchanges.push_back({empty_message('c'), {complete("COPY 1000") + ready()}});
  return {simple,
          extended,
          prepared,
          {"pipeline", {pipeline}, true},
          longer,
          {"1,000 rows", {result}},
          {"COPY out", {copy_out}},
          copy_in,
          denials()};
}

Conversation::Conversation()
    : session_([] {
        session::SessionSettings settings;
        settings.denial_token = denial_token;
        return settings;
      }()) {
  const auto parameter = [](const char* name, const char* value) {
    return std::move(FrameWriter('S').cstr(name).cstr(value)).finish();
  };
  take_backend(std::move(FrameWriter('R').u32(0)).finish() + parameter("client_encoding", "UTF8") +
               parameter("standard_conforming_strings", "on") + ready());
}

bool Conversation::play(const Transcript& transcript) {
  bool well = true;
  for (const Exchange& exchange : transcript.exchanges) well = play(exchange) && well;
  return well;
}

bool Conversation::play(const Exchange& exchange) {
  if (exchange.server.empty()) return play_denial(exchange);
  bool well = take_frontend(exchange.client) == exchange.client.size();
  for (const std::string& bytes : exchange.server) well = take_backend(bytes) == bytes.size() && well;
  return well;
}

/// The server quotes the word that it gets in the statement's place.
bool Conversation::play_denial(const Exchange& exchange) {
  const std::string message =
      "syntax error at or near \"" + (denial_token + ("_" + std::to_string(++denied_))) + '"';
  take_frontend(exchange.client);
  const std::string error = protocol::encode_error(
      'E', {{'S', "ERROR"}, {'V', "ERROR"}, {'C', "42601"}, {'M', message}, {'P', "1"}});
  return take_backend(error + ready()) != error.size() + ready().size();
}

std::size_t Conversation::take_frontend(const std::string& bytes) {
  session_.feed_frontend(bytes);
  while (session_.advance_frontend(to_upstream_) == Status::judge) {
    policy::Verdict verdict = session::judge(policy_, who_, session_.request(), readings_);
    session::Answer answer{verdict.effect, verdict.may_change_lexing, verdict.may_hide_temporary,
                           std::nullopt};
    if (verdict.finding != nullptr) {
      answer.refusal = session::refusal_of(*verdict.finding, verdict.effect, who_.host, "7Q4K2M");
    }
    session_.answer(std::move(answer), to_upstream_);
  }
  return send(to_upstream_);
}

std::size_t Conversation::take_backend(const std::string& bytes) {
  session_.feed_backend(bytes, to_client_);
  return send(to_client_);
}

}  // namespace pgwarden::bench
