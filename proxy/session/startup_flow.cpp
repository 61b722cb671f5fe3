#include "proxy/session/startup_flow.h"

#include "protocol/messages.h"
#include "protocol/tags.h"

namespace pgwarden::session {

using protocol::startup_packet_bytes_max;

StartupFlow::Step StartupFlow::feed(protocol::Bytes bytes) {
  buffer_.append(bytes);
  if (proxy_header_due_) {
    if (auto step = on_proxy_header()) return std::move(*step);
  }
  const auto size = protocol::startup_packet_size(buffer_);
  if (!size) return NeedMore{};
  const bool plausible = *size >= 8 && *size <= startup_packet_bytes_max + 4;
  if (plausible && buffer_.size() < *size) return NeedMore{};
  const std::string packet = plausible ? buffer_.substr(0, *size) : buffer_;
  buffer_.erase(0, packet.size());
  return on_packet(packet);
}

/// nullopt when the header is whole.
std::optional<StartupFlow::Step> StartupFlow::on_proxy_header() {
  const auto decoded = protocol::decode_proxy_header(buffer_);
  if (std::holds_alternative<protocol::IncompleteProxyHeader>(decoded)) return NeedMore{};
  if (const auto* bad = std::get_if<protocol::BadProxyHeader>(&decoded)) {
    return refuse("08P01", "expected a PROXY protocol header from this address, received " + bad->why);
  }
  const auto& header = std::get<protocol::ProxyHeader>(decoded);
  source_ = header.source;
  buffer_.erase(0, header.size);
  proxy_header_due_ = false;
  return std::nullopt;
}

StartupFlow::Step StartupFlow::on_packet(const std::string& packet) {
  auto decoded = protocol::decode_startup_packet(packet);
  if (const auto* bad = std::get_if<protocol::BadStartupPacket>(&decoded)) {
    return refuse(bad->sqlstate, bad->message);
  }
  if (auto* cancel = std::get_if<protocol::CancelRequest>(&decoded)) return Cancel{std::move(*cancel)};
  if (auto* start = std::get_if<protocol::StartupMessage>(&decoded)) {
    return Start{std::move(*start), std::exchange(buffer_, {})};
  }
  const bool is_ssl = std::holds_alternative<protocol::SslRequest>(decoded);
  const std::string what = is_ssl ? "SSL" : "GSSAPI encryption";
  bool& asked = is_ssl ? ssl_asked_ : gssenc_asked_;
  if (asked) return refuse("08P01", "received a second " + what + " request");
  asked = true;
  // Bytes sent in clear before the answer would later pass for part of the encrypted stream (CVE-2021-23214).
  if (!buffer_.empty()) {
    const std::string why = "received unencrypted data after " + what + " request";
    return Refuse{'N' + protocol::encode_fatal("08P01", why), why};  // the request is answered first
  }
  return Reply{'N'};
}

StartupFlow::Step StartupFlow::refuse(const std::string& sqlstate, const std::string& message) {
  return Refuse{sqlstate.empty() ? std::string() : protocol::encode_fatal(sqlstate, message), message};
}

}  // namespace pgwarden::session
