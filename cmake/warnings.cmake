# amcl_warnings(target): the warnings that every target of ours must be free of.
# Not on: -Wsign-conversion, whose only finds here were index arithmetic that int64_t already makes safe.
function(amcl_warnings target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Wshadow -Wnon-virtual-dtor
    -Wold-style-cast -Wcast-qual -Woverloaded-virtual -Wundef -Wunused
    $<$<BOOL:${AMCL_WERROR}>:-Werror>)
endfunction()

# amcl_library(name sources...): a static library that includes by full path from the root.
function(amcl_library target)
  add_library(${target} STATIC ${ARGN})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
  target_compile_features(${target} PUBLIC cxx_std_20)
  amcl_warnings(${target})
endfunction()
