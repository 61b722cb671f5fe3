// The walk over a parse tree visits every node of it (design decision D16): statements made at random.
#include <catch2/catch_get_random_seed.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/agreement/walk_check.h"

namespace pgwarden::policy {
namespace {

/// What may stand for a word in braces. The first alternative ends it.
using Grammar = std::map<std::string, std::vector<std::string>, std::less<>>;

Grammar load_grammar() {
  std::ifstream file(TEST_DATA_DIR "/random_statements.txt");
  REQUIRE(file);
  Grammar grammar;
  std::string word;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[') {
      word = line.substr(1, line.size() - 2);
    } else {
      grammar[word].push_back(line);
    }
  }
  return grammar;
}

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::string make(std::string_view word, int depth = 0) {
    const std::vector<std::string>& alternatives = grammar_.find(word)->second;
    std::string_view rest =
        depth > max_depth ? alternatives.front() : alternatives[random_() % alternatives.size()];
    std::string text;
    for (std::size_t open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
      const std::size_t close = rest.find('}', open);
      text.append(rest.substr(0, open)).append(make(rest.substr(open + 1, close - open - 1), depth + 1));
      rest.remove_prefix(close + 1);
    }
    return text.append(rest);
  }

 private:
  static constexpr int max_depth = 5;
  const Grammar grammar_ = load_grammar();
  std::mt19937 random_;
};

}  // namespace

TEST_CASE("every node of a random statement is visited") {
  Generator generator(Catch::getSeed());
  std::size_t bytes = 0;
  for (int i = 0; i < 3'000; ++i) {
    const std::string sql = generator.make("statement");
    bytes += sql.size();
    INFO(sql);
    CHECK(walk_differences(sql) == std::vector<std::string>{});
  }
  CHECK(bytes > 300'000);
}

}  // namespace pgwarden::policy
