#include "protocol/saslprep.h"

#include <openssl/crypto.h>
#include <stringprep.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

namespace pgwarden::protocol {

namespace {

/// Texts that libidn has allocated: wiped at their end.
template <typename Character>
struct Wiped {
  Wiped() = default;
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() {
    OPENSSL_cleanse(data, size * sizeof(Character));
    std::free(data);
  }

  Character* data = nullptr;
  std::size_t size = 0;
};

/// What these are normalised to was wrong in Unicode 3.2, which libidn has, and is right in PostgreSQL's
/// (Unicode Corrigendum #4).
constexpr std::array<Stringprep_table_element, 5> corrigendum_4{{{0x2F868, 0x2F868, {0x36FC}},
                                                                 {0x2F874, 0x2F874, {0x5F53}},
                                                                 {0x2F91F, 0x2F91F, {0x243AB}},
                                                                 {0x2F95F, 0x2F95F, {0x7AEE}},
                                                                 {0x2F9BF, 0x2F9BF, {0x45D7}}}};

/// SASLprep without its normalisation: PostgreSQL looks for what is prohibited before it normalises, where
/// RFC 3454 does so afterwards.
std::vector<Stringprep_profile> mapping_and_prohibitions() {
  std::vector<Stringprep_profile> steps{
      {STRINGPREP_MAP_TABLE, {}, corrigendum_4.data(), corrigendum_4.size()}};
  for (const Stringprep_profile* step = stringprep_saslprep; step->operation != 0; ++step) {
    if (step->operation != STRINGPREP_NFKC) steps.push_back(*step);
  }
  steps.push_back({});
  return steps;
}

}  // namespace

Secret prepare_password(std::string_view password) {
  const bool ascii = std::all_of(password.begin(), password.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) return Secret(password);

  static const std::vector<Stringprep_profile> profile = mapping_and_prohibitions();
  Wiped<std::uint32_t> characters;
  characters.data =
      stringprep_utf8_to_ucs4(password.data(), static_cast<ssize_t>(password.size()), &characters.size);
  if (characters.data == nullptr) return Secret(password);
  // It has room for the zero behind the text, and no mapping makes it longer.
  std::size_t size = characters.size;
  if (stringprep_4i(characters.data, &size, characters.size + 1, STRINGPREP_NO_UNASSIGNED, profile.data()) !=
          STRINGPREP_OK ||
      size == 0) {
    return Secret(password);
  }
  Wiped<std::uint32_t> normalised;
  normalised.data = stringprep_ucs4_nfkc_normalize(characters.data, static_cast<ssize_t>(size));
  if (normalised.data == nullptr) throw std::bad_alloc();
  while (normalised.data[normalised.size] != 0) ++normalised.size;
  Wiped<char> text;
  text.data =
      stringprep_ucs4_to_utf8(normalised.data, static_cast<ssize_t>(normalised.size), nullptr, &text.size);
  if (text.data == nullptr) throw std::bad_alloc();
  return Secret({text.data, text.size});
}

}  // namespace pgwarden::protocol
