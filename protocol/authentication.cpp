#include "protocol/authentication.h"

#include "protocol/frame_writer.h"
#include "protocol/tags.h"

namespace pgwarden::protocol {

namespace {

constexpr std::uint32_t no_data = 0xffff'ffff;

std::string encode_authentication(std::uint32_t request, Bytes data) {
  return std::move(FrameWriter(backend::authentication).u32(request).bytes(data)).finish();
}

}  // namespace

std::optional<Authentication> decode_authentication(Bytes body) noexcept {
  ByteReader reader(body);
  const std::uint32_t request = reader.u32();
  const Bytes data = reader.rest();
  const std::size_t salt_bytes = request == authentication_code::md5_password ? 4 : 0;
  if (!reader.ok() || (request < authentication_code::sasl && data.size() != salt_bytes)) return std::nullopt;
  return Authentication{request, data};
}

std::optional<std::vector<std::string_view>> decode_sasl_mechanisms(Bytes data) {
  ByteReader reader(data);
  std::vector<std::string_view> mechanisms;
  for (std::string_view name = reader.cstr(); !name.empty(); name = reader.cstr()) mechanisms.push_back(name);
  if (!reader.complete()) return std::nullopt;
  return mechanisms;
}

bool is_sasl_exchange(Bytes body) noexcept {
  const auto asked = decode_authentication(body);
  return asked && (asked->request == authentication_code::sasl ||
                   asked->request == authentication_code::sasl_continue);
}

std::optional<std::string> without_channel_binding(Bytes body) {
  const auto asked = decode_authentication(body);
  if (!asked || asked->request != authentication_code::sasl) return std::nullopt;
  auto mechanisms = decode_sasl_mechanisms(asked->data);
  if (!mechanisms) return std::nullopt;
  std::erase_if(*mechanisms, [](std::string_view name) { return name.ends_with("-PLUS"); });
  if (mechanisms->empty()) return std::nullopt;
  return encode_authentication_sasl(*mechanisms);
}

std::optional<SaslInitialResponse> decode_sasl_initial_response(Bytes body) noexcept {
  ByteReader reader(body);
  SaslInitialResponse response{reader.cstr(), std::nullopt};
  const std::uint32_t size = reader.u32();
  if (size != no_data) response.data = reader.take(size);
  if (!reader.complete()) return std::nullopt;
  return response;
}

std::optional<std::string_view> decode_password(Bytes body) noexcept {
  ByteReader reader(body);
  const std::string_view password = reader.cstr();
  if (!reader.complete()) return std::nullopt;
  return password;
}

std::string encode_authentication_ok() { return encode_authentication(authentication_code::ok, {}); }

std::string encode_authentication_sasl_continue(Bytes data) {
  return encode_authentication(authentication_code::sasl_continue, data);
}

std::string encode_authentication_sasl_final(Bytes data) {
  return encode_authentication(authentication_code::sasl_final, data);
}

std::string encode_authentication_sasl(const std::vector<std::string_view>& mechanisms) {
  FrameWriter writer(backend::authentication);
  writer.u32(authentication_code::sasl);
  for (const std::string_view mechanism : mechanisms) writer.cstr(mechanism);
  return std::move(writer.cstr("")).finish();
}

std::string encode_sasl_initial_response(std::string_view mechanism, Bytes data) {
  return std::move(FrameWriter(frontend::authentication_response)
                       .cstr(mechanism)
                       .u32(static_cast<std::uint32_t>(data.size()))
                       .bytes(data))
      .finish();
}

std::string encode_sasl_response(Bytes data) {
  return std::move(FrameWriter(frontend::authentication_response).bytes(data)).finish();
}

std::string encode_password(std::string_view password) {
  return std::move(FrameWriter(frontend::authentication_response).cstr(password)).finish();
}

}  // namespace pgwarden::protocol
