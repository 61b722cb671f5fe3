#include "config/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

namespace pgwarden::config {

namespace {

constexpr std::size_t bytes_max = std::size_t{4} << 20;

Parsed<std::string> cannot_read(const std::string& why) { return {{}, "cannot read the file: " + why, ""}; }

Parsed<std::string> cannot_read(int error) { return cannot_read(std::generic_category().message(error)); }

/// Without a buffer on the way, in which secrets would stay.
Parsed<std::string> read_all(int file, std::size_t size) {
  std::string text;
  text.reserve(std::min(size, bytes_max) + 1);  // growing would leave a copy behind
  for (;;) {
    const std::size_t before = text.size();
    text.resize(std::max(text.capacity(), before + 1));
    const ssize_t got = ::read(file, text.data() + before, text.size() - before);
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno != EINTR) return cannot_read(errno);
    if (got == 0) return {std::move(text), "", ""};
    if (text.size() > bytes_max) return cannot_read("it is larger than 4 MiB");
  }
}

Parsed<std::string> read_file(const std::string& path, bool secret) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return cannot_read(errno);
  struct stat status {};
  ::fstat(file, &status);
  const mode_t others = status.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
  Parsed<std::string> text;
  if (secret && (status.st_mode & others) != 0) {
    text = {{},
            "the file holds secrets, and others than its owner can get at it",
            "chmod 600, or 640 when root owns it; for a mounted secret set its mode to 0440 or 0400"};
  } else {
    text = read_all(file, static_cast<std::size_t>(status.st_size));
  }
  ::close(file);
  return text;
}

}  // namespace

Parsed<std::string> read_text_file(const std::string& path) { return read_file(path, false); }

Parsed<std::string> read_secret_file(const std::string& path) { return read_file(path, true); }

}  // namespace pgwarden::config
