// Vectors that are kept from one text to the next, so that an ordinary statement allocates next to nothing.
#pragma once

#include <cstddef>
#include <vector>

namespace pgwarden::policy::pg {

/// Empties `kept` for the next text. What an extraordinary one has made of it is let go.
template <class T>
void clear_kept(std::vector<T>& kept, std::size_t elements_max) {
  kept.clear();
  if (kept.capacity() > elements_max) std::vector<T>().swap(kept);
}

}  // namespace pgwarden::policy::pg
