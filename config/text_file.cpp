#include "config/text_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>

namespace pgwarden::config {

Parsed<std::string> read_text_file(const std::string& path) {
  constexpr std::size_t bytes_max = std::size_t{4} << 20;
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text;
  char chunk[64 * 1024];
  while (file && text.size() <= bytes_max) {
    file.read(chunk, sizeof chunk);
    text.append(chunk, static_cast<std::size_t>(file.gcount()));
  }
  if (text.size() > bytes_max) return {std::nullopt, "cannot read the file: it is larger than 4 MiB", ""};
  if (!file.eof()) return {std::nullopt, std::string("cannot read the file: ") + std::strerror(errno), ""};
  return {std::move(text), "", ""};
}

}  // namespace pgwarden::config
