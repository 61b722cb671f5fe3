// Which answers the server still owes: what was sent, message by message, against what came back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pgwarden::session {

/// Follows the pipeline of one session (docs, "Message Flow" and "Pipelining"). Needed to know when every
/// earlier message has been answered, because only then a setting that the server reported is surely the one
/// in force. Nothing is forwarded or denied by this count. Where a client does what no driver does, and the
/// count could be wrong, it says so for good.
class Pipeline {
 public:
  void sent_startup() { push(Kind::query); }
  /// A Query or FunctionCall.
  void sent_query();
  /// Parse, Bind, Describe, Execute or Close.
  void sent_extended();
  void sent_sync();
  void sent_copy_data();
  /// CopyDone or CopyFail.
  void sent_copy_end();

  void received_ready();
  void received_error();
  /// CopyInResponse or CopyBothResponse: the server now ignores Sync until the copy has ended.
  void received_copy_in();

  /// Nothing is owed and nothing is half sent.
  bool drained() const noexcept { return is_empty(); }
  /// Everything sent so far will be answered without another message from the client.
  bool drains_by_itself() const noexcept {
    return !copy_in_ && !ambiguous_ && (is_empty() || owed_.back() != Kind::extended);
  }
  /// The client has sent a Query before the Sync of extended messages, a Sync amid copy data, or the like:
  /// which message an answer belongs to can no longer be told, and drained() not be trusted.
  bool ambiguous() const noexcept { return ambiguous_; }

 private:
  enum class Kind : std::uint8_t { query, extended, sync, copy_data, copy_end };
  static constexpr std::size_t owed_max = 100'000;

  bool is_empty() const noexcept { return first_ == owed_.size(); }
  Kind front() const noexcept { return owed_[first_]; }
  void push(Kind kind);
  void pop();
  bool second_is(Kind kind) const noexcept { return owed_.size() >= first_ + 2 && owed_[first_ + 1] == kind; }
  void drop_second() { owed_.erase(owed_.begin() + static_cast<std::ptrdiff_t>(first_) + 1); }
  void drop_copy_messages();

  std::vector<Kind> owed_;  ///< from first_ on; an empty deque would take half a kilobyte
  std::size_t first_ = 0;
  bool copy_in_ = false;   ///< the server reads copy data and ignores Sync
  bool skipping_ = false;  ///< the server skips everything up to a Sync that was not sent yet
  bool ambiguous_ = false;
};

}  // namespace pgwarden::session
