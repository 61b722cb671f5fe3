#include "proxy/session/pipeline.h"

namespace pgwarden::session {

namespace {

/// What an idle session may keep for the next pipeline, in bytes.
constexpr std::size_t kept_max = 64;

}  // namespace

void Pipeline::pop() {
  ++first_;
  if (is_empty()) {
    if (owed_.capacity() > kept_max) std::vector<Kind>().swap(owed_);
    owed_.clear();
    first_ = 0;
  } else if (first_ > kept_max && first_ > owed_.size() / 2) {
    owed_.erase(owed_.begin(), owed_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void Pipeline::push(Kind kind) {
  if (owed_.size() - first_ < owed_max) {
    owed_.push_back(kind);
  } else {
    ambiguous_ = true;
  }
}

void Pipeline::sent_query() {
  if (skipping_) return;
  if (!is_empty() && owed_.back() == Kind::extended) ambiguous_ = true;
  push(Kind::query);
}

void Pipeline::sent_extended() {
  if (is_empty() || owed_.back() != Kind::extended) push(Kind::extended);
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
  if (!copy_in_ && !is_empty() && owed_.back() != Kind::copy_data) push(Kind::copy_data);
}

void Pipeline::sent_copy_end() {
  if (copy_in_) {
    copy_in_ = false;
  } else if (!is_empty()) {
    push(Kind::copy_end);
  }
}

/// The server ignores copy messages where it reads no copy data.
void Pipeline::drop_copy_messages() {
  while (!is_empty() && (front() == Kind::copy_data || front() == Kind::copy_end)) pop();
}

void Pipeline::received_ready() {
  copy_in_ = false;
  while (!is_empty()) {
    const Kind kind = front();
    pop();
    if (kind == Kind::query || kind == Kind::sync) break;
  }
  drop_copy_messages();
  if (is_empty()) skipping_ = false;
}

void Pipeline::received_error() {
  copy_in_ = false;
  drop_copy_messages();
  if (is_empty() || front() != Kind::extended) return;
  // The server skips everything up to the next Sync, Query and FunctionCall included.
  while (!is_empty() && front() != Kind::sync) pop();
  skipping_ = is_empty();
}

void Pipeline::received_copy_in() {
  // The message that started the copy leads. A Sync before any data is ignored (libpq sends one), then come
  // data and the end. Anything else between them is ignored or answered, depending on whether the copy fails
  // first.
  if (second_is(Kind::sync)) drop_second();
  if (second_is(Kind::copy_data)) drop_second();
  copy_in_ = !second_is(Kind::copy_end);
  if (!copy_in_) {
    drop_second();
  } else if (owed_.size() >= first_ + 2) {
    ambiguous_ = true;
  }
}

}  // namespace pgwarden::session
