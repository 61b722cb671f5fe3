// Whatever the stream and wherever it is cut, the frame reader gives the frames that the protocol's
// description gives, and no byte is lost, doubled or moved.
//
// Input: a counted string of piece sizes, then the stream.
#include "protocol/frame_reader.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace pgwarden;
using protocol::BodyMode;
using protocol::FrameReader;
using protocol::Treatment;

/// In the types of each direction: frames passed on unseen (s), inspected and streamed (i), collected (w) or
/// dropped (d).
constexpr protocol::FrameRules rules = [] {
  protocol::FrameRules all;
  all.set('s', Treatment::stream, 1000);
  all.set('S', Treatment::stream, 0x3fffffff);
  all.set('i', Treatment::inspect, 1000);
  all.set('w', Treatment::inspect, 1000);
  all.set('W', Treatment::inspect, 4);
  all.set('d', Treatment::inspect, 1000);
  return all;
}();

BodyMode mode_of(char tag) {
  if (tag == 'd') return BodyMode::skip;
  return tag == 'i' ? BodyMode::stream : BodyMode::whole;
}

/// What came out, in order; runs that follow each other are one.
class Transcript {
 public:
  void run(std::string_view bytes) {
    if (!std::exchange(in_run_, true)) text_ += "\nrun ";
    text_ += bytes;
  }
  void event(std::string_view what, std::string_view bytes = {}) {
    in_run_ = false;
    text_.append("\n").append(what).append(" ").append(bytes);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool in_run_ = false;
};

std::string header_event(char tag, std::size_t body_bytes) {
  return std::string("header ") + tag + std::to_string(body_bytes);
}

/// The frames, by the description.
std::string expected(std::string_view stream) {
  Transcript transcript;
  while (stream.size() >= 5) {
    const char tag = stream.front();
    const auto at = static_cast<unsigned char>(tag);
    const std::uint32_t length = protocol::read_u32(stream.data() + 1);
    if (rules.treatment[at] == Treatment::invalid || length < 4 || length > rules.length_max[at]) {
      transcript.event("broken");
      break;
    }
    const bool inspected = rules.treatment[at] == Treatment::inspect;
    if (inspected) transcript.event(header_event(tag, length - 4));
    const std::string_view frame = stream.substr(0, std::size_t{1} + length);
    const bool whole = frame.size() == std::size_t{1} + length;
    if (!inspected || mode_of(tag) == BodyMode::stream) {
      transcript.run(frame);
    } else if (whole) {
      transcript.event(mode_of(tag) == BodyMode::whole ? "frame" : "skipped",
                       mode_of(tag) == BodyMode::whole ? frame : std::string_view{});
    }
    stream.remove_prefix(frame.size());
    if (!whole) break;
  }
  return transcript.text();
}

std::string read(std::string_view stream, std::string_view sizes) {
  FrameReader reader(rules);
  Transcript transcript;
  bool broken = false;
  bool keeps = false;
  fuzz::in_pieces(stream, sizes, [&](std::string_view piece) {
    std::string memory(piece);
    reader.feed(memory);
    for (;;) {
      if (std::exchange(keeps, !keeps)) {  // as when the owner has to give its buffer away
        reader.keep();
        std::fill(memory.begin(), memory.end(), '!');
      }
      const FrameReader::Item item = reader.next();
      switch (item.kind) {
        case FrameReader::Kind::need_more:
          return;
        case FrameReader::Kind::header:
          transcript.event(header_event(item.tag, item.body_bytes));
          reader.choose(mode_of(item.tag));
          break;
        case FrameReader::Kind::run:
          transcript.run(item.bytes);
          break;
        case FrameReader::Kind::frame:
          transcript.event("frame", item.bytes);
          if (reader.owns_frame()) {
            const std::string same(item.bytes);
            fuzz::require(reader.release() == same, "it gives the frame away");
          }
          break;
        case FrameReader::Kind::skipped:
          transcript.event("skipped");
          break;
        case FrameReader::Kind::broken:
          if (!std::exchange(broken, true)) transcript.event("broken");
          fuzz::require(!reader.error().empty(), "what is broken has a reason");
          return;
      }
    }
  });
  return transcript.text();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string_view sizes = input.counted();
  const std::string wanted = expected(input.rest());
  fuzz::require(read(input.rest(), {}) == wanted, "the frames are those of the description");
  fuzz::require(read(input.rest(), sizes) == wanted, "they are the same wherever the stream is cut");
  return 0;
}
