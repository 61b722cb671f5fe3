#include "cli/doctor/listeners.h"

#include <openssl/pem.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <stdexcept>

#include "cli/doctor/certificate.h"
#include "cli/health.h"
#include "config/endpoint.h"
#include "policy/network.h"
#include "proxy/net/listener.h"

namespace pgwarden::cli::doctor {

namespace {

using config::SslMode;

void check_address(Report& report, const config::Listener& listener) {
  const audit::Log log(config::Log{});
  try {
    boost::asio::io_context context;
    net::Inheritance nothing;
    const net::Listener bound(context, listener.listen, 0, log, nothing);
    report.ok("can be listened on");
  } catch (const std::runtime_error& error) {
    if (is_healthy(listener)) {
      report.ok("somebody serves PostgreSQL's clients there already: a running pgwarden, most likely");
    } else {
      report.problem(error.what(), "choose another address or port, or end what holds it");
    }
  }
}

void check_certificate(Report& report, const std::string& path) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> file(BIO_new_file(path.c_str(), "r"), BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      file == nullptr ? nullptr : PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr), X509_free);
  if (certificate != nullptr) check_validity(report, describe(*certificate), "the certificate");
}

}  // namespace

bool is_local(const config::Endpoint& endpoint) {
  const auto address = policy::parse_address(endpoint.host);
  if (!address) return endpoint.is_unix() || endpoint.host == "localhost";
  const auto local = [&](const char* network) { return policy::parse_network(network)->contains(*address); };
  return local("127.0.0.0/8") || local("::1/128");
}

void check_secret_file(Report& report, const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return;
  const mode_t others = status.st_uid == 0 ? S_IWGRP | S_IRWXO : S_IRWXG | S_IRWXO;
  if ((status.st_mode & others) != 0) {
    report.warning("others can read or change " + path + ", which holds a secret", "chmod 600 " + path);
  }
}

void check_listener(Report& report, const config::Listener& listener) {
  check_address(report, listener);
  if (listener.tls.mode == SslMode::disable) {
    if (!is_local(listener.listen)) {
      report.warning("clients reach it over a network without TLS",
                     "add \"tls\" to the listener, or let it listen on 127.0.0.1");
    }
    return;
  }
  config::Config alone;
  alone.listeners.push_back(listener);
  alone.listeners.front().upstream.reset();
  alone.listeners.front().databases.clear();
  try {
    const net::TlsContexts contexts(alone);
    report.ok("its certificate and key belong together");
  } catch (const std::runtime_error& error) {
    report.problem(error.what(), "pgwarden would not start");
  }
  check_certificate(report, listener.tls.certificate);
  check_secret_file(report, listener.tls.key);
}

}  // namespace pgwarden::cli::doctor
