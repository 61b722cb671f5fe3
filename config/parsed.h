// The result of reading one value from a text: the value, or what is wrong with it.
#pragma once

#include <optional>
#include <string>

namespace pgwarden::config {

template <typename T>
struct Parsed {
  std::optional<T> value;
  std::string error;  ///< when there is no value; holds no password
  std::string hint;   ///< what to do instead; may be empty
};

}  // namespace pgwarden::config
