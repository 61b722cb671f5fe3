#include "cli/doctor/probe.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <memory>

#include "protocol/authentication.h"
#include "protocol/frame_buffer.h"
#include "protocol/messages.h"
#include "protocol/startup_packet.h"
#include "protocol/tags.h"

namespace pgwarden::cli::doctor {

namespace {

namespace asio = boost::asio;
using net::Connecting;
using net::error_code;
using net::Stream;

/// Of a login that has been let in at once, a server sends a few hundred bytes.
constexpr std::uint32_t answer_bytes_max = 64 * 1024;
constexpr std::uint32_t protocol_version = 3u << 16;

Answer::Kind kind_of(std::uint32_t request) {
  using Kind = Answer::Kind;
  namespace code = protocol::authentication_code;
  switch (request) {
    case code::ok:
      return Kind::accepted;
    case code::cleartext_password:
      return Kind::password;
    case code::md5_password:
      return Kind::md5;
    case code::gss:
      return Kind::gss;
    case code::sspi:
      return Kind::sspi;
    case code::sasl:
      return Kind::sasl;
    default:
      return Kind::other;
  }
}

/// Takes one message into the answer; whether the answer is whole with it.
bool take(char tag, protocol::Bytes body, Answer& answer) {
  using Kind = Answer::Kind;
  if (tag == protocol::backend::error_response) {
    const auto fields = protocol::decode_error_fields(body);
    answer.kind = Kind::error;
    answer.sqlstate = protocol::error_field(fields, 'C');
    answer.message = protocol::error_field(fields, 'M');
    return true;
  }
  if (tag == protocol::backend::authentication) {
    const auto asked = protocol::decode_authentication(body);
    answer.kind = asked ? kind_of(asked->request) : Kind::other;
    const auto offered = asked ? protocol::decode_sasl_mechanisms(asked->data) : std::nullopt;
    if (answer.kind == Kind::sasl && offered) answer.mechanisms.assign(offered->begin(), offered->end());
    return answer.kind != Kind::accepted;
  }
  if (tag == protocol::backend::parameter_status) {
    const auto status = protocol::decode_parameter_status(body);
    if (status && status->first == "server_version") answer.server_version = status->second;
  }
  return tag == protocol::backend::ready_for_query;
}

asio::awaitable<Answer> ask(Stream& stream, std::string startup_packet) {
  Answer answer;
  protocol::FrameBuffer frames(answer_bytes_max);
  error_code error = co_await stream.send(std::move(startup_packet));
  for (std::size_t received = 0; !error && received < answer_bytes_max;) {
    const std::string bytes = co_await stream.receive(error);
    received += bytes.size();
    frames.feed(bytes);
    while (const auto frame = frames.next()) {
      if (take(frame->tag, frame->body, answer)) {
        co_await stream.send(protocol::encode_terminate());
        co_return answer;
      }
    }
  }
  if (answer.kind == Answer::Kind::none) {
    answer.kind = Answer::Kind::error;
    answer.message = "the server closed the connection without an answer";
  }
  co_return answer;
}

asio::awaitable<Answer> ask_in_time(Stream& stream, const std::string& startup_packet,
                                    std::chrono::steady_clock::time_point deadline) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(stream.socket().get_executor(), deadline);
  auto first =
      co_await (ask(stream, startup_packet) || timer.async_wait(asio::as_tuple(asio::use_awaitable)));
  if (first.index() == 0) co_return std::get<0>(first);
  Answer late;
  late.kind = Answer::Kind::error;
  late.message = "no answer in time";
  co_return late;
}

void describe_tls(const SSL& tls, Probe& probe) {
  probe.tls = std::string(SSL_get_version(&tls)) + ", " + SSL_get_cipher_name(&tls);
  probe.verified = SSL_get_verify_mode(&tls) != SSL_VERIFY_NONE;
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(&tls), X509_free);
  if (certificate != nullptr) probe.certificate = describe(*certificate);
}

/// By one of the ways that sslmode leaves; nothing in `second` when there is no other.
asio::awaitable<Probe> probe_way(asio::io_context& context, const net::UpstreamSearch& search,
                                 net::Encrypt encrypt, const std::string& packet,
                                 std::optional<net::Encrypt>& second) {
  Stream stream{net::Socket(context)};
  Probe probe;
  probe.address = net::name_of(search.target().address);
  const auto deadline = search.deadline();
  const Connecting connecting = co_await net::connect_upstream(stream, search.target(), encrypt, deadline);
  second = net::second_way(search.target(), stream);
  probe.failure = connecting.why;
  if (connecting.result == Connecting::Result::unreachable) second = std::nullopt;
  if (connecting.result != Connecting::Result::connected) co_return probe;
  if (stream.encrypted()) describe_tls(*stream.tls(), probe);
  if (!packet.empty()) probe.answer = co_await ask_in_time(stream, packet, deadline);
  if (probe.answer.kind != Answer::Kind::error) second = std::nullopt;
  co_return probe;
}

asio::awaitable<std::vector<Probe>> probe_all(asio::io_context& context, net::UpstreamSearch& search,
                                              std::string packet) {
  std::vector<Probe> probes;
  while (search.next_host()) {
    while (co_await search.next_address()) {
      std::optional<net::Encrypt> second;
      Probe probe = co_await probe_way(context, search, net::first_way(search.target()), packet, second);
      if (second) {
        Probe again = co_await probe_way(context, search, *second, packet, second);
        if (again.failure.empty()) probe = std::move(again);
      }
      probes.push_back(std::move(probe));
    }
  }
  co_return probes;
}

}  // namespace

std::vector<Probe> probe(const net::Target& target, const std::string& user, const std::string& database,
                         std::chrono::milliseconds time_max, std::string& name_failure) {
  std::string packet;
  if (!user.empty()) {
    protocol::StartupMessage message;
    message.version = protocol_version;
    message.parameters = {{"user", user}, {"database", database}, {"application_name", "pgwarden doctor"}};
    packet = message.encode();
  }
  asio::io_context context;
  net::UpstreamSearch search(target, time_max);
  std::vector<Probe> probes;
  asio::co_spawn(context, probe_all(context, search, packet),
                 [&](const std::exception_ptr& fault, std::vector<Probe> found) {
                   if (fault) std::rethrow_exception(fault);
                   probes = std::move(found);
                 });
  context.run();
  name_failure = search.failures();
  return probes;
}

}  // namespace pgwarden::cli::doctor
