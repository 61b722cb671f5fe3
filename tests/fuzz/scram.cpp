// SCRAM, both roles: a login of which any message is changed on its way succeeds for nobody; peers that make
// their messages up prove nothing; a verifier that can be read is written as it was.
//
// Input: a byte of flags (the first two bits say which message is changed), then what stands in its place;
// or, when the byte is odd, an edit of it: a byte for the place, one to put there.
#include "protocol/scram.h"

#include <algorithm>

#include "tests/fuzz/fuzz.h"

namespace {

using namespace pgwarden;
using protocol::ScramClient;
using protocol::ScramFailure;
using protocol::ScramServer;
using protocol::ScramVerifier;

using Step = std::variant<std::string, ScramFailure>;

/// The message; nullptr and a reason for the peer when the step has failed.
const std::string* message_of(const Step& step) {
  if (const auto* failure = std::get_if<ScramFailure>(&step)) {
    fuzz::require(failure->sqlstate.size() == 5 && !failure->message.empty(), "a failure has a reason");
    fuzz::require(failure->message.find("S3cretWord") == std::string::npos, "without a secret");
  }
  return std::get_if<std::string>(&step);
}

const ScramVerifier& verifier() {
  static const ScramVerifier made = protocol::make_verifier("S3cretWord", 1);
  return made;
}

/// The last character of a Base64 text, before "=", has bits that mean nothing.
bool may_mean_the_same(std::string_view changed, std::string_view original) {
  const auto significant = [](std::string_view text) { return text.substr(0, text.find_last_not_of('=')); };
  return significant(changed) == significant(original);
}

/// A client that knows the password.
struct Client : ScramClient {
  using ScramClient::ScramClient;

  Step answer(std::string_view server_first) {
    const auto asked = challenge(server_first);
    if (const auto* failure = std::get_if<ScramFailure>(&asked)) return *failure;
    auto derived = std::get<protocol::ScramChallenge>(asked);
    derived.iterations = std::min(derived.iterations, 10u);  // no need to wait for more of them
    return last(protocol::derive_scram_keys("S3cretWord", derived));
  }
};

/// One login. `change` gives what arrives of a message, by its number and what was sent.
template <class Change>
bool succeeds(const std::string& binding, Change change) {
  Client client(binding, !binding.empty());
  ScramServer server(verifier(), binding);
  const Step first = server.first(client.mechanism(), change(0, client.first()));
  const std::string* message = message_of(first);
  if (message == nullptr) return false;
  const Step last = client.answer(change(1, *message));
  message = message_of(last);
  if (message == nullptr) return false;
  const Step proof = server.last(change(2, *message));
  message = message_of(proof);
  fuzz::require((message == nullptr) == server.client_key().empty(), "no key is learnt without a proof");
  return message != nullptr && !client.verify(change(3, *message));
}

void check_made_up(std::string_view bytes) {
  ScramServer server(verifier(), "");
  if (message_of(server.first(protocol::scram_sha_256, bytes)) != nullptr) {
    fuzz::require(message_of(server.last(bytes)) == nullptr, "who knows no password proves nothing");
  }
  Client client("", false);
  client.first();
  if (message_of(client.answer(bytes)) != nullptr) {
    fuzz::require(client.verify(bytes).has_value(), "who has no verifier proves nothing");
  }
  if (const auto read = ScramVerifier::parse(bytes)) {
    const auto again = ScramVerifier::parse(read->text());
    fuzz::require(again && again->text() == read->text(), "a verifier reads as it was written", bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const unsigned flags = input.byte();
  const unsigned which = flags / 2 % 4;
  const std::string binding = (flags & 8) != 0 ? "certificate" : "";
  const std::string_view bytes = input.rest();
  bool changed = false;
  const bool success = succeeds(binding, [&](unsigned number, const std::string& sent) {
    if (number != which || bytes.empty()) return sent;
    std::string arrives(bytes);
    if ((flags & 1) != 0) {
      arrives = sent;
      arrives[static_cast<unsigned char>(bytes.front()) % sent.size()] = bytes.back();
    }
    changed = !may_mean_the_same(arrives, sent);
    return arrives;
  });
  fuzz::require(!changed || !success, "a changed message ends the login");
  fuzz::require(changed || success || !bytes.empty(), "an honest login succeeds");
  check_made_up(bytes);
  return 0;
}
