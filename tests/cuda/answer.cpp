// A library for runtime_library_test.cpp to open.
extern "C" int answer() {
  return 42;
}
