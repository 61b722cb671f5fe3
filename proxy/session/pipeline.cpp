#include "proxy/session/pipeline.h"

#include <algorithm>

namespace pgwarden::session {

void Pipeline::push(Kind kind) {
  owed_.push_back(kind);
  if (kind == Kind::query || kind == Kind::sync) ++sent_segments_;
}

void Pipeline::drop_front() {
  if (owed_.front() == Kind::query || owed_.front() == Kind::sync) ++answered_segments_;
  owed_.pop_front();
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
  if (copy_in_) return;
  skipping_ = false;
  push(Kind::sync);
}

void Pipeline::sent_copy_end() {
  if (copy_in_) {
    copy_in_ = false;
  } else if (!owed_.empty()) {
    push(Kind::copy_end);
  }
}

void Pipeline::received_ready() {
  copy_in_ = false;
  while (!owed_.empty()) {
    const bool ends_segment = owed_.front() == Kind::query || owed_.front() == Kind::sync;
    drop_front();
    if (ends_segment) break;
  }
  if (!owed_.empty() && owed_.front() == Kind::copy_end) drop_front();  // the server ignores a stray one
  if (owed_.empty()) skipping_ = false;
}

void Pipeline::received_error() {
  copy_in_ = false;
  while (!owed_.empty() && owed_.front() == Kind::copy_end) drop_front();
  if (owed_.empty() || owed_.front() != Kind::extended) return;
  // The server skips everything up to the next Sync, Query and FunctionCall included.
  while (!owed_.empty() && owed_.front() != Kind::sync) drop_front();
  skipping_ = owed_.empty();
}

void Pipeline::received_copy_in() {
  // The message that started the copy leads; what follows it is read as copy data until the copy ends.
  auto at = owed_.begin();
  if (at != owed_.end()) ++at;
  while (at != owed_.end() && *at != Kind::copy_end) {
    if (*at == Kind::sync) {
      ++answered_segments_;
      at = owed_.erase(at);
    } else {
      ++at;
    }
  }
  copy_in_ = at == owed_.end();
  if (!copy_in_) owed_.erase(at);
}

}  // namespace pgwarden::session
