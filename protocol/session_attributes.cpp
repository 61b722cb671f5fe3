#include "protocol/session_attributes.h"

namespace pgwarden::protocol {

std::vector<TargetSession> passes(TargetSession wanted) {
  if (wanted == TargetSession::prefer_standby) return {TargetSession::standby, TargetSession::any};
  return {wanted};
}

void SessionAttributes::reported(std::string_view name, std::string_view value) {
  if (name == "in_hot_standby") in_hot_standby_ = value == "on";
  if (name == "default_transaction_read_only") read_only_ = value == "on";
}

std::string SessionAttributes::mismatch() const {
  if (wanted_ == TargetSession::any) return "";
  const bool asks_for_writing = wanted_ == TargetSession::read_write || wanted_ == TargetSession::read_only;
  if (!in_hot_standby_ || (asks_for_writing && !read_only_)) {
    return "server does not report what target_session_attrs needs: PostgreSQL 14 and later do";
  }
  if (asks_for_writing) {
    const bool read_only = *read_only_ || *in_hot_standby_;
    if (wanted_ == TargetSession::read_write) return read_only ? "session is read-only" : "";
    return read_only ? "" : "session is not read-only";
  }
  if (wanted_ == TargetSession::primary) return *in_hot_standby_ ? "server is in hot standby mode" : "";
  return *in_hot_standby_ ? "" : "server is not in hot standby mode";
}

}  // namespace pgwarden::protocol
