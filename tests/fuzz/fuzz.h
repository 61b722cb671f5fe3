// What the targets share: how an input is taken apart, and what happens when something does not hold.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/policy.h"

namespace pgwarden::fuzz {

/// Ends the run when it does not hold; libFuzzer writes the input to a file.
inline void require(bool holds, const char* what, std::string_view about = {}) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(about.size()), about.data());
  std::abort();
}

/// Who sends statements, where it makes no difference.
inline const policy::Principal& somebody() {
  static const policy::Principal who = [] {
    policy::Principal ann;
    ann.user = "ann";
    ann.database = "shop";
    ann.host = "db.example.com";
    return ann;
  }();
  return who;
}

/// What is left of an input. Behind its end everything reads as zero or empty.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  unsigned byte() {
    const std::string_view one = take(1);
    return one.empty() ? 0 : static_cast<unsigned char>(one.front());
  }
  std::string_view take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  /// As many bytes as the next one says.
  std::string_view counted() { return take(byte()); }
  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// Feeds a stream in pieces whose sizes are the bytes of `sizes`, again and again (0 is 256; no sizes: in one
/// piece). Each piece is in memory of its own that is gone when it has been fed.
template <class Feed>
void in_pieces(std::string_view stream, std::string_view sizes, Feed feed) {
  for (std::size_t i = 0; !stream.empty(); ++i) {
    std::size_t size = stream.size();
    if (!sizes.empty()) size = static_cast<unsigned char>(sizes[i % sizes.size()] - 1) + std::size_t{1};
    const std::string_view piece = stream.substr(0, size);
    stream.remove_prefix(piece.size());
    const std::vector<char> memory(piece.begin(), piece.end());
    feed(std::string_view(memory.data(), memory.size()));
  }
}

}  // namespace pgwarden::fuzz
