#include "cli/doctor/certificate.h"

#include <openssl/x509v3.h>

#include <array>
#include <boost/asio/ip/address.hpp>
#include <ctime>
#include <memory>

namespace pgwarden::cli::doctor {

namespace {

constexpr int soon_days = 30;

std::string text_of(const ASN1_STRING* text) {
  if (text == nullptr) return "";
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string address_of(const ASN1_STRING* bytes) {
  const std::string raw = text_of(bytes);
  if (raw.size() == 4) {
    boost::asio::ip::address_v4::bytes_type v4{};
    std::copy(raw.begin(), raw.end(), v4.begin());
    return boost::asio::ip::address_v4(v4).to_string();
  }
  if (raw.size() != 16) return "";
  boost::asio::ip::address_v6::bytes_type v6{};
  std::copy(raw.begin(), raw.end(), v6.begin());
  return boost::asio::ip::address_v6(v6).to_string();
}

std::string common_name(const X509& certificate) {
  const X509_NAME* const name = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  return at < 0 ? "" : text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
}

std::vector<std::string> alternative_names(const X509& certificate) {
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> found(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  std::vector<std::string> names;
  for (int i = 0; i < sk_GENERAL_NAME_num(found.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(found.get(), i);
    if (name->type == GEN_DNS) names.push_back(text_of(name->d.dNSName));
    if (name->type == GEN_IPADD) names.push_back(address_of(name->d.iPAddress));
  }
  return names;
}

std::string date(const ASN1_TIME* time) {
  std::tm parts{};
  std::array<char, 16> text{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "?";
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts)};
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

}  // namespace

Certificate describe(const X509& certificate) {
  Certificate described;
  described.subject = common_name(certificate);
  described.names = alternative_names(certificate);
  int days = 0;
  int seconds = 0;
  const ASN1_TIME* const end = X509_get0_notAfter(&certificate);
  ASN1_TIME_diff(&days, &seconds, nullptr, end);
  described.days_left = days == 0 && seconds < 0 ? -1 : days;
  described.end = date(end);
  described.begun = X509_cmp_current_time(X509_get0_notBefore(&certificate)) < 0;
  return described;
}

void check_validity(Report& report, const Certificate& certificate, const std::string& what, Level level) {
  const auto bad = [&](const std::string& text) {
    const std::string advice =
        level == Level::problem ? "renew it"
                                : "sslmode does not look at it; clients that go to the server directly may";
    level == Level::problem ? report.problem(text, advice) : report.warning(text, advice);
  };
  if (!certificate.begun) {
    bad(what + " is not valid yet");
  } else if (certificate.days_left < 0) {
    bad(what + " has expired on " + certificate.end);
  } else if (certificate.days_left < soon_days) {
    report.warning(what + " expires on " + certificate.end, "renew it");
  } else {
    report.ok(what + " is valid until " + certificate.end);
  }
  if (certificate.names.empty()) {
    report.warning(what + " names \"" + certificate.subject + "\" as its subject only",
                   "many clients want subjectAltName");
  } else {
    report.ok(what + " is for " + joined(certificate.names));
  }
}

}  // namespace pgwarden::cli::doctor
