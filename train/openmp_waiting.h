// How idle OpenMP threads wait.
#pragma once

namespace amcl {

// Lets idle threads of OpenMP sleep. By default they spin, which makes a step up to five times
// slower as soon as any other program wants a core. libgomp reads this from the environment alone,
// when it is loaded, so the program starts itself once more; a choice that the user made there
// (OMP_WAIT_POLICY, GOMP_SPINCOUNT) stays. argv: of main; nothing may be open or written before.
void let_openmp_threads_sleep(const char* const* argv);

}  // namespace amcl
