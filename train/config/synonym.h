// What other programs call the settings of this one.
#pragma once
#include <span>
#include <string>

namespace amcl {

struct Synonym {
  const char* name;        // "batch_size"
  const char* key;         // "batch"
  const char* value = "";  // where the name says it too: "cuda" of "gpu"
};

std::span<const Synonym> synonyms();

// `name` as a flag or a key: "--batch-size", "batch_size". Null if there is none.
const Synonym* find_synonym(const std::string& name);

// "--device cuda"
std::string flag_of(const Synonym& synonym);

}  // namespace amcl
