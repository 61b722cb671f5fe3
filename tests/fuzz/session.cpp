// Whatever client and server send and wherever it is cut: the server gets the client's bytes, each denied or
// malformed statement replaced by one that cannot parse; the client gets the server's messages, in order, of
// which only errors are swapped; neither depends on where the streams are cut; what the session holds is
// bounded.
//
// Input: a byte of flags, a counted string of piece sizes, a byte that is 255 to measure memory, too, which
// takes long; then what happens, a byte for each message (see Script).
#include <sanitizer/allocator_interface.h>

#include <array>

#include "protocol/frame_writer.h"
#include "protocol/tags.h"
#include "tests/fuzz/relay.h"

namespace {

using namespace pgwarden;
using fuzz::Relay;
using protocol::FrameWriter;

/// What the client sends, then what the server does, and so on.
struct Round {
  std::string client;
  std::string server;
};

/// Makes messages of an input: whole ones that a session may meet, and any bytes at all.
class Script {
 public:
  explicit Script(fuzz::Input input) : input_(input) {
    while (!input_.empty()) step(input_.byte() % 32);
  }
  std::vector<Round> rounds{1};

 private:
  void step(unsigned what) {
    switch (what) {
      case 0:
        return from_client(protocol::encode_query(text()));
      case 1:
        return from_client(protocol::encode_parse(input_.byte() % 2 == 0 ? "" : "s", text()));
      case 2:
        return from_client(std::move(FrameWriter('F').u32(input_.byte()).u16(0).u16(0).u16(0)).finish());
      case 3: {
        constexpr std::string_view tags = "SHXcBDECdf";
        return from_client(std::move(FrameWriter(tags[input_.byte() % tags.size()]).cstr("")).finish());
      }
      case 4:
        return from_client(FrameWriter('S').finish());
      case 5:
        return from_client(std::move(FrameWriter('d').bytes(input_.counted())).finish());
      case 6:
        return from_client(std::string(input_.counted()));
      case 7: {
        constexpr std::string_view tags = "QPFp";
        return from_client(
            std::move(FrameWriter(tags[input_.byte() % tags.size()]).bytes(input_.counted())).finish());
      }
      case 8:
      case 9:
        rounds.emplace_back();
        return;
      case 10:
        return from_server(std::move(FrameWriter('Z').byte("ITE"[input_.byte() % 3])).finish());
      case 11: {
        constexpr std::string_view tags = "vTDCI123ntsVHdcANGWRKSE";
        return from_server(
            std::move(FrameWriter(tags[input_.byte() % tags.size()]).bytes(input_.counted())).finish());
      }
      case 12:
        return from_server(error(std::string(fuzz::denial_token) + "_" + std::to_string(input_.byte())));
      case 13:
        return from_server(error(input_.counted()));
      case 14: {
        constexpr auto values = std::to_array<std::pair<std::string_view, std::string_view>>(
            {{"standard_conforming_strings", "on"},
             {"standard_conforming_strings", "off"},
             {"client_encoding", "UTF8"},
             {"client_encoding", "LATIN1"},
             {"client_encoding", "SJIS"},
             {"default_transaction_read_only", "on"},
             {"default_transaction_read_only", "off"},
             {"application_name", "some"}});
        const auto& [name, value] = values[input_.byte() % values.size()];
        return from_server(std::move(FrameWriter('S').cstr(name).cstr(value)).finish());
      }
      case 15:
        return from_server(std::string(input_.counted()));
      case 16: {
        FrameWriter sasl('R');
        sasl.u32(input_.byte() % 16);
        if (input_.byte() % 2 == 0) sasl.cstr("SCRAM-SHA-256-PLUS");
        return from_server(std::move(sasl.cstr("SCRAM-SHA-256").cstr("")).finish());
      }
      case 17:
        return from_server(protocol::encode_error('E', {{'S', "FATAL"}, {'C', "28000"}, {'M', "no login"}}));
      case 18:  // a login
        return from_server(
            std::move(FrameWriter('R').u32(0)).finish() +
            std::move(FrameWriter('S').cstr("standard_conforming_strings").cstr("on")).finish() +
            std::move(FrameWriter('S').cstr("client_encoding").cstr("UTF8")).finish() +
            std::move(FrameWriter('K').u32(1).u32(2)).finish() +
            std::move(FrameWriter('Z').byte('I')).finish());
      default:
        return from_client(protocol::encode_query(text()));
    }
  }

