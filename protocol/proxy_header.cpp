#include "protocol/proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace pgwarden::protocol {

namespace {

constexpr Bytes text_mark = "PROXY ";
constexpr std::size_t line_bytes_max = 107;  // 2.1, its CRLF included
constexpr Bytes signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t fixed_bytes = 16;  // 2.2: signature, version and command, family and transport, length

constexpr unsigned stream = 1;
constexpr unsigned datagram = 2;
/// How many bytes the addresses and ports of each family take: AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX.
constexpr std::array<std::size_t, 4> address_bytes{0, 12, 36, 216};

/// Whether the two are alike as far as both go.
bool agree(Bytes bytes, Bytes mark) noexcept {
  const std::size_t size = std::min(bytes.size(), mark.size());
  return bytes.substr(0, size) == mark.substr(0, size);
}

std::array<std::uint8_t, 16> mapped() { return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}; }

std::optional<std::array<std::uint8_t, 16>> parse_address(int family, std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  auto address = mapped();
  std::uint8_t* const target = family == AF_INET ? &address[12] : address.data();
  if (::inet_pton(family, terminated.c_str(), target) != 1) return std::nullopt;
  return address;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  return port;
}

/// Up to the next space, which is consumed.
std::string_view next_word(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(word.size() + 1, line.size()));
  return word;
}

/// "TCP4 SOURCE DESTINATION SOURCE_PORT DESTINATION_PORT", and nothing else.
std::optional<ProxySource> parse_line(std::string_view line) {
  if (std::count(line.begin(), line.end(), ' ') != 4) return std::nullopt;
  const std::string_view protocol = next_word(line);
  if (protocol != "TCP4" && protocol != "TCP6") return std::nullopt;
  const int family = protocol == "TCP4" ? AF_INET : AF_INET6;
  const auto source = parse_address(family, next_word(line));
  const auto destination = parse_address(family, next_word(line));
  const auto source_port = parse_port(next_word(line));
  const auto destination_port = parse_port(line);
  if (!source || !destination || !source_port || !destination_port) return std::nullopt;
  return ProxySource{*source, *source_port};
}

/// Version 1 (2.1).
DecodedProxyHeader decode_text(Bytes bytes) {
  const Bytes most = bytes.substr(0, line_bytes_max);
  const std::size_t end = most.find("\r\n");
  if (end == Bytes::npos) {
    if (most.size() < line_bytes_max) return IncompleteProxyHeader{};
    return BadProxyHeader{"one without an end of line in its first 107 bytes"};
  }
  const std::string_view line = most.substr(text_mark.size(), end - text_mark.size());
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return ProxyHeader{end + 2, std::nullopt};
  const auto source = parse_line(line);
  if (!source) return BadProxyHeader{"one whose line is malformed"};
  return ProxyHeader{end + 2, source};
}

/// The source in the addresses of a PROXY command; nullopt when they are of another kind than TCP's.
std::optional<ProxySource> read_source(unsigned family, unsigned transport, Bytes addresses) {
  if (transport != stream || (family != 1 && family != 2)) return std::nullopt;
  ByteReader reader(addresses);
  ProxySource source{mapped(), 0};
  const std::size_t size = family == 1 ? 4 : 16;
  const Bytes address = reader.take(size);
  std::copy(address.begin(), address.end(), source.address.end() - static_cast<std::ptrdiff_t>(size));
  reader.take(size);  // the destination
  source.port = reader.u16();
  return source;
}

/// Version 2 (2.2). TLVs lie behind the addresses and are skipped.
DecodedProxyHeader decode_binary(Bytes bytes) {
  if (bytes.size() < fixed_bytes) return IncompleteProxyHeader{};
  ByteReader reader(bytes.substr(signature.size()));
  const unsigned version_and_command = static_cast<unsigned char>(reader.take(1)[0]);
  const unsigned family_and_transport = static_cast<unsigned char>(reader.take(1)[0]);
  const std::size_t size = fixed_bytes + reader.u16();
  if (version_and_command >> 4 != 2) return BadProxyHeader{"one of an unknown version"};
  const unsigned command = version_and_command & 15;
  if (command > 1) return BadProxyHeader{"one with an unknown command"};
  if (size > proxy_header_bytes_max) return BadProxyHeader{"one of more than 4096 bytes"};
  if (bytes.size() < size) return IncompleteProxyHeader{};
  if (command == 0) return ProxyHeader{size, std::nullopt};
  const unsigned family = family_and_transport >> 4;
  const unsigned transport = family_and_transport & 15;
  if (family >= address_bytes.size() || transport > datagram) {
    return BadProxyHeader{"one with an unknown address family or transport"};
  }
  const Bytes addresses = bytes.substr(fixed_bytes, size - fixed_bytes);
  if (transport != 0 && addresses.size() < address_bytes[family])
    return BadProxyHeader{"one that is too short for its addresses"};
  return ProxyHeader{size, read_source(family, transport, addresses)};
}

}  // namespace

DecodedProxyHeader decode_proxy_header(Bytes bytes) {
  if (agree(bytes, text_mark)) {
    return bytes.size() < text_mark.size() ? DecodedProxyHeader(IncompleteProxyHeader{}) : decode_text(bytes);
  }
  if (agree(bytes, signature)) return decode_binary(bytes);
  return BadProxyHeader{"something else"};
}

bool begins_like_proxy_header(Bytes bytes) noexcept {
  const Bytes first = bytes.substr(0, 4);  // no more: how much has come is chance
  return first.size() == 4 && (agree(first, text_mark) || agree(first, signature));
}

std::string encode_local_proxy_header() { return std::string(signature).append("\x20\0\0\0", 4); }

}  // namespace pgwarden::protocol
