#include "protocol/scram_reader.h"

#include <algorithm>
#include <charconv>
#include <climits>

namespace pgwarden::protocol {

namespace {

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

}  // namespace

ScramReader::ScramReader(std::string_view message, std::size_t bytes_max) : rest_(message) {
  if (message.empty()) fail("it is empty");
  if (message.size() > bytes_max) fail("it is too long");
  if (message.find('\0') != std::string_view::npos) fail("it has a zero byte");
}

std::string_view ScramReader::item() {
  if (ended_) {
    fail("it ends early");
    return {};
  }
  const std::size_t comma = rest_.find(',');
  ended_ = comma == std::string_view::npos;
  const std::string_view taken = rest_.substr(0, comma);
  rest_.remove_prefix(ended_ ? rest_.size() : comma + 1);
  return taken;
}

std::string_view ScramReader::value(char name) {
  const std::string_view attribute = item();
  if (attribute.size() < 2 || attribute[0] != name || attribute[1] != '=') {
    fail(std::string("attribute \"") + name + "\" expected");
    return {};
  }
  return attribute.substr(2);
}

std::string_view ScramReader::nonce() {
  const std::string_view nonce = value('r');
  const bool printable = std::all_of(nonce.begin(), nonce.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!printable || nonce.empty()) fail("the nonce is empty or not printable");
  return nonce;
}

void ScramReader::skip_extensions(char name) {
  while (!ended_ && !rest_.starts_with(name)) {
    const std::string_view attribute = item();
    if (attribute.size() < 2 || !is_letter(attribute[0]) || attribute[1] != '=') fail("attribute expected");
  }
}

void ScramReader::end() {
  if (!ended_) fail("something follows its end");
}

void ScramReader::fail(std::string_view why) {
  if (!failure_) failure_ = ScramFailure{"08P01", "malformed SCRAM message: " + std::string(why)};
  rest_ = {};
  ended_ = true;
}

std::optional<std::uint32_t> parse_scram_iterations(std::string_view digits) {
  std::uint32_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc{} || stop != end || number == 0 || number > INT_MAX) return std::nullopt;
  return number;
}

}  // namespace pgwarden::protocol
