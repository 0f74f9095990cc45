// Damaged files by the thousand: a reader gives its data or one clear error, never anything else.
// With AMCL_FUZZ_SECONDS each target runs that long, without it for a few hundred files; meant for
// the preset asan.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "engine/core/check.h"
#include "engine/core/philox.h"

namespace amcl {

// A file with one to four changes: bits, bytes, a part repeated, removed or cut off. Half of the
// changes are at the beginning, where headers are.
std::string mutated(RandomStream& random, std::string file);

// Calls read(random) again and again; it throws Error of one of `kinds` for what it refuses.
// Something must have been accepted and something refused at the end.
void fuzz(const std::function<void(RandomStream&)>& read, const std::vector<ErrorKind>& kinds);

// The same with read(file, random) for mutations of the seeds.
void fuzz_content(const std::vector<std::string>& seeds,
                  const std::function<void(const std::string&, RandomStream&)>& read);

}  // namespace amcl
