#include "protocol/messages.h"

#include <algorithm>

#include "protocol/frame_writer.h"
#include "protocol/tags.h"

namespace pgwarden::protocol {

std::optional<std::string_view> decode_query(Bytes body) noexcept {
  ByteReader reader(body);
  const std::string_view sql = reader.cstr();
  if (!reader.complete()) return std::nullopt;
  return sql;
}

std::optional<Parse> decode_parse(Bytes body) noexcept {
  ByteReader reader(body);
  const Parse parse{reader.cstr(), reader.cstr()};
  const std::uint16_t parameter_types = reader.u16();
  reader.take(std::size_t{parameter_types} * 4);
  if (!reader.complete()) return std::nullopt;
  return parse;
}

std::optional<std::uint32_t> decode_function_call(Bytes body) noexcept {
  ByteReader reader(body);
  const std::uint32_t oid = reader.u32();
  if (!reader.ok()) return std::nullopt;
  return oid;
}

std::optional<std::pair<std::string_view, std::string_view>> decode_parameter_status(Bytes body) noexcept {
  ByteReader reader(body);
  const std::string_view name = reader.cstr();
  const std::string_view value = reader.cstr();
  if (!reader.complete()) return std::nullopt;
  return std::pair{name, value};
}

ErrorFields decode_error_fields(Bytes body) {
  ErrorFields fields;
  ByteReader reader(body);
  for (;;) {
    const Bytes code = reader.take(1);
    if (!reader.ok() || code.front() == '\0') break;
    const std::string_view value = reader.cstr();
    if (!reader.ok()) break;
    fields.emplace_back(code.front(), value);
  }
  return fields;
}

std::string_view error_field(const ErrorFields& fields, char code) noexcept {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [code](const auto& field) { return field.first == code; });
  return found == fields.end() ? std::string_view{} : found->second;
}

std::string encode_query(std::string_view sql) {
  return std::move(FrameWriter(frontend::query).cstr(sql)).finish();
}

std::string encode_parse(std::string_view statement, std::string_view sql) {
  return std::move(FrameWriter(frontend::parse).cstr(statement).cstr(sql).u16(0)).finish();
}

std::string encode_error(char tag, const ErrorFields& fields) {
  FrameWriter writer(tag);
  for (const auto& [code, value] : fields) {
    if (!value.empty()) writer.byte(code).cstr(value);
  }
  return std::move(writer.byte('\0')).finish();
}

std::string encode_fatal(std::string_view sqlstate, std::string_view message, std::string_view hint) {
  return encode_error(backend::error_response,
                      {{'S', "FATAL"}, {'V', "FATAL"}, {'C', sqlstate}, {'M', message}, {'H', hint}});
}

std::string encode_cancel(std::string_view key) {
  return std::move(FrameWriter('\0').u32(startup_code::cancel).bytes(key)).finish();
}

std::string encode_ssl_request() { return std::move(FrameWriter('\0').u32(startup_code::ssl)).finish(); }

std::string encode_terminate() { return FrameWriter(frontend::terminate).finish(); }

}  // namespace pgwarden::protocol
