#include "train/config/value_text.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>

namespace amcl {
namespace {

TEST_CASE("value_text: numbers read back to the same bits and are short") {
  for (const double number :
       {0.0, -0.0, 0.1, 1.0 / 3.0, 5e-4, 1e-5, 6.02e23, 1e15, 9007199254740993.0,
        2.2250738585072014e-308, -5e-324, 123456789.125}) {
    double read = 1.0;
    INFO(number_text(number));
    CHECK(parse_value(number_text(number), read) == nullptr);
    CHECK(std::bit_cast<uint64_t>(read) == std::bit_cast<uint64_t>(number));
  }
  CHECK(number_text(0.0005) == "0.0005");
  CHECK(number_text(100.0) == "100");
  CHECK(number_text(1e-5) == "1e-05");
}

TEST_CASE("value_text: what is no value of the kind is refused") {
  double number = 0.0;
  int64_t integer = 0;
  uint64_t seed = 0;
  bool truth = false;
  std::string text;
  for (const char* bad : {"", " 1", "1 ", "1x", "0x10", "--1", "1,5"}) {
    INFO('\'', bad, '\'');
    CHECK(parse_value(bad, number) != nullptr);
    CHECK(parse_value(bad, integer) != nullptr);
  }
  CHECK(parse_value("9223372036854775807", integer) == nullptr);
  CHECK(parse_value("9223372036854775808", integer) != nullptr);
  CHECK(parse_value("9223372036854775808", seed) != nullptr);
  CHECK(parse_value("-1", seed) != nullptr);
  CHECK(parse_value("1", truth) != nullptr);
  CHECK(parse_value("true", truth) == nullptr);
  CHECK(truth);
  CHECK(parse_value("false", truth) == nullptr);
  CHECK_FALSE(truth);
  CHECK(parse_value("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x98", text) == nullptr);
  for (const char* bad : {"\xff", "\xc3", "\x80", "\xe2\x82", "a\xc3z"}) {
    CHECK(parse_value(bad, text) != nullptr);
  }
}

TEST_CASE("value_text: a probability is one number, or one for each view") {
  ViewProbability probability = 0.0;
  CHECK(parse_value("0.5", probability) == nullptr);
  CHECK(probability == ViewProbability(0.5));
  CHECK(probability_text(probability) == "0.5");
  CHECK(parse_value("1,0.1", probability) == nullptr);
  CHECK(probability == ViewProbability(1.0, 0.1));
  CHECK(probability_text(probability) == "1,0.1");
  for (const char* bad : {"", "0.5,", ",1", "1,0.1,0.2", "a"}) {
    CHECK_MESSAGE(parse_value(bad, probability) != nullptr, bad);
  }
}

TEST_CASE("value_text: lists need exactly their count of numbers") {
  std::array<double, 2> two{};
  CHECK(parse_value("0.2,1", two) == nullptr);
  CHECK(two[0] == 0.2);
  CHECK(two[1] == 1.0);
  for (const char* bad : {"0.2", "0.2,", ",1", "0.2,1,2", "0.2;1", "0.2, 1"}) {
    CHECK_MESSAGE(parse_value(bad, two) != nullptr, bad);
  }
}

TEST_CASE("value_text: a range says what it allows and refuses the rest") {
  const ValueRange share{.low = 0.0, .high = 1.0};
  CHECK(range_text(share) == "from 0 to 1");
  CHECK(range_complaint(share, 0.0).empty());
  CHECK(range_complaint(share, 1.0).empty());
  CHECK(range_complaint(share, 1.5) == "must be from 0 to 1");
  const ValueRange positive{.low = 0.0, .above_low = true};
  CHECK(range_text(positive) == "above 0");
  CHECK(range_complaint(positive, 0.0) == "must be above 0");
  CHECK(range_text({.low = 2.0}) == "at least 2");
  CHECK(range_text({}).empty());
  CHECK(range_complaint({}, std::nan("")) == "must be a finite number");
  CHECK(range_complaint({}, INFINITY) == "must be a finite number");
}

TEST_CASE("value_text: a choice lists what is allowed and the nearest") {
  CHECK(choice_complaint({"cifar", "imagenet"}, "cifar").empty());
  CHECK(choice_complaint({}, "anything").empty());
  CHECK(choice_complaint({"cifar", "imagenet"}, "imagnet") ==
        "must be one of cifar, imagenet; the nearest is imagenet");
  CHECK(choice_complaint({"simclr"}, "moco") == "can only be simclr");
}

TEST_CASE("value_text: a choice that ends in :N stands for every whole number there") {
  const std::vector<std::string> devices = {"cpu", "cuda", "cuda:N"};
  for (const char* good : {"cuda", "cuda:0", "cuda:17"}) {
    CHECK_MESSAGE(is_choice(devices, good), good);
  }
  for (const char* bad : {"cuda:", "cuda:x", "cuda:1x", "cuda:-1", "cuda:+1", "cuda: 1", "cuda:N",
                          "cuda1", "cuda:99999999999", "cpu:1", ":1", ""}) {
    CHECK_MESSAGE(!is_choice(devices, bad), bad);
  }
  CHECK(choice_complaint(devices, "cuda:x") ==
        "must be one of cpu, cuda, cuda:N; the nearest is cuda:N");
}

}  // namespace
}  // namespace amcl
