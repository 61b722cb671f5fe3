#include "protocol/authentication.h"

#include <utility>

#include "protocol/frame_writer.h"
#include "protocol/tags.h"

namespace pgwarden::protocol {

namespace {

FrameWriter request(std::uint32_t type) {
  FrameWriter writer(backend::authentication);
  writer.u32(type);
  return writer;
}

constexpr std::uint32_t no_data = 0xffffffff;

}  // namespace

std::optional<AuthenticationRequest> decode_authentication(Bytes body) noexcept {
  ByteReader reader(body);
  const std::uint32_t type = reader.u32();
  const Bytes data = reader.rest();
  if (!reader.ok()) return std::nullopt;
  if (type == authentication::md5_password && data.size() != 4) return std::nullopt;
  if ((type == authentication::ok || type == authentication::clear_password) && !data.empty())
    return std::nullopt;
  return AuthenticationRequest{type, data};
}

std::optional<std::vector<std::string_view>> decode_sasl_mechanisms(Bytes data) {
  std::vector<std::string_view> names;
  for (ByteReader reader(data);;) {
    const std::string_view name = reader.cstr();
    if (name.empty()) return reader.complete() ? std::optional(names) : std::nullopt;
    names.push_back(name);
  }
}

std::optional<SaslInitialResponse> decode_sasl_initial_response(Bytes body) noexcept {
  ByteReader reader(body);
  const std::string_view mechanism = reader.cstr();
  const std::uint32_t size = reader.u32();
  const Bytes data = size == no_data ? Bytes() : reader.take(size);
  if (!reader.complete()) return std::nullopt;
  return SaslInitialResponse{mechanism, data};
}

std::string encode_authentication_sasl(std::span<const std::string_view> mechanisms) {
  FrameWriter writer = request(authentication::sasl);
  for (const std::string_view name : mechanisms) writer.cstr(name);
  return std::move(writer.byte('\0')).finish();
}

std::string encode_authentication_sasl_continue(std::string_view data) {
  return std::move(request(authentication::sasl_continue).bytes(data)).finish();
}

std::string encode_authentication_sasl_final(std::string_view data) {
  return std::move(request(authentication::sasl_final).bytes(data)).finish();
}

std::string encode_authentication_ok() { return request(authentication::ok).finish(); }

std::string encode_password(std::string_view password) {
  return std::move(FrameWriter(frontend::authentication_response).cstr(password)).finish();
}

std::string encode_sasl_initial_response(std::string_view mechanism, std::string_view data) {
  FrameWriter writer(frontend::authentication_response);
  writer.cstr(mechanism).u32(static_cast<std::uint32_t>(data.size())).bytes(data);
  return std::move(writer).finish();
}

std::string encode_sasl_response(std::string_view data) {
  return std::move(FrameWriter(frontend::authentication_response).bytes(data)).finish();
}

}  // namespace pgwarden::protocol
