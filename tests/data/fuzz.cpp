#include "tests/data/fuzz.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace amcl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kFilesWithoutLimit = 300;

// Whether the test goes on after `made` files.
class Limit {
 public:
  Limit() {
    const char* text = std::getenv("AMCL_FUZZ_SECONDS");
    if (text == nullptr) return;
    timed_ = true;
    end_ +=
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::atof(text)));
  }

  bool allows(int64_t made) const {
    return timed_ ? Clock::now() < end_ : made < kFilesWithoutLimit;
  }

 private:
  bool timed_ = false;
  Clock::time_point end_ = Clock::now();
};

}  // namespace

std::string mutated(RandomStream& random, std::string file) {
  const auto below = [&](size_t count) {
    return static_cast<size_t>(random.below(static_cast<uint32_t>(std::max<size_t>(count, 1))));
  };
  for (size_t change = 1 + below(4); change > 0 && !file.empty(); --change) {
    const size_t place =
        below(2) == 0 ? below(std::min<size_t>(file.size(), 64)) : below(file.size());
    switch (below(6)) {
      case 0:
        file[place] = static_cast<char>(file[place] ^ 1 << below(8));
        break;
      case 1:
        file[place] = static_cast<char>(below(256));
        break;
      case 2:
        file[place] = below(2) == 0 ? '\0' : '\xff';
        break;
      case 3:
        file.resize(below(file.size()));
        break;
      case 4:
        file.insert(place, file.substr(below(file.size()), below(40)));
        break;
      default:
        file.erase(place, below(20));
        break;
    }
  }
  return file;
}

void fuzz(const std::function<void(RandomStream&)>& read, const std::vector<ErrorKind>& kinds) {
  RandomStream random(17, RandomPurpose::synthetic, 0, 0, 0);
  int64_t accepted = 0;
  int64_t refused = 0;
  for (const Limit limit; limit.allows(accepted + refused);) {
    try {
      read(random);
      ++accepted;
    } catch (const Error& error) {
      INFO(error.what());
      REQUIRE(std::find(kinds.begin(), kinds.end(), error.kind()) != kinds.end());
      ++refused;
    }
  }
  MESSAGE(accepted, " accepted, ", refused, " refused");
  CHECK(accepted > 0);
  CHECK(refused > 0);
}

void fuzz_content(const std::vector<std::string>& seeds,
                  const std::function<void(const std::string&, RandomStream&)>& read) {
  const auto read_one = [&](RandomStream& random) {
    const std::string& seed = seeds[random.below(static_cast<uint32_t>(seeds.size()))];
    read(mutated(random, seed), random);
  };
  fuzz(read_one, {ErrorKind::data});
}

}  // namespace amcl
