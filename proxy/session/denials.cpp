#include "proxy/session/denials.h"

#include <charconv>

#include "policy/utf8.h"
#include "protocol/messages.h"
#include "protocol/tags.h"

namespace pgwarden::session {

namespace {

using protocol::error_field;

/// PostgreSQL counts the position of an error in characters of the client's text, from 1.
std::size_t character_position(std::string_view sql, std::int32_t byte_offset, bool utf8) {
  if (byte_offset < 0) return 0;
  const std::string_view before = sql.substr(0, static_cast<std::size_t>(byte_offset));
  return (utf8 ? policy::character_count(before) : before.size()) + 1;
}

}  // namespace

std::string Denials::replace(char tag, std::string_view statement, Refusal refusal, std::string_view sql,
                             bool utf8) {
  const std::size_t position = character_position(sql, refusal.position, utf8);
  if (pending_.size() == pending_max) pending_.pop_front();
  pending_.push_back({++count_, std::move(refusal), position});
  const std::string text = token_ + "_" + std::to_string(count_);
  return tag == protocol::frontend::parse ? protocol::encode_parse(statement, text)
                                          : protocol::encode_query(text);
}

/// The denial with this number; those before it were skipped. One without words if it was pushed out.
Denials::Denial Denials::take(std::uint64_t number) {
  answered_ = number;
  while (!pending_.empty() && pending_.front().number < number) pending_.pop_front();
  if (pending_.empty() || pending_.front().number != number) return {number, plain_refusal(), 0};
  Denial denial = std::move(pending_.front());
  pending_.pop_front();
  return denial;
}

std::optional<Denials::Swapped> Denials::swap(protocol::Bytes body) {
  const protocol::ErrorFields server = protocol::decode_error_fields(body);
  const std::string_view message = error_field(server, 'M');
  const std::size_t at = message.find(token_ + "_");
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view digits = message.substr(at + token_.size() + 1);
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (number <= answered_ || number > count_) return std::nullopt;  // not an answer to a statement of ours
  const Denial denial = take(number);

  const bool ends_session = denial.refusal.on_deny == policy::OnDeny::terminate;
  const policy::Explanation& words = denial.refusal.explanation;
  const std::string position = denial.position == 0 ? "" : std::to_string(denial.position);
  const std::string line = words.line == 0 ? "" : std::to_string(words.line);
  // The server's own word for the severity: it follows lc_messages.
  const std::string_view severity = ends_session ? "FATAL" : error_field(server, 'S');
  return Swapped{
      protocol::encode_error(protocol::backend::error_response, {{'S', severity},
                                                                 {'V', ends_session ? "FATAL" : "ERROR"},
                                                                 {'C', denial.refusal.sqlstate},
                                                                 {'M', words.message},
                                                                 {'D', words.detail},
                                                                 {'H', words.hint},
                                                                 {'P', position},
                                                                 {'s', words.schema},
                                                                 {'t', words.table},
                                                                 {'c', words.column},
                                                                 {'F', words.file},
                                                                 {'L', line},
                                                                 {'R', words.routine}}),
      denial.refusal.on_deny};
}

}  // namespace pgwarden::session
