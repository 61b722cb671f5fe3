#include "proxy/session/startup_flow.h"

#include "protocol/messages.h"
#include "protocol/tags.h"

namespace pgwarden::session {

using protocol::startup_packet_bytes_max;

std::size_t StartupFlow::takes(protocol::Bytes next) const {
  /// The first byte of a TLS handshake (RFC 8446, section 5.1), which is none of a startup packet.
  constexpr char tls_handshake = 0x16;
  if (proxy_header_due_) {
    const auto decoded = protocol::decode_proxy_header(buffer_ + std::string(next));
    const auto* header = std::get_if<protocol::ProxyHeader>(&decoded);
    return header == nullptr ? next.size() : header->size - buffer_.size();
  }
  const bool direct =
      tls_ != TlsRule::none && !ssl_asked_ && buffer_.empty() && next.starts_with(tls_handshake);
  return direct ? 0 : next.size();
}

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
    if (tls_ == TlsRule::required && !encrypted_)
      return refuse("28000", "pgwarden requires TLS on this connection");
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
  if (is_ssl && tls_ != TlsRule::none) return StartTls{};
  return Reply{'N'};
}

StartupFlow::Step StartupFlow::refuse(const std::string& sqlstate, const std::string& message) {
  return Refuse{sqlstate.empty() ? std::string() : protocol::encode_fatal(sqlstate, message), message};
}

}  // namespace pgwarden::session
