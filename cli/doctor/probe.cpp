#include "cli/doctor/probe.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <memory>

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
constexpr std::size_t answer_bytes_max = std::size_t{64} * 1024;
constexpr std::uint32_t protocol_version = 3u << 16;

std::vector<std::string> mechanisms_in(protocol::ByteReader body) {
  std::vector<std::string> mechanisms;
  for (std::string_view name = body.cstr(); !name.empty(); name = body.cstr()) mechanisms.emplace_back(name);
  return mechanisms;
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
    protocol::ByteReader reader(body);
    switch (reader.u32()) {
      case 0:
        answer.kind = Kind::accepted;
        break;
      case 3:
        answer.kind = Kind::password;
        break;
      case 5:
        answer.kind = Kind::md5;
        break;
      case 7:
        answer.kind = Kind::gss;
        break;
      case 9:
        answer.kind = Kind::sspi;
        break;
      case 10:
        answer.kind = Kind::sasl;
        answer.mechanisms = mechanisms_in(reader);
        break;
      default:
        answer.kind = Kind::other;
    }
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
  std::string received;
  error_code error = co_await stream.send(std::move(startup_packet));
  while (!error && received.size() < answer_bytes_max) {
    received += stream.try_receive(error);
    if (error == asio::error::would_block) error = co_await stream.readable();
    while (received.size() >= 5) {
      const std::size_t size = std::size_t{1} + protocol::read_u32(received.data() + 1);
      if (size < 5 || received.size() < size) break;
      const bool whole = take(received.front(), protocol::Bytes(received).substr(5, size - 5), answer);
      if (whole) {
        co_await stream.send(protocol::encode_terminate());
        co_return answer;
      }
      received.erase(0, size);
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
