#include <openssl/ui.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>

#include "cli/commands.h"
#include "protocol/scram.h"

namespace pgwarden::cli {

namespace {

constexpr std::uint32_t iterations_min = 4096;  // RFC 7677, section 4

using Line = std::array<char, 1024>;  // no longer ones: a file that was taken for a password

/// Asks twice, without echo.
std::optional<std::string_view> ask(Line& line) {
  if (UI_UTIL_read_pw_string(line.data(), static_cast<int>(line.size()), "Password: ", 1) != 0)
    return std::nullopt;
  return line.data();
}

/// The first line of standard input.
std::optional<std::string_view> read(Line& line) {
  if (!std::cin.getline(line.data(), std::ssize(line))) return std::nullopt;
  const auto size = static_cast<std::size_t>(std::cin.gcount());
  return std::string_view(line.data(), std::cin.eof() ? size : size - 1);
}

int hash_password(std::uint32_t iterations) {
  Line line{};
  const auto password = isatty(STDIN_FILENO) == 1 ? ask(line) : read(line);
  const bool good = password && !password->empty() && password->find('\0') == std::string_view::npos;
  if (good) {
    std::cout << protocol::make_verifier(*password, iterations).text() << '\n';
  } else {
    std::cerr << "pgwarden: no usable password: it is empty, longer than 1023 bytes, has a zero byte or was "
                 "not typed "
                 "twice alike\n";
  }
  OPENSSL_cleanse(line.data(), line.size());
  return good ? ok : failed;
}

}  // namespace

void add_hash_password(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "hash-password",
      "Print the SCRAM-SHA-256 verifier of a password, which is asked for or read from stdin");
  auto iterations = std::make_shared<std::uint32_t>(iterations_min);
  command->add_option("--iterations", *iterations, "How much work it is to try out a password")
      ->check(CLI::Range(iterations_min, protocol::ScramClient::iterations_max))
      ->capture_default_str();
  command->callback([iterations, &exit_code] { exit_code = hash_password(*iterations); });
}

}  // namespace pgwarden::cli
