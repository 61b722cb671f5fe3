// Which answers the server still owes: what was sent, message by message, against what came back.
#pragma once

#include <cstdint>
#include <deque>

namespace pgwarden::session {

/// Follows the pipeline of one session (docs, "Message Flow" and "Pipelining"). Needed to know when every
/// earlier message has been answered, and to forget a denial that the server never reached. It only counts:
/// no decision to forward depends on it. Where the protocol leaves it in doubt it counts too much, or says
/// that it is ambiguous.
///
/// A segment is what one ReadyForQuery ends: a Query, a FunctionCall, or extended messages up to their Sync.
class Pipeline {
 public:
  void sent_startup() { push(Kind::query); }
  /// A Query or FunctionCall.
  void sent_query();
  /// Parse, Bind, Describe, Execute or Close.
  void sent_extended();
  void sent_sync();
  /// CopyDone or CopyFail.
  void sent_copy_end();

  void received_ready();
  void received_error();
  /// CopyInResponse or CopyBothResponse: the server now ignores Sync until the copy has ended.
  void received_copy_in();

  /// Nothing is owed and nothing is half sent.
  bool drained() const noexcept { return owed_.empty(); }
  /// Everything sent so far will be answered without another message from the client.
  bool drains_by_itself() const noexcept { return owed_.empty() || owed_.back() != Kind::extended; }
  /// A Query was sent before the Sync of extended messages: which of them an error answers cannot be told.
  bool ambiguous() const noexcept { return ambiguous_; }

  /// The segment that the next message belongs to, and the first one that is not yet answered. They only
  /// grow.
  std::uint64_t sending_segment() const noexcept { return sent_segments_; }
  std::uint64_t answering_segment() const noexcept { return answered_segments_; }

 private:
  enum class Kind : std::uint8_t { query, extended, sync, copy_end };

  void push(Kind kind);
  void drop_front();

  std::deque<Kind> owed_;
  std::uint64_t sent_segments_ = 0;
  std::uint64_t answered_segments_ = 0;
  bool copy_in_ = false;   ///< the server reads copy data and ignores Sync
  bool skipping_ = false;  ///< the server skips everything up to a Sync that was not sent yet
  bool ambiguous_ = false;
};

}  // namespace pgwarden::session
