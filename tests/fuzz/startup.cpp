// Whatever a client sends before its session and wherever that is cut, the same steps are taken, as long as
// the client waits for the answers that it asked for; one that does not is refused. What is held is bounded,
// and what is no longer the flow's own is left to the next. A StartupMessage reads as it was written.
//
// Input: a byte of flags, a counted string of piece sizes, then the stream.
#include "protocol/tags.h"
#include "proxy/session/startup_flow.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace pgwarden;
using session::StartupFlow;

std::string text_of(const protocol::StartupMessage& message) {
  std::string text = std::to_string(message.version);
  for (const auto& [name, value] : message.parameters) {
    text.append("|").append(name).append("=").append(value);
  }
  return text;
}

void check_message(const protocol::StartupMessage& message) {
  const auto again = protocol::decode_startup_packet(message.encode());
  const auto* same = std::get_if<protocol::StartupMessage>(&again);
  fuzz::require(same != nullptr && text_of(*same) == text_of(message), "a message reads as it was written");
  fuzz::require(message.user().size() < 64 && message.database().size() < 64, "names are cut");
  protocol::StartupMessage changed = message;
  changed.set("database", "other");
  fuzz::require(changed.database() == "other" && changed.user() == message.user(), "what is set last counts");
}

/// A flow, and what has come of it.
class Run {
 public:
  explicit Run(unsigned flags)
      : flow_((flags & 1) != 0, static_cast<session::TlsRule>(flags / 2 % 3)), encrypts_((flags & 8) != 0) {}

  void feed(std::string_view bytes) {
    while (!ended_ && !bytes.empty()) {
      const std::size_t taken = flow_.takes(bytes);
      fuzz::require(taken <= bytes.size(), "no more is taken than there is");
      const std::size_t used = std::max<std::size_t>(taken, 1);
      fed_ += used;
      held_ += used;
      if (taken == 0) {
        on_tls("handshake\n");  // of which the byte stands for all
      } else {
        on_step(flow_.feed(bytes.substr(0, taken)));
      }
      bytes.remove_prefix(used);
    }
    if (ended_ && goes_on_) outcome_ += bytes;
  }

  /// The steps, where the client is, and what is left for whoever comes next.
  std::string outcome() const {
    return outcome_ + (flow_.source() ? " from port " + std::to_string(flow_.source()->port) : "");
  }
  /// How much had been fed at each answer.
  const std::vector<std::size_t>& answers() const { return answers_; }

 private:
  void on_step(StartupFlow::Step step) {
    if (std::holds_alternative<StartupFlow::NeedMore>(step)) {
      fuzz::require(held_ <= held_max, "what is held is bounded");
      return;
    }
    held_ = 0;
    if (const auto* reply = std::get_if<StartupFlow::Reply>(&step)) {
      outcome_ += reply->byte;
      answers_.push_back(fed_);
    } else if (std::holds_alternative<StartupFlow::StartTls>(step)) {
      answers_.push_back(fed_);
      on_tls("TLS\n");
    } else if (auto* cancel = std::get_if<StartupFlow::Cancel>(&step)) {
      fuzz::require(cancel->request.key.size() >= 8 && cancel->request.key.size() <= 260, "keys have bounds");
      end("cancel " + cancel->request.key, false);
    } else if (auto* start = std::get_if<StartupFlow::Start>(&step)) {
      check_message(start->message);
      end("start " + text_of(start->message) + "\n" + start->rest, true);
    } else {
      const auto& refuse = std::get<StartupFlow::Refuse>(step);
      fuzz::require(!refuse.why.empty(), "a refusal has a reason");
      end("refused " + refuse.fatal + refuse.why, false);
    }
  }

  void on_tls(const std::string& how) {
    if (!encrypts_) return end(how, true);
    outcome_ += how;
    flow_.encrypted();
  }

  void end(const std::string& how, bool goes_on) {
    outcome_ += how;
    ended_ = true;
    goes_on_ = goes_on;
  }

  static constexpr std::size_t held_max =
      protocol::startup_packet_bytes_max + 4 + protocol::proxy_header_bytes_max;

  StartupFlow flow_;
  bool encrypts_;
  std::size_t fed_ = 0;
  std::size_t held_ = 0;
  std::string outcome_;
  std::vector<std::size_t> answers_;
  bool ended_ = false;
  bool goes_on_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const unsigned flags = input.byte();
  const std::string_view sizes = input.counted();
  std::string_view stream = input.rest();
  Run slow(flags);
  fuzz::in_pieces(stream, "\1", [&](std::string_view piece) { slow.feed(piece); });

  Run waiting(flags);
  std::size_t fed = 0;
  for (const std::size_t answer : slow.answers()) {
    fuzz::in_pieces(stream.substr(fed, answer - fed), sizes,
                    [&](std::string_view piece) { waiting.feed(piece); });
    fed = answer;
  }
  fuzz::in_pieces(stream.substr(fed), sizes, [&](std::string_view piece) { waiting.feed(piece); });
  fuzz::require(waiting.outcome() == slow.outcome(), "the steps are the same wherever the stream is cut",
                waiting.outcome() + "\n---\n" + slow.outcome());

  Run hasty(flags);
  hasty.feed(stream);
  const bool waits = slow.answers().empty() || slow.answers().front() == stream.size();
  fuzz::require(hasty.outcome() == slow.outcome() || !waits, "the same in one piece");
  fuzz::require(waits || hasty.outcome().find("received unencrypted data after") != std::string::npos,
                "a client that does not wait is refused", hasty.outcome());
  return 0;
}
