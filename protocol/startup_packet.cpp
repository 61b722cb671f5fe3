#include "protocol/startup_packet.h"

#include <algorithm>

#include "protocol/frame_writer.h"
#include "protocol/proxy_header.h"
#include "protocol/tags.h"

namespace pgwarden::protocol {

namespace {

constexpr std::size_t name_bytes_max = 63;  // NAMEDATALEN - 1

StartupPacket decode_parameters(std::uint32_t version, Bytes body) {
  StartupMessage message{version, {}};
  ByteReader reader(body);
  for (;;) {
    const std::string_view name = reader.cstr();
    if (name.empty()) break;
    const std::string_view value = reader.cstr();
    message.parameters.emplace_back(name, value);
  }
  if (!reader.complete()) {
    return BadStartupPacket{"08P01", "invalid startup packet layout: expected terminator as last byte"};
  }
  return message;
}

}  // namespace

std::string_view StartupMessage::parameter(std::string_view name) const noexcept {
  const auto found = std::find_if(parameters.rbegin(), parameters.rend(),
                                  [name](const auto& parameter) { return parameter.first == name; });
  return found == parameters.rend() ? std::string_view{} : found->second;
}

std::string StartupMessage::user() const { return std::string(parameter("user").substr(0, name_bytes_max)); }

std::string StartupMessage::database() const {
  const std::string_view name = parameter("database");
  return name.empty() ? user() : std::string(name.substr(0, name_bytes_max));
}

void StartupMessage::set(std::string_view name, std::string_view value) {
  std::erase_if(parameters, [name](const auto& parameter) { return parameter.first == name; });
  parameters.emplace_back(name, value);
}

std::string StartupMessage::encode() const {
  FrameWriter writer('\0');
  writer.u32(version);
  for (const auto& [name, value] : parameters) writer.cstr(name).cstr(value);
  return std::move(writer.byte('\0')).finish();
}

std::optional<std::uint32_t> startup_packet_size(Bytes bytes) noexcept {
  if (bytes.size() < 4) return std::nullopt;
  return read_u32(bytes.data());
}

StartupPacket decode_startup_packet(Bytes packet) {
  const std::uint32_t size = startup_packet_size(packet).value_or(0);
  if (size < 8 || size > startup_packet_bytes_max + 4) {
    if (begins_like_proxy_header(packet)) {
      return BadStartupPacket{"08P01", "received a PROXY protocol header, which this address may not send"};
    }
    return BadStartupPacket{"", "invalid length of startup packet (is this a PostgreSQL client?)"};
  }
  if (packet.size() != size) return BadStartupPacket{"", "incomplete startup packet"};
  const std::uint32_t code = read_u32(packet.data() + 4);
  const Bytes body = packet.substr(8);
  if (code == startup_code::ssl && body.empty()) return SslRequest{};
  if (code == startup_code::gssenc && body.empty()) return GssEncRequest{};
  if (code == startup_code::cancel) {
    if (body.size() < 8 || body.size() > 4 + 256) {
      return BadStartupPacket{"", "invalid length of cancel request"};
    }
    return CancelRequest{std::string(body)};
  }
  if (code >> 16 != 3) {
    return BadStartupPacket{"0A000", "unsupported frontend protocol " + std::to_string(code >> 16) + "." +
                                         std::to_string(code & 0xffff)};
  }
  return decode_parameters(code, body);
}

}  // namespace pgwarden::protocol
