#include "protocol/frame_reader.h"

#include <algorithm>
#include <cstring>

namespace pgwarden::protocol {

namespace {

std::uint32_t length_word(const char* header) noexcept { return read_u32(header + 1); }

std::string hex(const char* bytes, std::size_t size) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (i > 0) text += ' ';
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace

FrameReader::Item FrameReader::next() {
  switch (state_) {
    case State::header:
      return next_header();
    case State::cut_header:
      state_ = left_ > 0 ? State::streaming : State::header;
      return {Kind::run, '\0', 0, Bytes(cut_header_, header_bytes)};
    case State::streaming:
      return next_run(input_.data());
    case State::collecting:
      return collect();
    case State::skipping:
      return skip();
    case State::choosing:  // the owner did not choose: nothing of the frame may pass
    case State::broken:
      return {Kind::broken, '\0', 0, {}};
  }
  return {Kind::broken, '\0', 0, {}};
}

/// The header at hand, from the input or put together from two feeds; nullptr while it is incomplete.
const char* FrameReader::complete_header() noexcept {
  header_is_cut_ = partial_size_ > 0 || input_.size() < header_bytes;
  if (!header_is_cut_) return input_.data();
  const std::size_t taken = std::min(header_bytes - partial_size_, input_.size());
  std::memcpy(partial_ + partial_size_, input_.data(), taken);
  partial_size_ = static_cast<std::uint8_t>(partial_size_ + taken);
  input_.remove_prefix(taken);
  if (partial_size_ < header_bytes) return nullptr;
  std::memcpy(cut_header_, partial_, header_bytes);
  partial_size_ = 0;
  return cut_header_;
}

FrameReader::Item FrameReader::next_header() {
  if (input_.empty()) return {};
  const char* header = complete_header();
  if (header == nullptr) return {};
  const auto tag = static_cast<unsigned char>(*header);
  const std::uint32_t length = length_word(header);
  const Treatment treatment = rules_->treatment[tag];
  if (treatment == Treatment::invalid || length < 4 || length > rules_->length_max[tag]) return fail(header);
  left_ = length - 4;
  if (treatment == Treatment::inspect) {
    tag_ = *header;
    state_ = State::choosing;
    return {Kind::header, *header, length - 4, {}};
  }
  state_ = State::choosing;
  choose(BodyMode::stream);
  return next();
}

void FrameReader::choose(BodyMode mode) {
  if (state_ != State::choosing) return;
  if (!header_is_cut_)
    left_ += header_bytes;  // the header is still in the input and goes the way of the body
  switch (mode) {
    case BodyMode::stream:
      state_ = header_is_cut_ ? State::cut_header : State::streaming;
      break;
    case BodyMode::whole:
      collected_.clear();
      if (header_is_cut_) collected_.assign(cut_header_, header_bytes);
      state_ = State::collecting;
      break;
    case BodyMode::skip:
      state_ = State::skipping;
      break;
  }
}

bool FrameReader::is_streamed(const char* header) const noexcept {
  const auto tag = static_cast<unsigned char>(*header);
  const std::uint32_t length = length_word(header);
  return rules_->treatment[tag] == Treatment::stream && length >= 4 && length <= rules_->length_max[tag];
}

/// The rest of the current frame and every streamed frame behind it, as far as they were fed.
FrameReader::Item FrameReader::next_run(const char* begin) {
  for (;;) {
    const std::size_t taken = std::min<std::size_t>(left_, input_.size());
    input_.remove_prefix(taken);
    left_ -= static_cast<std::uint32_t>(taken);
    if (left_ > 0) break;
    state_ = State::header;
    if (input_.size() < header_bytes || !is_streamed(input_.data())) break;
    left_ = length_word(input_.data()) - 4 + static_cast<std::uint32_t>(header_bytes);
    state_ = State::streaming;
  }
  const Bytes run(begin, static_cast<std::size_t>(input_.data() - begin));
  if (run.empty()) return {};
  return {Kind::run, '\0', 0, run};
}

FrameReader::Item FrameReader::collect() {
  if (collected_.empty() && input_.size() >= left_) {
    const Bytes frame = input_.substr(0, left_);
    input_.remove_prefix(left_);
    state_ = State::header;
    return {Kind::frame, frame.front(), left_ - static_cast<std::uint32_t>(header_bytes), frame};
  }
  // At once: to copy a large frame each time that it outgrows its place would take long. What is never
  // written to costs address space only.
  if (collected_.capacity() < left_) collected_.reserve(collected_.size() + left_);
  const std::size_t taken = std::min<std::size_t>(left_, input_.size());
  collected_.append(input_.substr(0, taken));
  input_.remove_prefix(taken);
  left_ -= static_cast<std::uint32_t>(taken);
  if (left_ > 0) return {};
  state_ = State::header;
  const Bytes frame = collected_;
  return {Kind::frame, frame.front(), static_cast<std::uint32_t>(frame.size() - header_bytes), frame};
}

FrameReader::Item FrameReader::skip() {
  const std::size_t taken = std::min<std::size_t>(left_, input_.size());
  input_.remove_prefix(taken);
  left_ -= static_cast<std::uint32_t>(taken);
  if (left_ > 0) return {};
  state_ = State::header;
  return {Kind::skipped, tag_, 0, {}};
}

void FrameReader::keep() {
  if (!kept_.empty()) return;
  kept_ = input_;
  input_ = kept_;
}

FrameReader::Item FrameReader::fail(const char* header) {
  const std::uint32_t length = length_word(header);
  const bool unknown = rules_->treatment[static_cast<unsigned char>(*header)] == Treatment::invalid;
  error_ = unknown ? "unknown message type" : "invalid message length " + std::to_string(length);
  error_ += " (message begins with " + hex(header, header_bytes) + ")";
  state_ = State::broken;
  return {Kind::broken, *header, 0, {}};
}

}  // namespace pgwarden::protocol
