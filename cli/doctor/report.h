// What `pgwarden doctor` has found.
#pragma once

#include <array>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace pgwarden::cli::doctor {

enum class Level : std::uint8_t { ok, warning, problem };

/// By Level.
inline constexpr auto level_words = std::to_array<std::string_view>({"ok", "warning", "problem"});

struct Finding {
  Level level = Level::ok;
  std::string text;
  std::string advice;  ///< what to do; empty for what is well
};

/// The findings about one thing: a file, a listener, a server.
struct Section {
  std::string title;
  std::vector<Finding> findings;
};

class Report {
 public:
  void begin(std::string title) { sections_.push_back({std::move(title), {}}); }
  void ok(std::string text) { add({Level::ok, std::move(text), ""}); }
  void warning(std::string text, std::string advice) {
    add({Level::warning, std::move(text), std::move(advice)});
  }
  void problem(std::string text, std::string advice) {
    add({Level::problem, std::move(text), std::move(advice)});
  }

  std::size_t count(Level level) const;
  const std::vector<Section>& sections() const noexcept { return sections_; }

 private:
  void add(Finding finding);

  std::vector<Section> sections_;
};

void write_text(std::ostream& out, const Report& report);
void write_json(std::ostream& out, const Report& report);

}  // namespace pgwarden::cli::doctor
