#include "proxy/session/pipeline.h"

namespace pgwarden::session {

void Pipeline::push(Kind kind) {
  if (owed_.size() < owed_max) {
    owed_.push_back(kind);
  } else {
    ambiguous_ = true;
  }
}

void Pipeline::sent_query() {
  if (skipping_) return;
  if (!owed_.empty() && owed_.back() == Kind::extended) ambiguous_ = true;
  push(Kind::query);
}

void Pipeline::sent_extended() {
  if (owed_.empty() || owed_.back() != Kind::extended) push(Kind::extended);
}

void Pipeline::sent_sync() {
  if (copy_in_) {
    ambiguous_ = true;  // ignored, unless the copy has failed by the time the server reads it
    return;
  }
  skipping_ = false;
  push(Kind::sync);
}

void Pipeline::sent_copy_data() {
  if (!copy_in_ && !owed_.empty() && owed_.back() != Kind::copy_data) push(Kind::copy_data);
}

void Pipeline::sent_copy_end() {
  if (copy_in_) {
    copy_in_ = false;
  } else if (!owed_.empty()) {
    push(Kind::copy_end);
  }
}

/// The server ignores copy messages where it reads no copy data.
void Pipeline::drop_copy_messages() {
  while (!owed_.empty() && (owed_.front() == Kind::copy_data || owed_.front() == Kind::copy_end))
    owed_.pop_front();
}

void Pipeline::received_ready() {
  copy_in_ = false;
  while (!owed_.empty()) {
    const Kind kind = owed_.front();
    owed_.pop_front();
    if (kind == Kind::query || kind == Kind::sync) break;
  }
  drop_copy_messages();
  if (owed_.empty()) skipping_ = false;
}

void Pipeline::received_error() {
  copy_in_ = false;
  drop_copy_messages();
  if (owed_.empty() || owed_.front() != Kind::extended) return;
  // The server skips everything up to the next Sync, Query and FunctionCall included.
  while (!owed_.empty() && owed_.front() != Kind::sync) owed_.pop_front();
  skipping_ = owed_.empty();
}

void Pipeline::received_copy_in() {
  // The message that started the copy leads. A Sync before any data is ignored (libpq sends one), then come
  // data and the end. Anything else between them is ignored or answered, depending on whether the copy fails
  // first.
  if (second_is(Kind::sync)) owed_.erase(owed_.begin() + 1);
  if (second_is(Kind::copy_data)) owed_.erase(owed_.begin() + 1);
  copy_in_ = !second_is(Kind::copy_end);
  if (!copy_in_) {
    owed_.erase(owed_.begin() + 1);
  } else if (owed_.size() >= 2) {
    ambiguous_ = true;
  }
}

}  // namespace pgwarden::session
