#include "policy/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace pgwarden::policy {

namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr unsigned mapped_bits = mapped_prefix.size() * 8;
constexpr unsigned address_bits = 128;

std::array<std::uint8_t, 16> cut_to_prefix(std::array<std::uint8_t, 16> bytes, unsigned bits) {
  for (unsigned i = 0; i < bytes.size(); ++i) {
    const unsigned kept = std::clamp(bits, i * 8, i * 8 + 8) - i * 8;
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xFF00u >> kept));
  }
  return bytes;
}

/// A network that may still have bits behind its prefix.
std::optional<Network> parse_loosely(std::string_view text) {
  if (text == "unix") return Network{};
  const std::size_t slash = text.find('/');
  const auto base = parse_address(text.substr(0, slash));
  if (!base) return std::nullopt;
  Network network{*base, address_bits};
  if (slash == std::string_view::npos) return network;
  const bool is_v4 = text.substr(0, slash).find(':') == std::string_view::npos;
  const unsigned first_bit = is_v4 ? mapped_bits : 0;
  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits > address_bits - first_bit) {
    return std::nullopt;
  }
  network.prefix_bits = static_cast<std::uint8_t>(first_bit + bits);
  return network;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  Address address;
  address.is_unix = false;
  if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
  std::copy(mapped_prefix.begin(), mapped_prefix.end(), address.bytes.begin());
  if (::inet_pton(AF_INET, terminated.c_str(), &address.bytes[mapped_prefix.size()]) == 1) return address;
  return std::nullopt;
}

bool Network::contains(const Address& address) const noexcept {
  if (base.is_unix || address.is_unix) return base.is_unix && address.is_unix;
  return cut_to_prefix(address.bytes, prefix_bits) == cut_to_prefix(base.bytes, prefix_bits);
}

bool Network::contains(const Network& other) const noexcept {
  return prefix_bits <= other.prefix_bits && contains(other.base);
}

std::optional<Network> parse_network(std::string_view text) {
  const auto network = parse_loosely(text);
  if (network && cut_to_prefix(network->base.bytes, network->prefix_bits) != network->base.bytes) {
    return std::nullopt;
  }
  return network;
}

bool is_loopback(const Address& address) {
  static const Network v4 = *parse_network("127.0.0.0/8");
  static const Network v6 = *parse_network("::1");
  return v4.contains(address) || v6.contains(address);
}

std::string to_string(const Network& network) {
  if (network.base.is_unix) return "unix";
  const auto& bytes = network.base.bytes;
  const bool is_v4 = network.prefix_bits >= mapped_bits &&
                     std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes.begin());
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  ::inet_ntop(is_v4 ? AF_INET : AF_INET6, &bytes[is_v4 ? mapped_prefix.size() : 0], buffer.data(),
              static_cast<socklen_t>(buffer.size()));
  return std::string(buffer.data()) + "/" + std::to_string(network.prefix_bits - (is_v4 ? mapped_bits : 0));
}

std::optional<std::string> without_host_bits(std::string_view text) {
  auto network = parse_loosely(text);
  if (!network || network->base.is_unix || text.find('/') == std::string_view::npos) return std::nullopt;
  network->base.bytes = cut_to_prefix(network->base.bytes, network->prefix_bits);
  return to_string(*network);
}

}  // namespace pgwarden::policy
