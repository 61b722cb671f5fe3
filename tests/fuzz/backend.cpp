// A hostile server: whatever it sends while denials and warnings are pending and wherever that is cut, the
// client gets the same; up to where the server breaks the protocol that is its own bytes, but for the errors
// that the denials raise; no more is held than one message that has to be seen whole; the last word is a
// FATAL error.
//
// Input: a byte of flags, a counted string of piece sizes, then what the server sends.
#include "protocol/tags.h"
#include "tests/fuzz/relay.h"

namespace {

using namespace pgwarden;

std::string play(const fuzz::RelaySettings& settings, std::string_view sizes, std::string_view stream) {
  fuzz::Relay relay(settings);
  // The server takes part from the first byte on: nothing of this waits for an answer.
  for (const std::string& message : {protocol::encode_query("DROP 1"), protocol::encode_parse("s", "DROP 2"),
                                     protocol::encode_query("END DROP 3"), protocol::encode_query("SET"),
                                     protocol::encode_query("DROP 4")}) {
    relay.client(message);
  }
  fuzz::in_pieces(stream, sizes, [&](std::string_view piece) {
    relay.server(piece);
    relay.resume();
  });
  fuzz::require(relay.to_client.size() <= stream.size() + 1000, "the client gets little else than was sent");
  const bool has_token = stream.find(fuzz::denial_token) != std::string_view::npos;
  const bool meddles = has_token || settings.client_encrypted || settings.server_encrypted;
  fuzz::require(meddles || stream.starts_with(relay.to_client), "it is the server's own bytes",
                relay.to_client);
  constexpr std::size_t held_max = 64 * 1024 + 5;
  const bool held_little =
      relay.session().backend_ended() || relay.to_client.size() + held_max >= stream.size();
  fuzz::require(meddles || held_little, "little is held");
  const std::string last = relay.finish();
  fuzz::require(last.empty() || last.starts_with(protocol::backend::error_response),
                "the last word is an error");
  return relay.to_client + "\n" + last + "\n" + relay.session().cancel_key() +
         relay.session().application_name().value_or("-") + std::to_string(relay.session().idle());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const fuzz::RelaySettings settings(input.byte());
  const std::string_view sizes = input.counted();
  const std::string whole = play(settings, {}, input.rest());
  const std::string cut = play(settings, sizes, input.rest());
  fuzz::require(whole == cut, "the same wherever the stream is cut", whole + "\n--- whole, cut ---\n" + cut);
  return 0;
}