  std::string_view text() {
    constexpr auto texts =
        std::to_array<std::string_view>({"", "SELECT 1", "DROP", "DROP \\", "END DROP", "WARN", "SET",
                                         "SELECT '\\'", "\xC3\xA4 DROP", "WARN SET", "DROP this and that"});
    const unsigned which = input_.byte();
    return which < texts.size() ? texts[which] : input_.counted();
  }

  static std::string error(std::string_view message) {
    return protocol::encode_error('E', {{'S', "ERROR"}, {'C', "42601"}, {'M', message}});
  }

  void from_client(const std::string& bytes) { rounds.back().client += bytes; }
  void from_server(const std::string& bytes) { rounds.back().server += bytes; }

  fuzz::Input input_;
};

/// The first frame of a stream, or what there is of it.
struct Frame {
  explicit Frame(std::string_view stream) : bytes(stream) {
    if (stream.size() < 5) return;
    length = protocol::read_u32(stream.data() + 1);
    bytes = stream.substr(0, std::size_t{1} + length);
    whole = length >= 4 && bytes.size() == std::size_t{1} + length;
  }
  char tag() const { return bytes.front(); }

  std::string_view bytes;
  std::uint32_t length = 0;
  bool whole = false;
};

std::uint32_t longest_from_client(char tag) {
  if (std::string_view("QPFBd").find(tag) != std::string_view::npos) return 0x3fffffff + 4;
  if (std::string_view("DECScfHX").find(tag) != std::string_view::npos) return 10'004;
  return tag == 'p' ? 65'539 : 0;
}

/// What has to be replaced: the name of the statement; nullopt for what passes.
std::optional<std::string_view> replaced(const Frame& frame, bool protected_host) {
  const protocol::Bytes body = frame.bytes.substr(5);
  if (body.size() > fuzz::statement_bytes_max) return "";
  if (frame.tag() == 'F' && !protocol::decode_function_call(body)) return "";
  if (frame.tag() == 'Q') {
    const auto sql = protocol::decode_query(body);
    if (!sql || (protected_host && fuzz::denies(*sql))) return "";
  }
  if (frame.tag() == 'P') {
    const auto parse = protocol::decode_parse(body);
    if (!parse) return "";
    if (protected_host && fuzz::denies(parse->sql)) return parse->statement;
  }
  return std::nullopt;
}

/// What the server has to get of what the client sent, when nothing waits and nothing ends.
std::string expected_by_server(std::string_view stream, bool protected_host) {
  std::string expected;
  for (unsigned denials = 0; stream.size() >= 5;) {
    const Frame frame(stream);
    if (frame.length < 4 || frame.length > longest_from_client(frame.tag())) break;
    const bool judged = std::string_view("QPF").find(frame.tag()) != std::string_view::npos &&
                        (protected_host || frame.length - 4 <= fuzz::statement_bytes_max);
    const auto name = judged && frame.whole ? replaced(frame, protected_host) : std::nullopt;
    if (name) {
      const std::string text = std::string(fuzz::denial_token) + "_" + std::to_string(++denials);
      expected += frame.tag() == 'P' ? protocol::encode_parse(*name, text) : protocol::encode_query(text);
    } else if (!judged || frame.whole) {
      expected += frame.bytes;
    }
    stream.remove_prefix(frame.bytes.size());
  }
  return expected;
}

/// Holds what the client got against what the server sent; gives it without our notices.
std::string check_client(std::string_view got, std::string_view sent, bool all_passed) {
  const std::string notice = fuzz::warning_notice();
  std::string without_notices;
  while (!got.empty()) {
    const Frame ours(got);
    const Frame theirs(sent);
    const bool same = theirs.bytes.starts_with(ours.bytes);
    if (!same && ours.bytes == notice) {
      got.remove_prefix(notice.size());
      continue;
    }
    const bool swapped = !same && ours.whole && theirs.whole && ours.tag() == theirs.tag() &&
                         (ours.tag() == 'E' || ours.tag() == 'R');
    fuzz::require(same || swapped, "the client gets the server's messages in their order", got);
    without_notices += ours.bytes;
    got.remove_prefix(ours.bytes.size());
    sent.remove_prefix(std::min(sent.size(), swapped ? theirs.bytes.size() : ours.bytes.size()));
  }
  fuzz::require(!all_passed || !Frame(sent).whole, "the client gets all that the server sent", sent);
  return without_notices;
}

/// Everything about a session that must not depend on where the streams are cut.
std::string play(const std::vector<Round>& rounds, const fuzz::RelaySettings& settings,
                 std::string_view sizes) {
  Relay relay(settings);
  std::string from_client;
  std::string from_server;
  bool has_waited = false;
  for (const Round& round : rounds) {
    fuzz::in_pieces(round.client, sizes, [&](std::string_view piece) { relay.client(piece); });
    fuzz::in_pieces(round.server, sizes, [&](std::string_view piece) { relay.server(piece); });
    has_waited = has_waited || relay.status() == Relay::Status::wait;
    relay.resume();
    from_client += round.client;
    from_server += round.server;
  }
  const std::string expected = expected_by_server(from_client, settings.protected_host);
  fuzz::require(std::string_view(expected).starts_with(relay.to_server), "the server gets nothing else",
                relay.to_server + "\n---\n" + expected);
  fuzz::require(relay.to_server == expected || relay.status() != Relay::Status::hungry,
                "the server gets all of it", relay.to_server + "\n---\n" + expected);
  const std::string got = check_client(relay.to_client, from_server, !relay.session().backend_ended());
  return relay.to_server + "\n" + got + "\n" + relay.finish() + "\n" + relay.session().cancel_key() +
         relay.session().application_name().value_or("-") + std::to_string(static_cast<int>(relay.status())) +
         std::to_string(relay.session().idle());
}

/// The same client's messages again and again, and none of its peer reads: what is held stays bounded.
void check_memory(const std::vector<Round>& rounds, const fuzz::RelaySettings& settings) {
  constexpr std::size_t bytes_fed = std::size_t{1} << 20;
  constexpr std::size_t bytes_held_max = std::size_t{1} << 19;
  Relay relay(settings);
  relay.records = false;
  const std::size_t before = __sanitizer_get_current_allocated_bytes();
  for (std::size_t fed = 0; fed < bytes_fed;) {
    for (const Round& round : rounds) {
      if (relay.status() == Relay::Status::hungry) relay.client(round.client);
      relay.server(round.server);
      relay.resume();
      fed += round.client.size() + round.server.size() + 1000;
      const std::size_t held = __sanitizer_get_current_allocated_bytes();
      // Few unread bytes are within a string that allocates nothing for them: a difference could be negative.
      fuzz::require(held < before + relay.unread() + bytes_held_max, "what a session holds is bounded",
                    std::to_string(held));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const fuzz::RelaySettings settings(input.byte());
  const std::string_view sizes = input.counted();
  const bool measures = input.byte() == 255;
  const Script script(input);
  const std::string whole = play(script.rounds, settings, {});
  const std::string cut = play(script.rounds, settings, sizes);
  fuzz::require(whole == cut, "the same wherever the streams are cut",
                whole + "\n--- whole, cut ---\n" + cut);
  if (measures) check_memory(script.rounds, settings);
  return 0;
}
