#include "engine/io/sha256.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tests/io/scratch_directory.h"

namespace amcl {
namespace {

std::string sha256(std::string_view text, size_t piece) {
  Sha256 hash;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
    hash.add(std::as_bytes(std::span(text.substr(0, piece))));
  return hash.finish();
}

TEST_CASE("SHA-256: the examples of FIPS 180-4, in one piece and in many") {
  const std::string million(1'000'000, 'a');
  for (const size_t piece : {size_t{1}, size_t{63}, size_t{64}, size_t{1000}, size_t{2'000'000}}) {
    CHECK(sha256("abc", piece) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", piece) ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(sha256(million, piece) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  }
  CHECK(Sha256().finish() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("SHA-256: lengths around the end of a block") {
  // Of that many letters a; sha256sum prints the same.
  CHECK(sha256(std::string(55, 'a'), 64) ==
        "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  CHECK(sha256(std::string(56, 'a'), 64) ==
        "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
  CHECK(sha256(std::string(64, 'a'), 64) ==
        "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}

TEST_CASE("SHA-256: of a file") {
  const test::ScratchDirectory directory;
  test::write_text(directory.file("abc"), "abc");
  CHECK(sha256_of_file(directory.file("abc")) == sha256("abc", 3));
}

}  // namespace
}  // namespace amcl
