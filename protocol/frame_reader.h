// Where one message ends and the next begins, in a stream of bytes that is cut anywhere.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "protocol/byte_reader.h"

namespace pgwarden::protocol {

/// What a FrameReader does when it meets a frame of some type.
enum class Treatment : std::uint8_t {
  invalid,  ///< the type does not exist in this direction: the stream is broken
  stream,   ///< passed on in runs, unseen
  inspect,  ///< the owner sees the header and chooses
};

/// Treatment and the largest legal length word, by type byte.
struct FrameRules {
  std::array<Treatment, 256> treatment{};
  std::array<std::uint32_t, 256> length_max{};

  constexpr void set(char tag, Treatment how, std::uint32_t length_limit) {
    treatment[static_cast<unsigned char>(tag)] = how;
    length_max[static_cast<unsigned char>(tag)] = length_limit;
  }
};

/// What to do with the body of an inspected frame.
enum class BodyMode : std::uint8_t {
  stream,  ///< pass it on with its header as it arrives
  whole,   ///< collect it: next() gives the whole frame
  skip,    ///< drop it with its header; next() says when all of it has come
};

/// Cuts a stream into frames (docs, "Overview of Messages": type byte, length that counts itself, body)
/// without copying: frames that nobody asked to see come out as runs of the very bytes fed. A frame asked for
/// whole is copied only if it spans several feeds. Holds at most one partial frame; the owner bounds it by
/// choosing.
///
/// Use: feed(), then next() until `need_more`. The views that next() gives die at the next feed(), except a
/// whole frame that was collected, which dies at the next choose().
class FrameReader {
 public:
  enum class Kind : std::uint8_t {
    need_more,  ///< everything fed was consumed
    header,     ///< an inspected frame begins: call choose()
    run,        ///< bytes to pass on
    frame,      ///< the whole frame, header included
    skipped,    ///< a dropped frame ends here
    broken,     ///< unknown type or impossible length; error() says; nothing more will come
  };
  struct Item {
    Kind kind = Kind::need_more;
    char tag = '\0';
    std::uint32_t body_bytes = 0;
    Bytes bytes;
  };

  explicit FrameReader(const FrameRules& rules) noexcept : rules_(&rules) {}

  /// Everything fed before must have been consumed.
  void feed(Bytes chunk) noexcept {
    input_ = chunk;
    std::string().swap(kept_);
  }
  Item next();
  void choose(BodyMode mode);

  /// Copies what was fed and not yet consumed into this reader, so that the fed buffer can go. Views given
  /// before stay what they are; a second call before the next feed() changes nothing.
  void keep();

  /// Moves out the frame that next() just gave, if this reader had to collect it; empty otherwise.
  std::string release() { return std::exchange(collected_, {}); }

  /// The frame that next() just gave had to be collected: release() would give it.
  bool owns_frame() const noexcept { return !collected_.empty(); }

  /// No frame has been passed on in part: something of our own may be put into the stream here.
  bool at_boundary() const noexcept { return state_ != State::streaming; }
  /// The body of the frame asked for whole, header left out.
  static Bytes body(Bytes frame) noexcept { return frame.substr(header_bytes); }
  /// Why the stream is broken.
  const std::string& error() const noexcept { return error_; }

 private:
  static constexpr std::size_t header_bytes = 5;
  enum class State : std::uint8_t { header, choosing, cut_header, streaming, collecting, skipping, broken };

  const char* complete_header() noexcept;
  Item next_header();
  Item next_run(const char* begin);
  Item collect();
  Item skip();
  bool is_streamed(const char* header) const noexcept;
  Item fail(const char* header);

  const FrameRules* rules_;
  Bytes input_;
  std::string kept_;       ///< what input_ points into after keep()
  std::string collected_;  ///< a frame asked for whole that spans feeds
  std::string error_;
  std::uint32_t left_ = 0;              ///< bytes of the current frame still to come
  char tag_ = '\0';                     ///< of the inspected frame
  char partial_[header_bytes] = {};     ///< the first bytes of a header that a feed cut
  char cut_header_[header_bytes] = {};  ///< that header, complete; stays until the next feed
  std::uint8_t partial_size_ = 0;
  bool header_is_cut_ = false;  ///< the current header is cut_header_ and not in input_
  State state_ = State::header;
};

}  // namespace pgwarden::protocol
