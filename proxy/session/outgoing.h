// What a session wants sent to one peer, in order.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "protocol/byte_reader.h"

namespace pgwarden::session {

/// Bytes for one socket: views of the chunk that was just fed, and texts of our own between them. The views
/// must be sent, or copied with keep(), before the next chunk is read into the same buffer.
class Outgoing {
 public:
  /// Appends bytes that stay where they are; a run that continues the last one joins it.
  void forward(protocol::Bytes bytes) {
    if (bytes.empty()) return;
    if (!parts_.empty() && parts_.back().data() + parts_.back().size() == bytes.data()) {
      parts_.back() = {parts_.back().data(), parts_.back().size() + bytes.size()};
    } else {
      parts_.push_back(bytes);
    }
  }

  /// Appends bytes that this object keeps.
  void write(std::string bytes) {
    if (bytes.empty()) return;
    own_.push_back(std::move(bytes));
    parts_.emplace_back(own_.back());
  }

  const std::vector<protocol::Bytes>& parts() const noexcept { return parts_; }
  bool empty() const noexcept { return parts_.empty(); }

  /// Drops the first `size` bytes, which were sent.
  void consume(std::size_t size) {
    std::size_t whole = 0;
    while (whole < parts_.size() && size >= parts_[whole].size()) size -= parts_[whole++].size();
    parts_.erase(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(whole));
    if (size > 0) parts_.front().remove_prefix(size);
    if (parts_.empty()) own_.clear();
  }

  /// Copies everything that is not sent yet, so that the views' buffers can go.
  void keep() {
    std::string rest;
    for (const protocol::Bytes part : parts_) rest.append(part);
    clear();
    write(std::move(rest));
  }

  /// Forgets everything, and the memory with it.
  void clear() {
    std::vector<protocol::Bytes>().swap(parts_);
    own_.clear();
  }

 private:
  std::vector<protocol::Bytes> parts_;
  std::list<std::string> own_;
};

}  // namespace pgwarden::session
