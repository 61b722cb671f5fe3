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
  struct Part {
    protocol::Bytes bytes;
    bool own = false;  ///< kept here, else a view
  };

  /// Appends bytes that stay where they are; a run that continues the last one joins it.
  void forward(protocol::Bytes bytes) {
    if (bytes.empty()) return;
    if (!parts_.empty() && parts_.back().bytes.data() + parts_.back().bytes.size() == bytes.data()) {
      parts_.back().bytes = {parts_.back().bytes.data(), parts_.back().bytes.size() + bytes.size()};
    } else {
      parts_.push_back({bytes, false});
    }
  }

  /// Appends bytes that this object keeps.
  void write(std::string bytes) {
    if (bytes.empty()) return;
    own_.push_back(std::move(bytes));
    parts_.push_back({own_.back(), true});
  }

  const std::vector<Part>& parts() const noexcept { return parts_; }
  bool empty() const noexcept { return parts_.empty(); }
  std::size_t size() const noexcept {
    std::size_t size = 0;
    for (const Part& part : parts_) size += part.bytes.size();
    return size;
  }

  /// Drops the first `size` bytes, which were sent.
  void consume(std::size_t size) {
    std::size_t whole = 0;
    while (whole < parts_.size() && size >= parts_[whole].bytes.size()) size -= parts_[whole++].bytes.size();
    parts_.erase(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(whole));
    if (size > 0) parts_.front().bytes.remove_prefix(size);
    if (parts_.empty()) own_.clear();
  }

  /// Copies the views that are not sent yet, so that their buffers can go.
  void keep() {
    for (Part& part : parts_) {
      if (!part.own) part = {own_.emplace_back(part.bytes), true};
    }
  }

  /// Forgets everything, and the memory with it.
  void clear() {
    std::vector<Part>().swap(parts_);
    own_.clear();
  }

 private:
  std::vector<Part> parts_;
  std::list<std::string> own_;
};

}  // namespace pgwarden::session
